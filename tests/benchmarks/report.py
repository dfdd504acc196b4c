"""How a benchmark speaks: tables and progress on stderr, and as the last line of stdout one line of JSON."""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence

#: Milliseconds in a second: everything is measured in seconds and told in milliseconds.
MS = 1000


def say(name: str, figures: Mapping[str, float], baseline: Mapping[str, float]) -> None:
    """The result, for whoever reads it by machine."""
    told = {"benchmark": name, "figures": _rounded(figures), "baseline": _rounded(baseline)}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def table(head: Sequence[str], *rows: Sequence[str | float]) -> None:
    """The result, for people."""
    lines = [list(head), *([f"{cell:.1f}" if isinstance(cell, float) else cell for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        progress("  ".join([first.strip().ljust(widths[0]), *others]))


def percentile(values: Sequence[float], percent: int) -> float:
    """Interpolated between the two nearest of the values (inclusive method)."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def median(values: Sequence[float]) -> float:
    """Of several rounds: one that the machine disturbed does not count."""
    return statistics.median(values)


def tails(rounds: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Of seconds measured in several rounds, p50 and p99 in milliseconds: of each, the median of the rounds."""
    p50, p99 = (median([percentile(values, percent) for values in rounds]) * MS for percent in (50, 99))
    return p50, p99


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(figure, 3) for name, figure in figures.items()}
