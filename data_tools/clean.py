"""Clean JSON lines of documents, tell their languages, and drop poor ones (docs/corpus.md).

    python data_tools/clean.py --input raw.jsonl.gz --output clean.jsonl.zst [--report clean.json] [--workers 8]

A document that is kept gets `language`, `domain` (medical terms in a hundred), and, where there were any, `changes` (how many of
each kind) and `removed` (characters of boilerplate and of repeats).
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.cleaning.whole import CleaningConfig, cleaning
from data_tools.corpus.command import step_command

if __name__ == "__main__":
    sys.exit(step_command("clean", __doc__, CleaningConfig, cleaning))
