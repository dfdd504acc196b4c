"""The same work as plain Celery tasks, as Celery comes: the baseline's worker.

    CELERY_BROKER_URL=… CELERY_RESULT_BACKEND=redis://… celery -A tests.benchmarks.plain_tasks worker

Addresses come from the environment, as Celery reads it by itself. Results, and what the benchmarks note, go to Redis.
"""

import time
from functools import cache

from celery import Celery
from redis import Redis

from tests.benchmarks.tally import Tally

app = Celery("plain", set_as_current=False)
app.conf.update(broker_connection_retry_on_startup=True)


@app.task(name="plain.hold", shared=False, ignore_result=True)
def hold(who: str, sent: float, seconds: float) -> None:
    """Hold a slot; note when it was sent and when it started, in seconds since 1970."""
    started = time.time()
    time.sleep(seconds)
    _redis().rpush(f"times:{who}", f"{sent} {started}")


@app.task(name="plain.nothing", shared=False, ignore_result=True)
def nothing() -> None:
    """Nothing, of which nothing is kept."""
    _tally().note()


@app.task(name="plain.kept", shared=False)
def kept() -> None:
    """Nothing, with its result in the result backend."""
    _tally().note()


@cache
def _redis() -> "Redis":
    return Redis.from_url(app.conf.result_backend)


@cache
def _tally() -> Tally:
    return Tally(app.conf.result_backend)
