"""The one error root. A message says what is wrong and what to do about it."""


class HeadgateError(Exception):
    """Something is wrong that a person can put right; the message is the one line that says how."""


class ConfigurationError(HeadgateError):
    """A setting is missing, contradictory or unsafe."""


class Unavailable(HeadgateError):  # noqa: N818 - it names a state of the world, not a mistake
    """A store or server cannot be reached now; the same call may succeed later."""


class NotFound(HeadgateError):  # noqa: N818 - as above
    """Nothing by that name exists for this tenant."""
