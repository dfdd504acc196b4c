"""The settings as a child process reads them: what `shared.settings` reads, written."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

import orjson
from pydantic import BaseModel, SecretStr
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
        case dict() | list():
            return orjson.dumps(value, default=_revealed).decode()
    return str(value)


def _revealed(value: object) -> object:
    """What JSON has no words for: a provider and its key, a network."""
    match value:
        case BaseModel():
            return {name: held for name, held in value if held is not None}
        case SecretStr():
            return value.get_secret_value()
        case IPv4Network() | IPv6Network():
            return str(value)
    raise TypeError(f"a setting holds a {type(value).__name__}")
