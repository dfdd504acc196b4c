"""A provider that balks in the middle of a call, over TCP alone or TLS, and knows when its client has left."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

from workers.interruption import Interrupted, Interruption

#: For `localhost`, signed by itself, for a hundred years.
CERTIFICATE = Path(__file__).with_name("provider.crt")

#: Seconds between two bytes of a dripping answer: well within any limit on a single read.
DRIP = 0.02

#: Bytes that the system takes for who does not read them.
NARROW = 65_536

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"

ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"hello"}}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
)


class Balky:
    """`asked` once something has been heard of a client; `left` once one is gone."""

    def __init__(self, behave: "Behaviour") -> None:
        self.asked, self.left, self.over = threading.Event(), threading.Event(), threading.Event()
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def calls_until(self) -> float:
        """For calls that may go on for ever, but that their run is cancelled once one was heard here."""
        if self.asked.is_set():
            raise Interrupted(Interruption.CANCELLED)
        return inf

    def close(self) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(DRIP)
            self._behave(Talk(self, client))
        self.left.set()


class Talk:
    """With one client."""

    def __init__(self, provider: Balky, end: socket.socket) -> None:
        self.provider, self.end, self.heard = provider, end, b""

    def listen(self) -> bool:
        """For a moment; False once the client is gone, or the provider is closed."""
        with suppress(TimeoutError):
            if not (heard := self.end.recv(65536)):
                return False
            self.heard += heard
            self.provider.asked.set()
        return not self.provider.over.is_set()

    def await_request(self) -> None:
        """Its headers, that is; what comes after them is not looked for."""
        while b"\r\n\r\n" not in self.heard and self.listen():
            pass

    def seal(self) -> "Talk":
        """The same, by TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
        self.end.settimeout(None)
        sealed = context.wrap_socket(self.end, server_side=True)
        sealed.settimeout(DRIP)
        return Talk(self.provider, sealed)


Behaviour = Callable[[Talk], None]


def silent(talk: Talk) -> None:
    """Not a byte."""
    while talk.listen():
        pass


def dripping_headers(talk: Talk) -> None:
    """A byte now and then, and the headers are never whole."""
    talk.end.sendall(b"HTTP/1.1 200 OK\r\nx-drip: ")
    while talk.listen():
        talk.end.sendall(b"x")


def dripping(talk: Talk) -> None:
    """Headers, then a byte now and then."""
    talk.end.sendall(HEAD % 1_000_000)
    while talk.listen():
        talk.end.sendall(b" ")


def half(talk: Talk) -> None:
    """Headers and the beginning of an answer, then nothing."""
    talk.end.sendall(HEAD % len(ANSWER) + ANSWER[:20])
    silent(talk)


def deaf(talk: Talk) -> None:
    """Nothing is read but the first byte."""
    while not talk.provider.over.is_set():
        with suppress(TimeoutError):
            talk.end.recv(0 if talk.provider.asked.is_set() else 1)
            talk.provider.asked.set()
            talk.provider.over.wait()


def leaving(talk: Talk) -> None:
    """Headers and the beginning of an answer, then the connection is closed."""
    talk.await_request()
    talk.end.sendall(HEAD % len(ANSWER) + ANSWER[:20])


def whole(talk: Talk) -> None:
    """The answer, at once, to each request."""
    while talk.listen():
        talk.await_request()
        talk.heard = b""
        talk.end.sendall(HEAD % len(ANSWER) + ANSWER)


def by_tls(behave: Behaviour) -> Behaviour:
    def sealed(talk: Talk) -> None:
        with (inner := talk.seal()).end:
            behave(inner)

    return sealed


def tunnel_to(port: int) -> Behaviour:
    """A proxy: whatever way it is asked for, it leads there."""

    def connected(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        talk.heard = b""
        with socket.create_connection(("127.0.0.1", port), timeout=DRIP) as beyond:
            while talk.listen():
                beyond.sendall(talk.heard)
                talk.heard = b""
                with suppress(TimeoutError):
                    talk.end.sendall(beyond.recv(65536))

    return connected


@contextmanager
def balky(behave: Behaviour) -> Iterator[Balky]:
    made = Balky(behave)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def full() -> Iterator[int]:
    """The port of a server whose queue of connections is full: connecting to it takes for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield port
