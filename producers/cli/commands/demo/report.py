"""What the demo shows when the play is over: answers, each tenant's line, and the judgement."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from producers.cli.commands.demo.books import Account
from producers.cli.commands.demo.checks import Check, dollars
from producers.cli.commands.demo.play import Play
from producers.cli.commands.demo.script import PARTS
from producers.cli.output import printable, table
from shared.contracts.results import TurnResult

#: Characters that are shown of an answer.
LENGTH = 280

#: Seconds for one answer after its job is over: it is only on its way back.
ON_ITS_WAY = 30.0


def show_answers(screen: Console, play: Play) -> None:
    """The first answer that each tenant got to a question asked by people, with what was looked up for it."""
    first = {part.tenant: (part, question, job) for part, question, job in reversed(play.questions)}
    for part, question, job in first.values():
        told = job.wait(ON_ITS_WAY).data.result
        if told is None:
            continue  # it failed: a check says so
        result = TurnResult.model_validate(told)
        screen.print(f"\n{part.tenant} asks: {question}", style="bold")
        screen.print(printable(_shortened(result.answer)))
        screen.print(f"looked up in: {', '.join(result.sources)}", style="dim")


def show_accounts(screen: Console, accounts: Mapping[str, Account]) -> None:
    screen.print()
    rows = []
    for part in PARTS:
        mine = accounts[part.tenant]
        waits = (_seconds(mine.p50), _seconds(mine.p99))
        rows.append((part.tenant, part.tier, mine.jobs, *waits, mine.tokens, dollars(mine.cost_nano)))
    screen.print(table(("tenant", "tier", "jobs", "turns wait p50", "p99", "tokens", "cost"), rows))
    screen.print(f"\n{_compared(accounts)}")


def _compared(accounts: Mapping[str, Account]) -> str:
    """What the flood did to whom."""
    waits = [(part, f"{part.tenant} {_seconds(accounts[part.tenant].p50)}") for part in PARTS]
    flooding = ", ".join(wait for part, wait in waits if part.floods)
    others = ", ".join(wait for part, wait in waits if not part.floods)
    return f"Median wait in the flood: {others}; the flood's own: {flooding}."


def show_checks(screen: Console, checks: Sequence[Check]) -> None:
    for check in checks:
        sign, style = ("✓", "green") if check.passed else ("✗", "bold red")
        screen.print(f"{sign} {check.said}", style=style, soft_wrap=True)


def _shortened(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= LENGTH else f"{said[:LENGTH].rsplit(' ', 1)[0]} …"


def _seconds(wait: float) -> str:
    """As people read it: milliseconds below a second."""
    return f"{wait * 1000:.0f} ms" if wait < 1 else f"{wait:.1f} s"
