"""The table of settings in the README, written from `shared.settings`."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.errors import HeadgateError
from shared.settings import Settings

BEGIN, END = "<!-- configuration -->", "<!-- /configuration -->"


class NoPlace(HeadgateError):  # noqa: N818 - it names what is missing
    """The text has no place for the table."""


def table() -> str:
    """Every setting: its variable, its default, what it does."""
    prefix = str(Settings.model_config["env_prefix"])
    head = ["| variable | default | meaning |", "|---|---|---|"]
    rows = [
        f"| `{field.alias or prefix + name.upper()}` | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(head + rows)


def within(text: str) -> str:
    """The same text with the present table between its marks; `NoPlace` where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise NoPlace(f"no place for the table of settings: put {BEGIN} and {END} where it belongs")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        raise HeadgateError("a secret must not have a default")
    return "none" if value is None else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
