"""The settings, as the README lists them, from `shared.settings`."""

from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.errors import HeadgateError
from shared.settings import Settings


def rows() -> Iterator[tuple[str, str, str]]:
    """Every setting: its variable, its default, what it does."""
    yield "variable", "default", "meaning"
    prefix = str(Settings.model_config["env_prefix"])
    for name, field in Settings.model_fields.items():
        yield f"`{field.alias or prefix + name.upper()}`", _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        raise HeadgateError("a secret must not have a default")
    return "none" if value is None else f"`{value}`"
