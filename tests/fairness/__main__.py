"""Rewrites the tables and the picture of docs/fairness.md: `make fairness`. A test holds them to what runs give."""

import sys

from tests.fairness.document import PAGE, PICTURE, drawn, page
from tests.fairness.runs import outcomes
from tests.fairness.workloads import WORKLOADS
from tests.support.cells import test_servers


def main() -> None:
    with test_servers() as servers:
        runs = {workload: outcomes(workload, servers.redis_url) for workload in WORKLOADS}
    PAGE.write_text(page(PAGE.read_text(), runs))
    PICTURE.write_text(drawn(runs))
    sys.stdout.write(f"wrote {PAGE.name} and {PICTURE.name}\n")


if __name__ == "__main__":
    main()
