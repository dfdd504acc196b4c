"""What is wrong with a value of a file, told to who wrote it: what stands there, and how it is written instead.

pydantic speaks to programmers: of strings that it cannot parse, of patterns, of instances. Where it says no more than
a reader can use (`should be greater than or equal to 0`), its own words stay.
"""

from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import StringConstraints
from pydantic_core import ErrorDetails

from shared.agents.configuration import Line, ToolChoice, ToolName
from shared.agents.connections import ConnectionName, Header, HeaderValue
from shared.agents.hours import Span
from shared.agents.saving.near import asked
from shared.agents.saving.problem import Path
from shared.contracts.envelope import TenantId
from shared.contracts.payloads import Name
from shared.gate.limits import Limits

#: A region as providers have them.
REGION = r"^[a-z][a-z0-9-]{0,31}$"

#: Of values below this nothing is shown: people put secrets there.
SECRETIVE = "headers"

#: Signs of a value that are shown.
SHOWN = 40

#: What a value of each sort should be, and how it is written, by how pydantic calls what is wrong with it.
SORTS = (
    ("int_", "a whole number", ""),
    ("float_", "a number", ""),
    ("string_type", "text", ": put it in quotes"),
    ("model_", "a mapping of names to what they mean", ""),
    ("mapping_", "a mapping of names to what they mean", ""),
    ("sequence_", "a list", ": write it as [a, b]"),
    ("url_type", "a URL", ": write it as https://crm.example"),
)


def _pattern(kind: Any) -> str:
    return next(str(told.pattern) for told in get_args(kind) if isinstance(told, StringConstraints))


#: How what must have a form is written.
FORMS: Mapping[str, str] = {
    REGION: "as `eu` or `eu-west-1`, or `none` for anywhere",
    _pattern(Span): "as `09:00-12:30`, with two digits for each hour",
    _pattern(TenantId): "in lower-case letters, digits and `-`, at most 63",
    _pattern(Name): "in letters, digits and `.`, `_`, `:`, `@`, `-`, at most 128",
    _pattern(ToolName): "in letters, digits, `_` and `-`, at most 64",
    _pattern(ToolChoice): "as the tool is called, or `<connection>__*` for all of a connection",
    _pattern(ConnectionName): "in letters, digits, `-` and single `_`, at most 32",
    _pattern(Line): "in one line, of signs that can be seen",
    _pattern(Header): "as HTTP has names of headers, such as `X-Tenant`",
    _pattern(HeaderValue): "in one line, of signs of ASCII alone",
}


def wording(wrong: ErrorDetails, path: Path, fields: Collection[str]) -> str:
    """What to say of it; `path` is where it stands in the file, `fields` are all that a file may have."""
    sort, context = wrong["type"], wrong.get("ctx", {})
    shown = "that" if SECRETIVE in path else _shown(wrong["input"])
    if sort == "extra_forbidden":
        return _unheard_of(path, fields)
    if sort == "value_error":
        return str(context["error"])
    if sort == "missing":
        return "it is missing"
    if sort == "string_pattern_mismatch" and (form := FORMS.get(str(context["pattern"]))):
        return f"it cannot be {shown}: write it {form}"
    for begins, wanted, how in SORTS:
        if sort.startswith(begins):
            return f"it should be {wanted}, not {shown}{how}"
    return _own(wrong["msg"])


def _unheard_of(path: Path, fields: Collection[str]) -> str:
    *within, name = path
    if within == ["limits"]:
        known = Limits.model_fields
        return f"there is no limit {name!r}: limits are {', '.join(known)}{asked(str(name), known)}"
    return f"there is no such field{asked(str(name), fields)}"


def _own(said: str) -> str:
    """Pydantic's words, as part of a sentence; an abbreviation keeps its letters."""
    said = said.removeprefix("Input ")
    return said if said[1:2].isupper() else said[:1].lower() + said[1:]


def _shown(value: object) -> str:
    """A value as it may stand in a file, on one line and not longer than needed to find it."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    text = str(value)
    if isinstance(value, (int, float)):
        return text
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
