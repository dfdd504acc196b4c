"""How a benchmark speaks: tables and progress on stderr, and as the last line of stdout one line of JSON."""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Milliseconds in a second: everything is measured in seconds and told in milliseconds.
MS = 1000


#: By name; None where this machine cannot tell.
Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Target:
    """What a figure is to be: at least `bound`, or at most."""

    figure: str
    bound: float
    least: bool

    def missed_by(self, value: float) -> float:
        """Percent of the bound; 0 or less where it is met."""
        short = self.bound - value if self.least else value - self.bound
        return 100 * short / self.bound


def at_least(figure: str, bound: float) -> Target:
    return Target(figure, bound, least=True)


def at_most(figure: str, bound: float) -> Target:
    return Target(figure, bound, least=False)


def judge(figures: Figures, targets: Sequence[Target]) -> None:
    """Say of each target whether it is met, and where it is not, by how much it is missed."""
    for target in targets:
        value, words = figures.get(target.figure), "at least" if target.least else "at most"
        if value is None:
            verdict = "not measured here"
        else:
            missed = target.missed_by(value)
            verdict = f"{value:.2f}: " + ("met" if missed <= 0 else f"MISSED by {missed:.0f} %")
        progress(f"{target.figure}, {words} {target.bound:g}: {verdict}")


def say(name: str, figures: Figures, baseline: Figures) -> None:
    """The result, for whoever reads it by machine."""
    told = {"benchmark": name, "figures": _rounded(figures), "baseline": _rounded(baseline)}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def table(head: Sequence[str], *rows: Sequence[str | float | None], digits: int = 1) -> None:
    """The result, for people."""
    lines = [list(head), *([_shown(cell, digits) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        progress("  ".join([first.strip().ljust(widths[0]), *others]))


def _shown(cell: str | float | None, digits: int) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:.{digits}f}"


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


def _rounded(figures: Figures) -> dict[str, float | None]:
    return {name: None if figure is None else round(figure, 3) for name, figure in figures.items()}
