"""What outsiders send, read no further than it may be long, packed or not."""

import zlib
from collections.abc import Iterable, Iterator

from shared.errors import HeadgateError

#: How zlib is told of what packed a body; what it cannot be read piece by piece from is not taken.
PACKED = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

#: Bytes that are unpacked at once.
PIECE = 64 * 1024


class NotAnswered(HeadgateError):  # noqa: N818 - it names what happened
    """Who was asked cannot be reached, or did not answer as was agreed."""


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body's own bytes, in pieces that are never larger than `PIECE`, whatever they were packed into."""
    if encoding in {"", "identity"}:
        yield from pieces
        return
    if encoding not in PACKED:
        raise NotAnswered(f"the answer is packed as {encoding[:40]!r}, which was not asked for")
    unpacker = zlib.decompressobj(PACKED[encoding])
    try:
        for piece in pieces:
            left = piece
            while left and not unpacker.eof:
                yield unpacker.decompress(left, PIECE)
                left = unpacker.unconsumed_tail
    except zlib.error as error:
        raise NotAnswered(f"the answer cannot be unpacked: {error}") from error


def cut(pieces: Iterable[bytes], most: int) -> tuple[bytes, bool]:
    """The first bytes of a body, so many at most, and whether there were more; what is not wanted is not read."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) > most:
            return bytes(kept[:most]), True
    return bytes(kept), False
