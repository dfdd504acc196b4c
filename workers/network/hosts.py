"""Where a host is: looked up once, every answer checked, and only what was checked is connected to.

Whoever connects by name looks it up anew, and may be told something else than whoever checked it (rebinding). So the
names here are looked up where the connection is made, and the connection is made to one of those answers; the name
goes on in the request's Host, and in what TLS asks a certificate for.
"""

import re
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from shared.process import of_process
from workers.network.addresses import Network, NotAllowed, may_be_reached
from workers.network.bounds import current
from workers.network.wire import AddressInfo, Backend

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"

#: Labels as hosts have them, an underscore besides, for some do; no dot at the end.
NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{LABEL}\.)*{LABEL}")

#: What inet_aton takes for a number in the last place: then the whole is an address, in whichever spelling.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_host(host: str) -> bool:
    """Whether it is a name or, strictly written, an address: no decimal, octal, hexadecimal or short ones."""
    try:
        if ":" in host:
            return "%" not in host and bool(IPv6Address(host))
        if NUMBER.fullmatch(host.rpartition(".")[2]):
            return bool(IPv4Address(host))
    except AddressValueError:
        return False
    return NAME.fullmatch(host) is not None


class LookUps:
    """What the system's resolver is asked at this moment. It cannot be told to stop, so each question has a thread.

    Who asks what is being asked already waits for that answer: a resolver that hangs then holds one thread for a host,
    however often a tenant's tools try it, and not all the threads and sockets that the process may have.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], Future[Sequence[AddressInfo]]] = {}

    def of(self, host: str, port: int) -> Future[Sequence[AddressInfo]]:
        with self._lock:
            if (host, port) in self._open:
                return self._open[host, port]
            answer = self._open[host, port] = Future()
            answer.set_running_or_notify_cancel()  # who does not wait any more cannot cancel it
        try:
            threading.Thread(target=self._ask, args=(host, port, answer), name="headgate-look-up", daemon=True).start()
        except RuntimeError as error:  # as many threads as there may be: else nobody would ever answer for this host
            self._over(host, port)
            answer.set_exception(OSError(str(error)))
        return answer

    def _ask(self, host: str, port: int, answer: Future[Sequence[AddressInfo]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._over(host, port)
            answer.set_exception(error)
        else:
            self._over(host, port)
            answer.set_result(found)

    def _over(self, host: str, port: int) -> None:
        """Before anybody hears of it: no answer is given to who asks later, for it may have changed."""
        with self._lock:
            del self._open[host, port]


@of_process
def look_ups() -> LookUps:
    """This process's own."""
    return LookUps()


def looked_up(host: str, port: int) -> Future[Sequence[AddressInfo]]:
    """What the system's resolver will answer."""
    if not is_host(host):
        raise NotAllowed(f"{host!r} is no host: write a name, or an address as 192.0.2.1 or [2001:db8::1]")
    return look_ups().of(host, port)


def checked(host: str, answers: Sequence[AddressInfo], allowed: Sequence[Network]) -> Sequence[AddressInfo]:
    """These answers, if an endpoint may be at each of them; one that it may not be at speaks against all."""
    for family, *_, address in answers:
        scope = address[3] if family == socket.AF_INET6 else 0
        if scope or not may_be_reached(address[0], allowed):
            raise NotAllowed(
                f"{host} is at an address that is not public, where no endpoint may be; an operator can allow "
                "networks by HEADGATE_TOOL_NETWORKS"
            )
    return answers


class CheckedBackend(Backend):
    """Makes connections to what may be reached, for as long as the call that asks for them may take."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed

    def addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        bounds, answer = current(), looked_up(host, port)
        while not answer.done():
            wait([answer], bounds.patience())
        return checked(host, answer.result(), self._allowed)
