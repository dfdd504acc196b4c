"""Embeddings that carry lexical meaning: texts that share words, stems or beginnings of words lie close together.

Feature hashing with signs (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009): each
feature of a text adds its weight to one of the dimensions, with a sign, so that collisions cancel on average. Counts
are damped by a logarithm, common words weigh little, and the vector has length one. Nothing is learned or downloaded,
so retrieval over it is real and the same everywhere. The weakness: synonyms are strangers, and there is no inverse
document frequency, so a word that is rare in the texts weighs no more than a frequent one.
"""

import base64
import math
import struct
from array import array
from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

import orjson

from shared.rehearsal.requests import EmbeddingRequest
from shared.rehearsal.words import COMMON, PLAIN, stem, words

#: Dimensions, unless a request asks for others. On the language reference half as many found a twentieth less, and a
#: space without collisions a fortieth more.
DIMENSIONS = 1024

# What each kind of feature weighs against a stem, which weighs 1; found by trying on the language reference.
#: A common word: just enough to tell apart texts that share nothing else.
COMMON_WEIGHT = 0.05
#: A word of programming that stands in every second passage.
PLAIN_WEIGHT = 0.5
#: A run of signs.
SIGNS_WEIGHT = 0.1
#: A name written with underscores around it (`__init__`), as a whole.
DUNDER_WEIGHT = 0.7
#: A part of a name that is joined by underscores.
PART_WEIGHT = 0.6
#: The first letters of a word, which outlive more endings than a stem does.
BEGINNING_WEIGHT = 0.3
#: Four letters in a row, wherever they stand.
LETTERS_WEIGHT = 0.3

#: Letters in a beginning, and in a row of letters.
BEGINNING, LETTERS = 5, 4

#: Words whose features are remembered: the vocabulary of a large library, in about 60 MB at worst.
REMEMBERED = 50_000

Feature = tuple[int, float]


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The vector of a text, of length one (or zero, if the text has no words at all)."""
    vector = array("f", bytes(4 * dimensions))
    for (place, weight), times in Counter(chain.from_iterable(map(features, words(text)))).items():
        vector[(place >> 1) % dimensions] += (weight if place & 1 else -weight) * (1 + math.log(times))
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return array("f", [value / length for value in vector]).tolist()


@lru_cache(maxsize=REMEMBERED)
def features(word: str) -> tuple[Feature, ...]:
    """Where a word's features lie (the lowest bit is the sign) and what they weigh."""
    return tuple((_place(name), weight) for name, weight in _named_features(word.lower()))


def _named_features(word: str) -> list[tuple[str, float]]:
    if word in COMMON:
        return [(f"word {word}", COMMON_WEIGHT)]
    bare = word.strip("_")
    if not bare or not bare[0].isalnum():
        return [(f"signs {word}", SIGNS_WEIGHT)]
    named = [(f"word {stem(bare)}", PLAIN_WEIGHT if bare in PLAIN else 1.0)]
    if bare != word:
        named.append((f"dunder {word}", DUNDER_WEIGHT))
    if "_" in bare:
        named += [(f"word {stem(part)}", PART_WEIGHT) for part in bare.split("_") if part]
    return named + _letters(bare)


def _letters(word: str) -> list[tuple[str, float]]:
    beginning = [(f"beginning {word[:BEGINNING]}", BEGINNING_WEIGHT)] if len(word) >= BEGINNING else []
    edged = f"<{word}>" if len(word) >= LETTERS else ""
    rows = [edged[start : start + LETTERS] for start in range(len(edged) - LETTERS + 1)]
    return beginning + [(f"letters {row}", LETTERS_WEIGHT) for row in rows]


def _place(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest())


def embeddings(asked: EmbeddingRequest, input_tokens: int) -> bytes:
    """OpenAI's answer to an embedding request; base64 is of little-endian 32-bit floats."""
    vectors = [embed(text, asked.dimensions or DIMENSIONS) for text in asked.texts]
    written = map(_base64, vectors) if asked.encoding_format == "base64" else vectors
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(written)]
    usage = {"prompt_tokens": input_tokens, "total_tokens": input_tokens}
    return orjson.dumps({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
