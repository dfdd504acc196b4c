"""Texts of strangers, as far as they can be kept: neither Postgres nor models take NUL or half a surrogate pair."""


def is_storable(text: str) -> bool:
    """Whether it can be kept as it is."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    """The text without what cannot be kept; two halves of a pair that stand together are one character."""
    if is_storable(text):
        return text
    joined = text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return joined.encode(errors="replace").decode()
