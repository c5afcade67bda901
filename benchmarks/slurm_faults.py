"""What each fault costs a job on a Slurm cluster: time to detection, time back at work, steps lost.

    python benchmarks/slurm_faults.py [--output benchmarks/results/slurm-faults.json]

Runs tests/slurm/test_pretrain.py, which disturbs real sbatch jobs of 2 nodes x 2 ranks on a throw-away cluster of virtual
nodes on this machine and compares each end state bit for bit. Limits are short there (SlurmdTimeout 10 s, watchdog 15 s),
and starting four ranks takes two cores some ten seconds: on a cluster, add its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/slurm-faults.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        table = Path(folder) / "table.json"
        tests = [sys.executable, "-m", "pytest", "-q", "tests/slurm/test_pretrain.py"]
        done = subprocess.run(tests, cwd=ROOT, env=os.environ | {"MQM_FAULT_TABLE": str(table)})
        if not table.exists():
            raise SystemExit("no fault was measured; see above")
        rows = json.loads(table.read_text())
    report = {
        "what": "faults of a job on 2 virtual nodes x 2 ranks (TP2+SP x DP2, CPU); end state equal bit for bit in each",
        "date": date.today().isoformat(),
        "command": "python benchmarks/slurm_faults.py",
        "versions": versions(),
        "all_end_states_equal": done.returncode == 0,
        "faults": rows,
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
