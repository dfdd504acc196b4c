"""Whose fault it is that a call failed: it says which circuit it counts for, and how a run ends that got no answer."""

from workers.calls import CallFailed


class KeyRefused(CallFailed):
    """The provider does not take this key, or nothing is left on it: no call with it can succeed now."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=False)


class NoKey(CallFailed):
    """There is no key to call with: nothing was sent. `own`: it is the tenant's to give."""

    def __init__(self, message: str, *, own: bool) -> None:
        super().__init__(message, retry=False)
        self.own = own


class Unread(CallFailed):
    """What must be known of the tenant before the call cannot be read at this moment: nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=True)


class Forbidden(CallFailed):
    """The provider does not permit this call: for its model or its words as often as for the key's."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message, retry=True, after=after)


class RateLimited(CallFailed):
    """Too many calls at this moment; `after` so many seconds there may be room. Nothing is wrong with this one."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message, retry=True, after=after)


class ProviderFailed(CallFailed):
    """The provider is in trouble, or cannot be reached."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message, retry=True, after=after)
