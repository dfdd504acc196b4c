"""The names on the bus. They are a contract with other services; only tests use other ones."""

import re
from dataclasses import dataclass

from shared.errors import HeadgateError

#: Most answers kept at one address that nobody reads; a client that is 10,000 answers behind asks for states instead.
REPLIES_KEPT = 10_000

#: Seconds an unread answer is kept: a day, so that a client may be down for a night.
REPLIES_AGE = 86_400

#: What may follow the prefix of a reply address. RabbitMQ allows names of 255 bytes.
_ADDRESSEE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}")


class AddressRefused(HeadgateError):  # noqa: N818 - it says what happened to the address
    """Answers go only to names kept for answers: nobody may have Headgate write into another queue."""


@dataclass(frozen=True)
class Names:
    prefix: str = "headgate"

    @property
    def jobs(self) -> str:
        return f"{self.prefix}.jobs"

    @property
    def refused(self) -> str:
        return f"{self.prefix}.refused"

    def reply(self, address: str) -> str:
        """The same address, when it is one for answers; otherwise raises `AddressRefused`."""
        replies = f"{self.prefix}.replies."
        if not address.startswith(replies) or not _ADDRESSEE.fullmatch(address.removeprefix(replies)):
            raise AddressRefused(
                f"{address[:80]!r} is no reply address: use `{replies}<principal>.<name>`, "
                "of letters, digits and . _ : @ / -"
            )
        return address


#: The names everyone uses.
NAMES = Names()
