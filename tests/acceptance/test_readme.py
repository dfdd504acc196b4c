"""What the README says is done here, in its order: commands, Python, raw events on both transports."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from shared import bus, embedded
from shared.cell import Cell
from shared.settings import Settings
from tests.support.workers import PATIENCE, ROOT, eventually

README = (ROOT / "README.md").read_text()
BLOCKS = [(language, text) for language, text in re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)]
SHELL = [line.split("  #")[0].strip() for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
UP = "headgate up --rehearsal"


def blocks(language: str) -> list[str]:
    return [text for of, text in BLOCKS if of == language]


def commands(program: str) -> list[str]:
    return [line for line in SHELL if line.startswith(f"{program} ")]


@dataclass
class Platform:
    """`headgate up --rehearsal`, in a folder of its own."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, **variables: str) -> str:
        """A command as a reader types it; it must succeed."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env=self.environment | variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
        return done.stdout

    @property
    def cell(self) -> Cell:
        return Cell(embedded.resolved(Settings(home=self.home)))


@contextmanager
def running(command: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command.split(), env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    home = Path(tempfile.mkdtemp(prefix="headgate-readme-"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    made = Platform(home, os.environ | {"HEADGATE_HOME": str(home), "PATH": path})
    try:
        with running(UP, made.environment) as process:
            assert process.stdout is not None
            assert any(line.startswith("Ready") for line in process.stdout), "up never said that it is ready"
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_readme_make_targets_exist() -> None:
    for target in (word for line in commands("make") for word in line.split()[1:2]):
        known = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=False)
        assert known.returncode == 0, target


def test_readme_benchmarks_exist() -> None:
    named = set(re.findall(r"`make bench-([a-z]+)`", README))
    assert named
    assert all((ROOT / f"tests/benchmarks/bench_{name}.py").exists() for name in named)


def test_readme_links_lead_somewhere() -> None:
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert linked
    assert [link for link in linked if not (ROOT / link.split("#")[0]).exists()] == []


@pytest.mark.timeout(600)  # some thirty processes from the start, one after the other
def test_readme_is_followed_from_the_first_command_to_the_last(platform: Platform) -> None:
    key = ""
    for command in commands("headgate"):
        if command == UP:
            continue
        said = platform.run(command)
        key = found.group() if (found := re.search(r"hg_[\w-]+", said)) else key
        if command.endswith("--json"):
            orjson.loads(said)
        if "What is a permit?" in command:
            assert "permit" in said
        if "to a human" in command:
            assert "colleague" in said
    assert key, "the README makes a key"

    bus_url = platform.cell.bus_url
    for code in blocks("python"):
        given = f"BUS_URL, API_KEY = {bus_url!r}, {key!r}\n"
        done = subprocess.run(
            [sys.executable, "-c", given + code], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "permit" in done.stdout

    (event,) = blocks("json")
    sent = orjson.dumps(orjson.loads(event) | {"authorization": key}).decode()
    (xadd,) = [line for line in SHELL if line.startswith("redis-cli")]
    if shutil.which("redis-cli"):
        assert re.match(r"\d+-\d+", platform.run(xadd, BUS_URL=bus_url, EVENT=sent))
    else:
        bus.connect(bus_url).send([sent.encode()])
    assert orjson.loads(event)["id"] in {
        answer["subject"] for answer in answers(platform, orjson.loads(event)["replyto"])
    }


def test_readme_celery_commands_serve_their_lanes(platform: Platform) -> None:
    named = re.findall(r"`(celery -A workers\.app worker -Q (\S+))`", README)
    before, lanes = slots(platform), {lane for _, given in named for lane in given.split(",")}
    assert len(lanes) == 3
    with ExitStack() as stack:
        for command, _ in named:
            stack.enter_context(running(command, platform.environment))
        served = f"the README's workers serve {', '.join(sorted(lanes))}"
        eventually(lambda: all(slots(platform)[lane] > before[lane] for lane in lanes), served)
        platform.run("headgate tenant show acme || headgate tenant create acme --tier pro --model rehearsal-1")
        platform.run("headgate tenant configure acme --dedicated turns")
        assert "permit" in platform.run('headgate submit turn --tenant acme "What is a permit?" --wait --patience 60')


def slots(platform: Platform) -> Counter[str]:
    """By lane, as workers told the gate."""
    return Counter({lane: int(number) for lane, number in dict(platform.cell.gate.look()["slots"]).items()})


def answers(platform: Platform, address: str) -> list[dict[str, str]]:
    """The answers to one event: accepted, then finished."""
    reader = bus.connect(platform.cell.bus_url)
    got: list[dict[str, str]] = []

    def enough() -> bool:
        got.extend(orjson.loads(delivery.body) for delivery in reader.replies(address, 10, 1.0))
        return any(answer["type"] == "headgate.job.finished" for answer in got)

    eventually(enough, "the event is answered")
    reader.close()
    return got
