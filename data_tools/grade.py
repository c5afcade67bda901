#!/usr/bin/env python3
"""Authority grades A to E for documents, by rules on type, source, year and impact factor; the first that holds decides.

    python data_tools/grade.py --input corpus.jsonl.zst --output graded.jsonl.zst --report grades.json --training pretraining

The rules that ship are data_tools/corpus/grading/rules.yaml; --rules names others.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.command import step_command
from data_tools.corpus.grading.grader import GradeConfig, grader

if __name__ == "__main__":
    sys.exit(step_command("grade", __doc__ or "", GradeConfig, grader))
