"""The demo's own judgement: each promise that the play could have broken, held against the books."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from producers.cli.commands.demo.books import Books, Draw, Totals
from shared.ledger.states import State
from shared.metering.usage import NANO


@dataclass(frozen=True)
class Check:
    passed: bool
    said: str


@dataclass(frozen=True)
class Asked:
    """What was asked for on stage: jobs accepted, and turns and documents among them by tenant."""

    accepted: Collection[UUID]
    turns: Mapping[str, int]
    documents: Mapping[str, int]


def judged(asked: Asked, books: Books, exported: Path) -> Sequence[Check]:
    """Everything that can be judged while the machine still runs."""
    return (
        all_done(asked, books),
        one_answer_each(asked, books),
        documents_complete(asked, books),
        billed_is_served(books),
        export_is_complete(books, exported),
    )


def all_done(asked: Asked, books: Books) -> Check:
    lost = [job for job in asked.accepted if job not in books.jobs]
    badly = [job for job, known in books.jobs.items() if known.state != State.DONE]
    children = len(books.jobs) - len(asked.accepted)
    if lost or badly:
        why = f"; among others: {books.errors[0]}" if books.errors else ""
        return Check(False, f"of {len(books.jobs)} jobs {len(badly)} are not done, {len(lost)} are lost{why}")
    return Check(True, f"all {len(asked.accepted)} accepted jobs are done, and {children} that these asked for")


def one_answer_each(asked: Asked, books: Books) -> Check:
    wrong = [tenant for tenant, turns in asked.turns.items() if books.answers[tenant] != (turns, turns)]
    if wrong:
        told = ", ".join(f"{tenant} {asked.turns[tenant]} and {books.answers[tenant][1]}" for tenant in wrong)
        return Check(False, f"questions and answers differ: {told}")
    return Check(True, f"{sum(asked.turns.values())} questions, one answer each")


def documents_complete(asked: Asked, books: Books) -> Check:
    complete, sent = sum(books.documents.values()), sum(asked.documents.values())
    return Check(books.documents == asked.documents, f"{complete} of {sent} documents complete")


def billed_is_served(books: Books) -> Check:
    """Call by call: the same calls, each with the same tokens, of the same tenant."""
    billed, served = books.billed, books.served
    lost = f"; the answers of {books.uncertain} calls were lost" if books.uncertain else ""
    if served is None:
        said = f"billed {_told(billed)}{lost}; what a real model served, its provider's log would say"
        return Check(books.uncertain == 0, said)
    same = billed == served
    sign = "=" if same else "≠"
    each = (
        f"{tenant} {_tokens(billed, tenant):,} {sign} {_tokens(served, tenant):,}"
        for tenant in _tenants(billed, served)
    )
    said = f"billed {_told(billed)} {sign} served {_told(served)} by the model's own log ({' · '.join(each)}){lost}"
    return Check(same and books.uncertain == 0, said)


def export_is_complete(books: Books, exported: Path) -> Check:
    found, recorded = totals_of(exported), books.recorded
    if found != recorded:
        return Check(False, f"the export says {found}, the usage records {recorded}")
    return Check(
        True, f"the export's totals are the usage records': {found.tokens:,} tokens, {dollars(found.cost_nano)}"
    )


def nothing_left(remaining: Sequence[str]) -> Check:
    """What of the demo's processes and files is still there after its end."""
    if remaining:
        return Check(False, f"left over: {', '.join(remaining)}")
    return Check(True, "nothing is left running")


def totals_of(exported: Path) -> Totals:
    """The sums of an export's columns over what was drawn; money is exact there, to the nano-dollar."""
    with exported.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["meter"].startswith("tokens.")]
    cost = sum((Decimal(row["cost_usd"]) for row in rows), Decimal())
    tokens, records = (sum(int(row[column]) for row in rows) for column in ("quantity", "records"))
    return Totals(tokens, int(cost * NANO), records)


def dollars(nano: int) -> str:
    """Nano-dollars for people, to a hundredth of a cent."""
    return f"${Decimal(nano) / NANO:.4f}"


def _told(draws: Mapping[str, Draw]) -> str:
    return f"{sum(draw.tokens for draw in draws.values()):,} tokens in {len(draws):,} calls"


def _tenants(*books: Mapping[str, Draw]) -> Sequence[str]:
    return sorted({draw.tenant for draws in books for draw in draws.values()})


def _tokens(draws: Mapping[str, Draw], tenant: str) -> int:
    return sum(draw.tokens for draw in draws.values() if draw.tenant == tenant)
