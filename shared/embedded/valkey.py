"""The embedded Redis: a Valkey that keeps nothing on disk and refuses writes, not data, when memory is full.

Nothing on disk is meant: the gate is rebuilt from the ledger, and a restored old dump would be worse than none.
"""

from functools import partial

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded.crew import Crew
from shared.embedded.home import Passwords
from shared.embedded.ports import HOST, on_free_port
from shared.embedded.process import await_ready
from shared.embedded.software import valkey_server

#: Seconds for one try to connect and ask.
CONNECT_SECONDS = 2.0
#: The client's own retries wait for seconds; asking again is our part.
ONCE = Retry(NoBackoff(), 0)


def start(crew: Crew, passwords: Passwords) -> int:
    """Start the home's Valkey; answer its port."""
    return on_free_port(partial(serve, crew, passwords))


def serve(crew: Crew, passwords: Passwords, port: int) -> None:
    log = crew.home.folder / "valkey.log"
    options = {
        "bind": HOST,
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "proc-title-template": f"{{title}} {{listen-addr}} {crew.home.mark}",
    }
    argv = [str(valkey_server()), "-", *(word for name, value in options.items() for word in (f"--{name}", value))]
    # The password goes in by standard input: everybody can read a command line.
    process = crew.launch(argv, log, said=f"requirepass {passwords.redis}\n".encode())
    await_ready(process, log, partial(silence, url(passwords, port)))


def silence(address: str) -> str | None:
    """Why nobody answers PING there now."""
    try:
        with redis.Redis.from_url(address, socket_timeout=CONNECT_SECONDS, retry=ONCE) as client:
            client.ping()
    except (redis.ConnectionError, redis.TimeoutError) as reason:
        return str(reason)
    return None


def url(passwords: Passwords, port: int) -> str:
    # Named, though it is the default: some clients send an empty name where none stands, and are refused.
    return f"redis://default:{passwords.redis}@{HOST}:{port}/0"
