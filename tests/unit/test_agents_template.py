"""Templates of tenants: what they show, what they may not have, and that nothing they are given is looked at again."""

import re
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.agents.configuration import PROMPT
from shared.agents.templates.grammar import BadTemplate
from shared.agents.templates.template import (
    LONGEST,
    PROMPT_VARIABLES,
    RESPONSE_VARIABLES,
    TooMuchWork,
    check,
    render,
)

VALUES: dict[str, Any] = {
    "name": "Ada",
    "tone": None,
    "language": "no",
    "tenant": "Acme",
    "agent": "default",
    "user": {"identifier": "u-1", "plan": "gold", "age": 41, "beta": True},
    "today": "2026-11-22",
}


def shown(template: str, **user: Any) -> str:
    return render(template, VALUES | {"user": VALUES["user"] | user})


def refused(template: str) -> BadTemplate:
    with pytest.raises(BadTemplate) as caught:
        check(template, PROMPT_VARIABLES)
    return caught.value


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("Answer from { what } you %find#.\n", "Answer from { what } you %find#.\n"),
        ("You are {{ name }} of {{ tenant }}.\n", "You are Ada of Acme.\n"),
        ("{{ tone | default('warm') }}/{{ tone }}", "warm/"),
        ("{{ user.plan }} {{ user['age'] }} {{ user.beta }}", "gold 41 true"),
        ("{{ user.items }}{{ user.__class__ }}{{ user.unheard_of }}", ""),
        ("{% if user.plan in ['gold', 'silver'] and not tone %}A{% else %}B{% endif %}", "A"),
        ("{% if user.age >= 18 %}A{% elif user.age %}B{% endif %}", "A"),
        ("{% if user.unheard_of > 3 or user.plan < 3 or 'x' in user.age %}A{% else %}B{% endif %}", "B"),
        ("{% if 'o' not in user.plan %}A{% endif %}{% if user.x is undefined %}B{% endif %}", "B"),
        ("{{ 'A' if tone }}{{ name | upper | truncate(2) }}", "A…"),
        ("{% raw %}{{ name }}{% endraw %}{# unsaid #}", "{{ name }}"),
    ],
)
def test_a_template_shows_what_it_names(template: str, result: str) -> None:
    check(template, PROMPT_VARIABLES)
    assert shown(template) == result


def test_the_prompt_that_an_agent_has_by_default_is_a_template() -> None:
    check(PROMPT, PROMPT_VARIABLES)
    assert "Ada" in shown(PROMPT)


def test_a_response_template_dresses_the_answer() -> None:
    template = "{{ answer }}{% if sources %}\n\nSee {{ sources | join(' and ') }}.{% endif %}"
    check(template, RESPONSE_VARIABLES)
    values: dict[str, Any] = {"answer": "42", "name": "Ada", "user": {}}
    assert render(template, values | {"sources": ["a.md", "b.md"]}) == "42\n\nSee a.md and b.md."
    assert render(template, values | {"sources": []}) == "42"
    with pytest.raises(BadTemplate, match="'answer'"):
        check("{{ answer }}", PROMPT_VARIABLES)


def test_what_a_user_says_is_never_a_template() -> None:
    assert shown("{{ user.plan }}", plan="{{ tenant }}{% if x %}") == "{{ tenant }}{% if x %}"


@pytest.mark.parametrize(
    ("template", "line", "said"),
    [
        ("Hello.\n\n{{ nme }}", 3, "no variable 'nme': variables are agent, "),
        ("{% if name %}\nA\n{% endfi %}", 3, "endfi"),
        ("A\n{{ name\nB\n{{ tone }}\n", 2, "a `{{` is not closed: write `}}`"),
        ("A\r\n{{ name }\nB\n", 2, "a `{{` is not closed"),
        ("{% raw %}{{ {% endraw %}{{ '{{' }}\n{% if name\nA{% endif %}", 2, "a `{%` is not closed"),
        ("{% raw %}\n{{ name", 1, "raw"),
        ("{# {{ #}\n{# A\n", 2, "a `{#` is not closed"),
        ("{{ name name }}\n{{ tone }}", 1, "expected token"),
        ("A\n{% for x in name %}{% endfor %}", 2, "a loop may not stand"),
        ("{{ name.upper() }}", 1, "a call"),
        ("{{ name * 100000 }}", 1, "arithmetic"),
        ("{{ 9 ** 9 ** 9 }}", 1, "arithmetic"),
        ("{{ name ~ name }}", 1, "`~`"),
        ("A\nB {% set x = name %}", 2, "`set`"),
        ("{% include 'other' %}", 1, "`include`"),
        ("{% macro m() %}{% endmacro %}", 1, "`macro`"),
        ("\n{% autoescape true %}{% endautoescape %}", 2, "`scope`"),
        ("{{ name.__class__ }}", 1, "only `user` has fields"),
        ("{{ user.plan.__class__ }}", 1, "only `user` has fields"),
        ("{{ user[name] }}", 1, "not written out"),
        ("{{ user }}", 1, "`user` alone"),
        ("{{ name | attr('x') }}", 1, "no filter 'attr': filters are default"),
        ("{{ name | center(10) }}", 1, "no filter 'center'"),
        ("{{ name | truncate('9') }}", 1, "takes a constant: one int"),
        ("{{ name | default(user.plan) }}", 1, "takes a constant"),
        ("{{ name is string }}", 1, "after `is`"),
        ("{{ 1 < name < 3 }}", 1, "join them by `and`"),
        ("{{ 'a\\0b' }}", 1, "no model takes"),
        ("\n{{ " + "9" * 5000 + " }}", 2, "number"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", 1, "nested too deeply"),
        ("{{ " + "not " * 40 + "name }}", 1, "nested deeper than 32"),
        ("{{ name }}" * 1001, 1, "more than 1,000 parts"),
    ],
)
def test_what_a_template_may_not_have_is_refused_with_its_line(template: str, line: int, said: str) -> None:
    error = refused(template)
    assert (error.line, said in error.said) == (line, True), error


def test_what_is_refused_is_not_rendered_either() -> None:
    with pytest.raises(BadTemplate):
        shown("{{ name.upper() }}")
    with pytest.raises(BadTemplate):
        render("{{ name }}", {})


def test_a_result_is_cut_at_its_longest() -> None:
    assert len(shown("{{ user.plan }}" * 400, plan="x" * 4000)) == LONGEST


@pytest.mark.parametrize(
    "template",
    [
        "{{ answer" + "|title" * 28 + " }}",
        "{% if 'not there' in answer %}A{% endif %}" * 100,
        "{% if answer == sources %}A{% endif %}{{ sources | join | length }}" * 80,
    ],
)
def test_a_template_goes_through_so_much_of_what_it_shows_and_no_more(template: str) -> None:
    """Ten milliseconds' worth; other threads wait meanwhile."""
    check(template, RESPONSE_VARIABLES)
    values: dict[str, Any] = {"name": "Ada", "user": {}}
    small: dict[str, Any] = {"answer": "a" * 4000, "sources": ["a.md"] * 20}
    assert isinstance(render(template, values | small), str)
    large: dict[str, Any] = {"answer": "Ab é" * 125_000, "sources": ["a.md"] * 100_000}
    begun = time.thread_time()
    with pytest.raises(TooMuchWork, match="use fewer"):
        render(template, values | large)
    assert time.thread_time() - begun < 0.2


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "\n", " ", "'", '"', "\\", "(", ")", "[", "]", "|", ".", ",", "=="),
        *("if ", "else", "endif", "for x in ", "not ", "and ", "is ", "in ", "<", "-", "+", "*", "~", "raw", "set "),
        *("name", "user", "tone", "user.age", "join", "default", "truncate", "__class__", "1", "9.5", "'a'", "none"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join))
@example("{{ user.age|truncate(1)|join|length|title }}{% if 1 in user.age %}{% endif %}")
def test_any_text_is_a_template_that_renders_or_is_refused(template: str) -> None:
    with suppress(BadTemplate):
        check(template, PROMPT_VARIABLES)
        assert isinstance(shown(template), str)
        return
    assert 1 <= refused(template).line <= len(re.split(r"\r\n|\r|\n", template))
