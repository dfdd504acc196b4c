"""What a tool answered, as the journal can keep it and the model may see it: a JSON object of a bounded size."""

import json
from typing import Any

import orjson

from shared.contracts.payloads import GREATEST
from shared.texts import storable
from workers.turns.tools.tool import ToolFailed


def fitted(answered: Any, max_bytes: int) -> dict[str, Any]:
    """What the model is shown; `ToolFailed` where it is no JSON.

    What is not an object becomes `{"result": …}`. What is longer than `max_bytes` becomes `{"truncated": true, "text":
    …}` with the beginning of a text, or of the JSON.
    """
    shown = _plain(answered)
    text = shown.encode() if isinstance(shown, str) else orjson.dumps(shown)
    if len(text) > max_bytes:
        return {"truncated": True, "text": text[:max_bytes].decode(errors="ignore")}
    return shown if isinstance(shown, dict) else {"result": shown}


def _plain(answered: Any) -> Any:
    """The same as JSON has it: no cycle, no key but text, nothing that Postgres cannot store."""
    try:
        return _storable(orjson.loads(_encoded(answered)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolFailed("the tool's answer is no JSON") from error


def _encoded(answered: Any) -> bytes:
    try:
        return orjson.dumps(answered)
    except TypeError:  # perhaps for half of a surrogate pair alone, which the standard library passes on
        return storable(json.dumps(answered, ensure_ascii=False, allow_nan=False)).encode()


def _storable(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(name): _storable(part) for name, part in value.items()}
        case list():
            return [_storable(part) for part in value]
        case float() if abs(value) > GREATEST:  # Postgres would write it out, and it would come back an integer
            return str(value)
        case _:
            return value
