"""Where files are put: a directory here, a bucket elsewhere, by the same URL. Whole or not at all."""

from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from shared.errors import NotFound, Unavailable


class Objects:
    """`url`: `file:///…`, `s3://bucket/prefix` or what else obstore knows."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    def in_directory(cls, directory: Path) -> "Objects":
        directory.mkdir(parents=True, exist_ok=True)
        return cls(directory.resolve().as_uri())

    def put(self, name: str, content: bytes) -> str:
        """Store `content` under `name`; answers its URL."""
        try:
            obstore.put(from_url(self._url), name, content)
        except BaseError as error:
            raise Unavailable(f"cannot write {name} to {self._url}: {error}") from error
        return f"{self._url}/{name}"

    def get(self, name: str) -> bytes:
        try:
            return bytes(obstore.get(from_url(self._url), name).bytes())
        except FileNotFoundError as error:
            raise NotFound(f"there is no object {name} in {self._url}") from error
