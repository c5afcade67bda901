"""Pages and selections open at once: nothing of them waits for torch."""

import subprocess
import sys

from tests.align.annotation.cases import ENVIRONMENT, ROOT


def test_the_verbs_import_neither_torch_nor_transformers() -> None:
    script = ("import sys, megatron_qm.commands.annotate, megatron_qm.commands.select\n"
              "print(sorted({'torch', 'megatron', 'transformers'} & set(sys.modules)))")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=ROOT, env=ENVIRONMENT)
    assert ended.stdout == "[]\n", ended.stderr
