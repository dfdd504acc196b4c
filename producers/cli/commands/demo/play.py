"""The play, in three acts: documents come in, a flood breaks loose while others ask, the bill is written."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice, zip_longest
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rich.console import Console

from producers.cli.commands.demo import figures
from producers.cli.commands.demo.checks import Asked
from producers.cli.commands.demo.progress import Show, progress
from producers.cli.commands.demo.script import PARTS, Part
from producers.cli.commands.demo.stage import Stage
from producers.client import Job, Submission
from shared import clock
from shared.clock import monotonic
from shared.contracts.results import ExportResult
from shared.errors import HeadgateError
from shared.ledger.states import FINAL

#: Seconds between two questions of the tenants that do not flood: they are people, not machines.
PAUSE = 0.5

#: Seconds between two looks at the ledger.
LOOK = 0.1

#: Seconds in which anything waited for must come; many times what the longest act takes.
PATIENCE = 300.0


class Stuck(HeadgateError):  # noqa: N818 - it names what happened
    """An act does not come to its end."""


class Play:
    """`flood`: how many turns the flooding tenant asks for at once."""

    def __init__(self, stage: Stage, screen: Console, *, flood: int) -> None:
        self._stage, self._screen, self._flood = stage, screen, flood
        self._accepted: list[Job] = []
        self._turns: Counter[str] = Counter()
        #: What people asked, and the jobs that answer it.
        self.questions: list[tuple[Part, str, Job]] = []

    def asked(self) -> Asked:
        documents = {part.tenant: len(part.topics) for part in PARTS}
        return Asked({job.id for job in self._accepted}, dict(self._turns), documents)

    def bring_documents(self) -> None:
        """Every tenant's documents, through the bus door; over when all are embedded."""
        documents = [
            Submission("knowledge.ingest", {"name": name, "text": text}, part.tenant)
            for part in PARTS
            for name, text in part.documents.items()
        ]
        with progress(self._screen, f"{len(documents)} documents of Python's language reference come in") as show:
            self._send(documents)
            self._until(lambda: self._all_over(show), "the documents are embedded")

    def flood_and_ask(self) -> None:
        """One tenant asks everything at once; meanwhile the others ask one question after the other."""
        flood = [(part, question) for part in PARTS if part.floods for question in _again(part, self._flood)]
        people = list(_by_turns([part for part in PARTS if not part.floods]))
        act = f"{flood[0][0].tenant} asks {len(flood)} questions at once, the others {len(people)}, one by one"
        with progress(self._screen, act) as show:
            self._ask(flood)
            for part, question in people:
                (job,) = self._ask([(part, question)])
                self.questions.append((part, question, job))
                self._rest(show)
            self._until(lambda: self._all_over(show), "every question is answered")

    def write_bill(self, folder: Path) -> Path:
        """The month's usage, exported by a job and copied out of the demo's own home."""
        self._until(lambda: figures.unrecorded(self._stage.cell) == 0, "every call is billed")
        (job,) = self._send([Submission("billing.export", {"period": f"{clock.now():%Y-%m}"})])
        ended = job.wait(PATIENCE).data
        if ended.result is None:
            raise HeadgateError(f"the export failed: {ended.error}")
        folder.mkdir(parents=True, exist_ok=True)
        written = url2pathname(urlsplit(ExportResult.model_validate(ended.result).object).path)
        return Path(shutil.copy(written, folder.resolve()))

    def _ask(self, questions: Sequence[tuple[Part, str]]) -> list[Job]:
        """Each question begins a conversation of its own."""
        turns = []
        for part, question in questions:
            self._turns[part.tenant] += 1
            conversation = f"demo-{self._turns[part.tenant]}"
            turns.append(Submission("agent.turn", {"conversation": conversation, "message": question}, part.tenant))
        return self._send(turns)

    def _send(self, submissions: Sequence[Submission]) -> list[Job]:
        """Hand jobs in at the bus door; all must be accepted."""
        jobs = []
        for outcome in self._stage.service.submit_many(submissions, timeout=PATIENCE):
            if not isinstance(outcome, Job):
                raise outcome
            jobs.append(outcome)
        self._accepted += jobs
        return jobs

    def _all_over(self, show: Show) -> bool:
        jobs = figures.jobs(self._stage.cell)
        show(jobs)
        return all(job.state in FINAL for job in jobs.values())

    def _rest(self, show: Show) -> None:
        until = monotonic() + PAUSE
        while monotonic() < until:
            self._all_over(show)
            sleep(LOOK)

    def _until(self, look: Callable[[], bool], what: str) -> None:
        """Wait, and look after the machine meanwhile."""
        until = monotonic() + PATIENCE
        while not look():
            if monotonic() > until:
                raise Stuck(f"not within {PATIENCE:g} s: {what}; the children's logs say why")
            self._stage.machine.children.tend()
            sleep(LOOK)


def _again(part: Part, number: int) -> Iterator[str]:
    """The part's questions, over and over."""
    return islice(cycle(part.questions), number)


def _by_turns(parts: Sequence[Part]) -> Iterator[tuple[Part, str]]:
    """One question of each, then the next of each."""
    for round_ in zip_longest(*(part.questions for part in parts)):
        yield from ((part, question) for part, question in zip(parts, round_, strict=True) if question is not None)
