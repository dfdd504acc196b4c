"""What commands print: on wide lines and narrow ones, and as documents."""

from dataclasses import dataclass
from io import StringIO
from uuid import UUID

import orjson
import pytest
from rich.console import Console

from producers.cli.output import document, table, words

JOB = "01a20622-bc04-7760-8eef-95192d50ec84"


@dataclass(frozen=True)
class Line:
    tenant_id: str
    job_id: UUID
    payload: dict[str, str]


def printed(width: int, *rows: tuple[object, ...]) -> list[str]:
    out = StringIO()
    Console(file=out, width=width).print(table(("job", "said", "error"), rows))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_table_keeps_ids_whole_and_breaks_sentences() -> None:
    lines = printed(60, (JOB, "one two three four five six seven", None))
    assert lines[0].split() == ["job", "said", "error"]
    assert lines[1].startswith(JOB)
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60


def test_what_is_too_wide_for_a_line_stands_field_by_field() -> None:
    lines = [line.split() for line in printed(46, (JOB, "one", None), (JOB, "two", "failed"))]
    assert lines == [["job", JOB], ["said", "one"], [], ["job", JOB], ["said", "two"], ["error", "failed"], []]
    assert printed(10) == ["none"]


def test_fields_have_short_names_and_what_a_tenant_wrote_stays(capsys: pytest.CaptureFixture[str]) -> None:
    document({"lines": [Line("acme", UUID(JOB), {"job_id": "mine"})]})
    said = orjson.loads(capsys.readouterr().out)
    assert said == {"lines": [{"tenant": "acme", "job": JOB, "payload": {"job_id": "mine"}}]}


def test_what_holds_several_things_inside_another_is_held_together() -> None:
    result = {"sources": ["a.md"], "models": [{"step": "0.model", "passed_over": []}, {"step": "1.model"}], "none": {}}
    assert words(result) == "sources=a.md, models=((step=0.model, passed_over=-), (step=1.model)), none=-"
    assert words({"running": 16, "turns": 4}) == "running=16, turns=4"
