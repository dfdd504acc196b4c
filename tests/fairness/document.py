"""What docs/fairness.md holds of the runs: tables, each row made of one run."""

from collections.abc import Mapping
from pathlib import Path

from shared.errors import HeadgateError
from tests.fairness.plot import Curves, picture
from tests.fairness.runs import COLD, NAMES, WARM, Outcome
from tests.fairness.workload import Workload

DOCS = Path(__file__).parents[2] / "docs"

#: The page, and the picture on it.
PAGE, PICTURE = DOCS / "fairness.md", DOCS / "fairness-apart.svg"

#: The bounds, in U: for two backlogged tenants; for a backlogged one beside any.
PAIR, ANY = 2.0, 4.0

#: What a scheduler's runs came to, by its name.
Outcomes = Mapping[str, Outcome]


def bounds_row(workload: Workload, outcomes: Outcomes) -> str:
    """How far apart backlogged tenants came, and how far one fell behind any other; in bold what broke the bound."""
    cells = [f"{_held(outcomes[name].apart, PAIR)} · {_held(outcomes[name].behind, ANY)}" for name in NAMES]
    return _row(workload.name, f"{workload.in_flight:,.0f}", *cells)


def section(workload: Workload, outcomes: Outcomes) -> str:
    """The paper's measure of one workload, a row by scheduler."""
    many = f"{len(workload.requests):,} requests in {workload.seconds // 60} minutes"
    head = ["", "served a second", "largest", "mean", "variance"]
    rows = [_measure_row(name, outcomes[name]) for name in NAMES]
    return "\n".join([f"**{workload.name}**: {workload.about}; {many}.", "", *_head(head), *rows])


def waits_row(workload: Workload, outcomes: Outcomes) -> str:
    """How long requests of those waited that ask for less than their share: median and longest, in seconds."""
    cells = [f"{median:.1f} · {longest:.0f}" for median, longest in (outcomes[name].waits for name in NAMES)]
    return _row(workload.name, *cells)


def beside_row(workload: Workload, outcomes: Outcomes) -> str:
    """The mean difference, and how far apart two tenants came: VTC's, and Headgate's cold and warm."""
    cells = [f"{outcomes[name].difference.mean:.1f} · {outcomes[name].apart:.2f}" for name in ("VTC", WARM, COLD)]
    return _row(workload.name, *cells)


def page(text: str, all_outcomes: Mapping[Workload, Outcomes]) -> str:
    """The same page with the tables of these runs."""
    modest = {workload: outcomes for workload, outcomes in all_outcomes.items() if workload.modest}
    tables = {
        "bounds": [*_head(["workload", "U", *NAMES]), *(bounds_row(*pair) for pair in all_outcomes.items())],
        "waits": [*_head(["workload", *NAMES]), *(waits_row(*pair) for pair in modest.items())],
        "beside": [*_head(["workload", "VTC", WARM, COLD]), *(beside_row(*pair) for pair in all_outcomes.items())],
        "measure": ["\n\n".join(section(*pair) for pair in all_outcomes.items())],
    }
    for name, lines in tables.items():
        text = _within(text, name, "\n".join(lines))
    return text


def curves(outcomes: Outcomes) -> Curves:
    return {name: outcomes[name].curve for name in NAMES}


def drawn(all_outcomes: Mapping[Workload, Outcomes]) -> str:
    return picture({workload.name: curves(outcomes) for workload, outcomes in all_outcomes.items()})


def _measure_row(name: str, outcome: Outcome) -> str:
    measured = outcome.difference
    figures = (outcome.trace.rate, measured.largest, measured.mean, measured.variance)
    return _row(name, *(f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" for figure in figures))


def _held(value: float, bound: float) -> str:
    return f"{value:.2f}" if value <= bound else f"**{value:.1f}**"


def _head(names: list[str]) -> list[str]:
    return [_row(*names), "|---" * len(names) + "|"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _within(text: str, name: str, content: str) -> str:
    before, begin, rest = text.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not (begin and end):
        raise HeadgateError(f"{PAGE.name} has no place for a table: put <!-- {name} --> and <!-- /{name} --> into it")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"
