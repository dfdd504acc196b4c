"""Texts of strangers, as far as they can be kept."""


def storable(text: str) -> str:
    """Postgres stores every character but NUL, and no half of a surrogate pair."""
    return text.replace("\x00", "").encode(errors="replace").decode()
