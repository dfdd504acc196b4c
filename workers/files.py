"""How many files a worker may open: each call under way is a connection, and so is each slot that is at the gate."""

import resource


def allow_many() -> None:
    """Raise the limit to what the system grants anyway; the usual 1,024 are too few for 500 slots."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
