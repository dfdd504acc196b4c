"""The demo's judgement: each check must be able to fail, and one that fails makes the demo fail."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from producers.cli.commands.demo import verdict
from producers.cli.commands.demo.books import Account, Books, Draw, Job, Totals
from producers.cli.commands.demo.checks import (
    Asked,
    Check,
    all_done,
    billed_is_served,
    documents_complete,
    export_is_complete,
    judged,
    nothing_left,
    one_answer_each,
)

JOB, CHILD = UUID(int=1), UUID(int=2)

CALLS = {f"{JOB}/0.model/1/1": Draw("acme", 30), f"{JOB}/1.model/1/1": Draw("acme", 12)}

ASKED = Asked(accepted={JOB}, turns={"acme": 1}, documents={"acme": 2})

JOBS = {JOB: Job("acme", "agent.turn", "done"), CHILD: Job("acme", "knowledge.embed", "done")}

SWAPPED = {call: replace(draw, tokens=21) for call, draw in CALLS.items()}

FOREIGN = {call: replace(draw, tenant="globex") for call, draw in CALLS.items()}

BOOKS = Books(
    jobs=JOBS,
    billed=CALLS,
    uncertain=0,
    served=CALLS,
    answers={"acme": (1, 1)},
    documents={"acme": 2},
    errors=(),
    recorded=Totals(tokens=42, cost_nano=1_500, records=4),
    accounts={"acme": Account(jobs=2, p50=0.1, p99=0.2, tokens=42, cost_nano=1_500)},
)

EXPORT = """tenant,period,meter,model,status,quantity,cost_usd,records
acme,2026-11,tokens.input,rehearsal-1,billed,40,0.000001400,2
acme,2026-11,tokens.output,rehearsal-1,billed,2,0.000000100,2
"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(EXPORT)
    return path


def test_demo_is_content_when_all_books_agree(exported: Path) -> None:
    checks = judged(ASKED, BOOKS, exported)
    assert [check.said for check in checks if not check.passed] == []
    assert verdict(checks) == 0


def test_demo_names_what_was_billed_and_what_was_served() -> None:
    assert billed_is_served(BOOKS).said.startswith(
        "billed 42 tokens in 2 calls = served 42 tokens in 2 calls by the model's own log (acme 42 = 42)"
    )


def test_demo_says_why_a_job_ended_badly() -> None:
    dead = replace(BOOKS, jobs=JOBS | {JOB: Job("acme", "agent.turn", "dead")}, errors=["the model is away"])
    assert all_done(ASKED, dead).said == "of 2 jobs 1 are not done, 0 are lost; among others: the model is away"


def test_demo_does_not_compare_with_a_real_model() -> None:
    check = billed_is_served(replace(BOOKS, served=None))
    assert check.passed
    assert "served" in check.said
    assert "=" not in check.said


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(all_done(replace(ASKED, accepted={JOB, UUID(int=3)}), BOOKS), id="an accepted job is lost"),
        pytest.param(
            all_done(ASKED, replace(BOOKS, jobs=JOBS | {CHILD: Job("acme", "knowledge.embed", "dead")})),
            id="a job is dead",
        ),
        pytest.param(one_answer_each(ASKED, replace(BOOKS, answers={"acme": (1, 0)})), id="an answer is missing"),
        pytest.param(one_answer_each(ASKED, replace(BOOKS, answers={"acme": (2, 2)})), id="an answer is doubled"),
        pytest.param(documents_complete(ASKED, replace(BOOKS, documents={"acme": 1})), id="a document is incomplete"),
        pytest.param(billed_is_served(replace(BOOKS, billed={})), id="nothing is billed"),
        pytest.param(billed_is_served(replace(BOOKS, billed=SWAPPED)), id="the sums agree and the calls do not"),
        pytest.param(billed_is_served(replace(BOOKS, billed=FOREIGN)), id="another tenant is billed"),
        pytest.param(billed_is_served(replace(BOOKS, uncertain=1)), id="a call's outcome is unknown"),
        pytest.param(billed_is_served(replace(BOOKS, served=None, uncertain=1)), id="unknown with a real model"),
        pytest.param(nothing_left(["process 7"]), id="a process is left"),
    ],
)
def test_demo_fails_when(check: Check) -> None:
    assert not check.passed
    assert verdict([Check(True, ""), check]) == 1


@pytest.mark.parametrize(("before", "after"), [("40", "41"), ("0.000001400", "0.000001401"), (",2\n", ",3\n")])
def test_demo_fails_when_the_export_says_something_else(exported: Path, before: str, after: str) -> None:
    exported.write_text(EXPORT.replace(before, after, 1))
    assert not export_is_complete(BOOKS, exported).passed
