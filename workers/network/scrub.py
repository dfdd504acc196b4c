"""A secret that comes back from where it was sent is not passed on: no model, journal or log is to see it."""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

#: What stands in its place.
HIDDEN = "[credential]"

#: Characters below which nothing is a secret; to hide a letter would hide what every answer is made of.
SHORTEST = 4


class Scrub:
    """Of these secrets, as they are and as JSON, URLs and base64 spell them.

    A server that wants to can always spell it otherwise; it has been given the secret, after all.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {form for secret in secrets if len(secret) >= SHORTEST for form in _spellings(secret)}
        self._forms: Sequence[str] = sorted(spelled, key=len, reverse=True)

    @property
    def longest(self) -> int:
        """Bytes of the longest spelling: so much more than is kept must be read, lest half of one stay at the end."""
        return max((len(form.encode()) for form in self._forms), default=0)

    def text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def bytes(self, text: bytes) -> bytes:
        for form in self._forms:
            text = text.replace(form.encode(), HIDDEN.encode())
        return text

    def json(self, value: Any) -> Any:
        """The value with every text in it scrubbed."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(name): self.json(part) for name, part in value.items()}
            case list():
                return [self.json(part) for part in value]
            case _:
                return value


def _spellings(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret), encoded, encoded.rstrip("=")}
