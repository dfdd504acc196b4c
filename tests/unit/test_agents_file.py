"""A tenant's file: everything that is wrong with it is said, each thing with its line, and whoever wrote it."""

import pytest

from shared.agents.files.document import LARGEST
from shared.agents.files.file import BadFile, ReadFile, read_file
from shared.agents.saving.problem import Problem


def read(text: str) -> ReadFile:
    return read_file("acme.yaml", text.encode())


def wrong(text: str | bytes) -> list[str]:
    with pytest.raises(BadFile) as caught:
        read_file("acme.yaml", text if isinstance(text, bytes) else text.encode())
    return caught.value.lines


def test_a_file_says_what_it_names_and_nothing_else() -> None:
    said = read("residency: none\nagents:\n  default: {model: gpt-4.1-mini, language: no}\n").said
    assert said.model_fields_set == {"residency", "agents"}
    assert (said.residency, said.agents["default"].language) == (None, "no")


def test_everything_that_is_wrong_is_said_with_its_line() -> None:
    text = """\
tenant: acme
weight: heavy
agents:
  default:
    modell: gpt-4.1-mini
    tools: [search_knowledge,
            "no tool"]
    business_hours:
      time_zone: Europe/Nowhere
      days:
        monday: ["17:00-09:00"]
        sumday: []
connections:
  orders:
    kind: http
    url: orders.example
    description: Orders
  a__b: {kind: mcp, url: "https://a.example"}
  c: {kind: smtp}
"""
    lines = wrong(text)
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in lines] == [
        "acme.yaml:2 weight",
        "acme.yaml:4 agents.default.model",
        "acme.yaml:5 agents.default.modell",
        "acme.yaml:7 agents.default.tools[1]",
        "acme.yaml:9 agents.default.business_hours.time_zone",
        "acme.yaml:12 agents.default.business_hours.days.sumday",
        "acme.yaml:16 connections.orders.url",
        "acme.yaml:18 connections.a__b",
        "acme.yaml:19 connections.c",
    ]
    assert "did you mean 'model'?" in lines[2]
    assert "there is no time zone 'Europe/Nowhere'" in lines[4]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tenant: acme\nweight: 1\ntenant: b\n", "acme.yaml:3: tenant: it stands there twice"),
        ("a: &a [x]\n", "acme.yaml:1: anchors and aliases"),
        ("a: 1\nb: *a\n", "acme.yaml:2: anchors and aliases"),
        ("a: !!python/object:os.system x\n", "acme.yaml:1: tags are not read"),
        ("\n" + "[" * 100_000, "acme.yaml:2: it is nested deeper than 32"),
        ("a: [\nb\n", "acme.yaml:3: no YAML"),
        ("a: 1\n---\nb: 2\n", "acme.yaml:2: no YAML"),
        ('tier: "a\\0b"\n', "acme.yaml:1: it has a character that cannot be stored"),
        ('\ntier: "\\ud800"\n', "acme.yaml:2: it has a character that cannot be stored"),
        ('tier: "\\UFFFFFFFF"\n', "acme.yaml:1: no YAML"),
        ("a: 1\nb: \x01\n", "acme.yaml:2: it has a character that YAML does not take"),
        (b"a: 1\nb: \xff\n", "acme.yaml:2: it is not in UTF-8"),
        ("? [a]\n: b\n", "acme.yaml:1: a key must be a word"),
        ("- a\n", "acme.yaml:1: it should be a mapping"),
        ("", "acme.yaml:1: it is empty"),
        (b" " * (LARGEST + 1), "acme.yaml:1: it has more than 1,048,576 bytes"),
        ("weight: 99999999999999999999999999999999999999\n", "acme.yaml:1: weight: should be less than"),
        ("residency: EU!\n", "acme.yaml:1: residency: it cannot be 'EU!': write it as `eu` or `eu-west-1`"),
        ("limits:\n  turnz: 3\n", "acme.yaml:2: limits.turnz: there is no limit 'turnz': limits are running, turns"),
        ("limits: {burst: 0}\n", "acme.yaml:1: limits.burst: should be greater than or equal to 1"),
        ("limits:\n  turns: many\n", "acme.yaml:2: limits.turns: it should be a whole number, not 'many'"),
        (
            "agents: {a: {model: m, max_tokens: true}}\n",
            "acme.yaml:1: agents.a.max_tokens: it should be a whole number",
        ),
        (
            'agents: {a: {model: m, name: "A\\u202eb"}}\n',
            "acme.yaml:1: agents.a.name: it cannot be 'A\\u202eb': write it in",
        ),
        ("tier: 5\n", "acme.yaml:1: tier: it should be text, not 5: put it in quotes"),
        ("a: b: c\n", "acme.yaml:1: no YAML: mapping values are not allowed here: put text that has `: ` in quotes"),
        ("a: {{ name }}\n", "acme.yaml:1: a key must be a word: put text that begins with `{`"),
        ("a: 1\nb: 'x\nc: 2\n", "acme.yaml:2: no YAML: a quote is not closed"),
        ("a:\n\t- b\n", "acme.yaml:2: no YAML: found character '\\t' that cannot start any token: indent by spaces"),
    ],
)
def test_what_is_no_file_is_refused_with_its_line(text: str | bytes, line: str) -> None:
    (said,) = wrong(text)
    assert said.startswith(line)


def test_a_value_that_cannot_be_is_shown_with_how_it_is_written() -> None:
    spans, url, header = wrong("""\
agents:
  default: {model: m, business_hours: {time_zone: Europe/Berlin, days: {monday: [9-12]}}}
connections:
  a: {kind: mcp, url: "ftp://a.example"}
  b: {kind: mcp, url: "https://b.example", headers: {X-Key: "se\u00e7ret"}}
""")
    assert spans.endswith("monday[0]: it cannot be '9-12': write it as `09:00-12:30`, with two digits for each hour")
    assert url == "acme.yaml:4: connections.a.url: URL scheme should be 'http' or 'https'"
    assert header.endswith("headers.X-Key: it cannot be that: write it in one line, of signs of ASCII alone")


def test_of_very_much_that_is_wrong_not_everything_is_said() -> None:
    lines = wrong("connections:\n  a:\n    kind: mcp\n" + "".join(f"    a{number}: x\n" for number in range(1_999)))
    assert (len(lines), lines[-1]) == (101, "acme.yaml: and 1,900 more")


PROMPTS = """\
agents:
  default:
    model: m
    prompt: |  # so that lines are kept
      Hello.

      {{ nme }}
    response_template: "{{ anser }}"
    prompts:
      folded: >
        Hello.
        {{ nme }}
"""


@pytest.mark.parametrize(
    ("place", "line", "said"),
    [
        (("prompt",), 3, "acme.yaml:7: agents.default.prompt: wrong"),
        (("response_template",), 1, "acme.yaml:8: agents.default.response_template: wrong"),
        (("prompts", "folded"), 2, "acme.yaml:10: agents.default.prompts.folded: line 2 of the text: wrong"),
    ],
)
def test_what_is_wrong_within_a_text_is_shown_in_its_line(place: tuple[str, ...], line: int, said: str) -> None:
    problem = Problem(("agents", "default", *place), "wrong", line)
    assert read(PROMPTS).located([problem]).lines == [said]
