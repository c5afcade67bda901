from pathlib import Path

import pytest

from tests.data_tools.raw_texts import write_tokenizer


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small tokenizer.json."""
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))
