"""What people may have meant by a name that names nothing."""

from collections.abc import Iterable
from difflib import get_close_matches

#: How alike two names must be, of 1, for one to have been meant by the other: `turnz` and `turns` are 0.8.
ALIKE = 0.7


def meant(name: str, known: Iterable[str]) -> str | None:
    """The nearest of the names that there are; None where none is near."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=ALIKE)), None)


def asked(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'turns'?`, to be put behind what is wrong; empty where nothing is near."""
    near = meant(name, known)
    return f": did you mean {near!r}?" if near else ""
