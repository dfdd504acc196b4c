"""The fields of an agent, as `docs/agents.md` lists them, from `shared.agents.configuration`."""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.agents.configuration import AgentConfiguration

#: Characters of a default that are shown; of a longer one, its beginning.
SHOWN = 48


def rows() -> Iterator[tuple[str, str, str]]:
    """Each field, those of a part by `part.field`: its name, its default, what it says."""
    yield "field", "default", "meaning"
    yield from _rows(AgentConfiguration, "")


def _rows(model: type[BaseModel], within: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        part = _part(field)
        if part is None or field.description:
            yield f"`{within}{name}`", _default(field), field.description or ""
        if part is not None:
            yield from _rows(part, f"{within}{name}.")


def _part(field: FieldInfo) -> type[BaseModel] | None:
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or (isinstance(value, Sequence | Mapping) and not value):
        return "none"
    if isinstance(value, str) and len(value) > SHOWN:
        return f"“{value[:SHOWN].rsplit(' ', 1)[0]} …”"
    return ", ".join(f"`{item}`" for item in value) if isinstance(value, tuple) else f"`{value}`"
