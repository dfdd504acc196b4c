"""How the rehearsal model counts tokens: one for every four characters begun.

A real tokenizer would have to be downloaded; four characters a token is OpenAI's own rule of thumb for English. The
rule counts characters, not bytes, so a text can be cut into its tokens exactly. It is wrong for other scripts, and
that does no harm here: a bill is checked against what the provider says it counted, not against the truth.
"""

#: Characters in a token (OpenAI's rule of thumb for English text).
CHARACTERS = 4


def count(text: str) -> int:
    return -(-len(text) // CHARACTERS)


def first(text: str, tokens: int) -> str:
    """The beginning of the text, `tokens` long at most."""
    return text[: tokens * CHARACTERS]


def pieces(text: str, tokens: int) -> list[str]:
    """The text cut into pieces of `tokens` each; the last may be shorter."""
    width = tokens * CHARACTERS
    return [text[start : start + width] for start in range(0, len(text), width)]


def stretched(text: str, tokens: int) -> str:
    """The text made exactly `tokens` long, by cutting or repeating: benchmarks want answers of one size."""
    width = tokens * CHARACTERS
    repeats = -(-width // (len(text) + 1))
    return " ".join([text] * max(repeats, 1))[:width]
