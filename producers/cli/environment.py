"""The settings as a child process reads them: what `shared.settings` reads, written."""

import os
from collections.abc import Mapping

import orjson
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import Settings


def environment(settings: Settings) -> Mapping[str, str]:
    """The whole environment of a child: ours, handed on unread, with exactly these settings in it."""
    told = {_name(name, field): getattr(settings, name) for name, field in Settings.model_fields.items()}
    others = {name: value for name, value in os.environ.items() if name not in told}
    return others | {name: _written(value) for name, value in told.items() if value is not None}


def _name(name: str, field: FieldInfo) -> str:
    return field.alias or f"{Settings.model_config['env_prefix']}{name}".upper()


def _written(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return orjson.dumps(value).decode()
    return str(value)
