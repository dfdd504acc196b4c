"""The fault matrix: `python -m tests.faults [--fault NAME] [--jobs 300] [--log FILE]`.

Progress and a line for each row go to stderr; the last line of stdout is one line of JSON. Exits 1 where a row is not
clean: something doubled, lost, leaked or unbilled, or a fault that never struck while a lease was live.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from tests.faults.counting import Row
from tests.faults.matrix import FAULTS
from tests.faults.row import run
from tests.faults.stage import house


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append", help="one row, or several; default: all")
    parser.add_argument("--jobs", type=int, default=300, help="turns per row")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where the workers' own words go")
    asked = parser.parse_args()
    rows: dict[str, Row] = {}
    with house(asked.log) as home:
        for name in asked.fault or FAULTS:
            begun = time.monotonic()
            rows[name] = run(FAULTS[name], home, jobs=asked.jobs)
            mark = "clean" if rows[name].clean else "NOT CLEAN"
            sys.stderr.write(f"{name} ({time.monotonic() - begun:.0f} s) {mark}: {rows[name].told()}\n")
    sys.stdout.write(json.dumps({"faults": {name: row.told() for name, row in rows.items()}}) + "\n")
    return 0 if all(row.clean for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
