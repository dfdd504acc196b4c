"""The fault matrix: `python -m tests.faults [--fault NAME] [--jobs 300]`.

Progress and a line for each row go to stderr; the last line of stdout is one line of JSON. Exits 1 where a row is not
clean: something doubled, lost, leaked or unbilled, or a fault that never struck while a lease was live.
"""

import argparse
import json
import sys

from tests.faults.matrix import FAULTS
from tests.faults.row import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="one row; default: all")
    parser.add_argument("--jobs", type=int, default=300, help="turns per row")
    asked = parser.parse_args()
    rows = {}
    for name, strike in FAULTS.items():
        if asked.fault in (None, name):
            rows[name] = run(strike, jobs=asked.jobs)
            sys.stderr.write(f"{name}: {rows[name].told()}\n")
    sys.stdout.write(json.dumps({"faults": {name: row.told() for name, row in rows.items()}}) + "\n")
    return 0 if all(row.clean for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
