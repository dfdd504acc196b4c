"""How busy slots are kept while work waits: jobs that hold their slot for two seconds."""

from collections.abc import Sequence

from tests.benchmarks.plain_celery import PlainCelery
from tests.benchmarks.whole_way import WholeWay

#: Seconds that a job holds its slot.
HOLDS = 2.0


def busy_percent(runs: Sequence[tuple[float, float]], since: float, slots: int) -> float:
    """Of the time from `since`, when the first was asked for, to the last start, up to which work waited."""
    last = max(begun for begun, _ in runs)
    held = sum(min(ended, last) - begun for begun, ended in runs)
    return 100 * held / (slots * (last - since))


def headgate_busy(way: WholeWay, *, slots: int, waves: int) -> float:
    """By what the ledger says of each job: its start, and the begin of its last transaction."""
    times = way.finished(way.ask(slots * waves, seconds=HOLDS))
    runs = [(each.started_at.timestamp(), each.finished_at.timestamp()) for each in times]
    return busy_percent(runs, times[0].accepted_at.timestamp(), slots)


def celery_busy(celery: PlainCelery, *, slots: int, waves: int) -> float:
    celery.ask("busy", slots * waves, HOLDS)
    celery.wait("busy", slots * waves)
    times = celery.times("busy")
    return busy_percent([(started, started + HOLDS) for _, started in times], min(sent for sent, _ in times), slots)
