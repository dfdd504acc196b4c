"""Templates of prompts and of answers, as tenants write them: Jinja, of which only little is let in.

`check` is asked when a template is saved, and says what is wrong with it and in which line; `render` is asked at every
turn. What may stand in a template is in `shared.agents.templates.grammar`. Values are shown as they are: markup of
templates in what a user or a model said is text, and is never looked at again.

A prompt that shows `user` or `today` is not the same for all turns, so providers' prompt caches hold only up to there;
a turn tells the model of its user behind the history anyway.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.agents.templates.filters import EMPTY, FILTERS, said, size
from shared.agents.templates.grammar import EVERY_TEST, USER, BadTemplate, allowed
from shared.agents.templates.unclosed import CLOSING, unclosed

#: Of prompts: the agent's name, tone and language, the tenant's name, the agent's id, the user (`user.identifier` and
#: what the caller tells), and the date.
PROMPT_VARIABLES = frozenset({"name", "tone", "language", "tenant", "agent", USER, "today"})

#: Of response templates: what the model answered, and the names of the documents it was shown.
RESPONSE_VARIABLES = frozenset({"answer", "sources", "name", USER})

#: Characters of a result; what is longer is cut. Twice the longest answer that a configuration lets a model give.
LONGEST = 1_048_576

#: Characters of values that filters and comparisons of one rendering go through: eight times the longest answer, or
#: some 10 ms, for which other threads wait.
MOST_WORK = 4_194_304

#: The work of a rendering among its values, where no template can name it.
WORK = "its work"

#: Compiled templates that a process keeps; the largest that there may be takes 250 KiB.
KEPT = 256


class TooMuchWork(BadTemplate):
    """A template that goes through more than it may, with these values."""

    def __init__(self) -> None:
        super().__init__(1, f"its filters and comparisons go through more than {MOST_WORK:,} characters: use fewer")


class _Work:
    def __init__(self) -> None:
        self._left = MOST_WORK

    def take(self, values: Iterable[object]) -> None:
        self._left -= sum(size(value) for value in values)
        if self._left < 0:
            raise TooMuchWork


class _Environment(ImmutableSandboxedEnvironment):
    """Fields are those of mappings, and none of Python's own; one that is missing is empty."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        return obj.get(argument, EMPTY) if isinstance(obj, Mapping) else EMPTY

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


def check(template: str, variables: Collection[str]) -> None:
    """`BadTemplate`, with its line, where this is no template that may use these variables."""
    _compiled(template, frozenset(variables))


def render(template: str, values: Mapping[str, object]) -> str:
    """The template with these values; `BadTemplate` where it would not have been saved, `TooMuchWork`."""
    parts = _compiled(template, frozenset(values))({**values, WORK: _Work()})
    try:
        return _joined(parts)
    except UndefinedError as error:
        raise BadTemplate(1, f"{error}: give every variable a value") from error


def _joined(parts: Any) -> str:
    """Part by part, so that no more is made than is kept."""
    made, length = [], 0
    for part in parts:
        made.append(part)
        length += len(part)
        if length > LONGEST:
            break
    return "".join(made)[:LONGEST]


@lru_cache(maxsize=KEPT)
def _compiled(template: str, variables: frozenset[str]) -> Callable[..., Any]:
    environment = _environment()
    try:
        tree = allowed(environment.parse(template), variables)
        return environment.from_string(tree).generate
    except TemplateSyntaxError as error:
        raise _misread(template, error) from error
    except RecursionError as error:
        raise BadTemplate(1, "it is nested too deeply: make it flatter") from error
    except ValueError as error:
        raise BadTemplate(_line_of_long_number(template), "a number of so many digits is none that can be") from error


def _misread(template: str, error: TemplateSyntaxError) -> BadTemplate:
    if opened := unclosed(template):
        line, opening = opened
        return BadTemplate(line, f"a `{opening}` is not closed: write `{CLOSING[opening]}` behind what stands in it")
    return BadTemplate(error.lineno, str(error.message))


def _line_of_long_number(template: str) -> int:
    """Python takes no number of more than 4,300 digits; Jinja does not say where it stood."""
    found = re.search(r"[0-9_]{4300}", template)
    return template.count("\n", 0, found.start()) + 1 if found else 1


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,  # prompts and answers are text, not HTML
        keep_trailing_newline=True,
        finalize=said,
        cache_size=0,
    )
    made.globals.clear()
    made.filters = {name: _counted(known.act) for name, known in FILTERS.items()}
    made.tests = {name: _counted(test) for name, test in EVERY_TEST.items()}
    return made


def _counted(act: Callable[..., Any]) -> Callable[..., Any]:
    """The same, its work taken from that of the rendering."""

    @pass_context
    def counted(context: Context, *values: object) -> Any:
        context[WORK].take(values)
        return act(*values)

    return counted
