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

from shared.telemetry import logs
from tests.faults.counting import Row
from tests.faults.matrix import FAULTS
from tests.faults.rabbitmq import there_is_one
from tests.faults.row import run
from tests.faults.stage import house


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append", help="one row, or several; default: all")
    parser.add_argument("--jobs", type=int, default=300, help="turns per row")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where the workers' own words go")
    asked = parser.parse_args()
    logs.configure("ERROR")
    rows: dict[str, Row | None] = {}
    with house(asked.log) as home:
        for name in asked.fault or FAULTS:
            begun, fault = time.monotonic(), FAULTS[name]
            rows[name] = run(fault, home, jobs=asked.jobs) if there_is_one() or not fault.rabbitmq else None
            sys.stderr.write(f"{name} ({time.monotonic() - begun:.0f} s) {_said(rows[name])}\n")
    sys.stdout.write(json.dumps({"faults": {name: row and row.told() for name, row in rows.items()}}) + "\n")
    return 0 if all(row is None or row.clean for row in rows.values()) else 1


def _said(row: Row | None) -> str:
    if row is None:
        return "not played: no RabbitMQ on 127.0.0.1:5672"
    return f"{'clean' if row.clean else 'NOT CLEAN'}: {row.told()}"


if __name__ == "__main__":
    sys.exit(main())
