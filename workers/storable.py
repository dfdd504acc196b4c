"""Texts of strangers, as far as they can be kept."""


def storable(text: str) -> str:
    """Without NUL and halves of surrogate pairs, which Postgres does not store; two halves are one character."""
    text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return joined.encode(errors="replace").decode()
    return text
