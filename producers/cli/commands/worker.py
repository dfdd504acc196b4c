"""`headgate worker`: a Celery worker for some lanes, on the pool that suits them.

The command becomes that worker (exec), so whoever supervises it holds the worker itself and not a process around it.
"""

import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Annotated

import typer

from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.values import value_of
from shared import settings
from shared.contracts.kinds import Family
from shared.lanes import Lane
from shared.tenancy import tiers


class Pool(StrEnum):
    THREADS = "threads"
    PREFORK = "prefork"


#: Documents are parsed in processes that may be ended; everything else waits for others most of its time.
ON_PREFORK = (Family.INGEST,)
ON_THREADS = tuple(family for family in Family if family not in ON_PREFORK)

#: Jobs at once. On threads: fewer than a process's 20 connections to Postgres, and the heartbeat and upkeep want some
#: too. On prefork: parsing keeps a core busy.
SLOTS = {Pool.THREADS: 16, Pool.PREFORK: os.cpu_count() or 1}


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("worker --lane turns.pro --lane turns@acme --slots 16"))(worker)


def worker(
    *,
    family: Annotated[
        list[Family] | None,
        typer.Option(help="A family to serve in all tiers; repeatable. Default: all but ingest, which wants its own."),
    ] = None,
    lane: Annotated[list[str] | None, typer.Option(help="A lane to serve: turns.pro, turns@acme; repeatable.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Jobs at once.")] = None,
    pool: Annotated[Pool | None, typer.Option(help="Default: prefork for ingest, threads for the others.")] = None,
) -> None:
    """Run a worker until it is told to stop."""
    if family and lane:
        raise typer.BadParameter("name families (--family), whose lanes are served in all tiers, or lanes (--lane)")
    if lane:
        with value_of("--lane"):
            served = [Lane.named(name) for name in lane]
    else:
        served = all_lanes(family or ON_THREADS, tiers.names(opened().control))
    argv = celery(served, slots=slots, pool=pool)
    os.execv(argv[0], argv)  # noqa: S606 - our own interpreter and module; no shell is wanted


def all_lanes(families: Sequence[Family], of_tiers: Sequence[str]) -> list[Lane]:
    """Every lane of these families but those that tenants have of their own: they want workers of their own."""
    return [Lane(family, tier) for family in families for tier in of_tiers]


def celery(lanes: Sequence[Lane], *, slots: int | None, pool: Pool | None) -> list[str]:
    """The command of a Celery worker. Without mingle and gossip, which tell workers of tasks; permits tell nothing."""
    pool = pool or pool_for({lane.family for lane in lanes})
    name = f"{'-'.join(dict.fromkeys(lane.family for lane in lanes))}-{os.getpid()}@%h"
    serve = ["-Q", ",".join(map(str, lanes)), "-P", pool, "-c", str(slots or SLOTS[pool]), "-n", name]
    quiet = ["--loglevel", settings.read().log_level, "--without-mingle", "--without-gossip"]
    return [sys.executable, "-m", "celery", "--quiet", "-A", "workers.app", "worker", *serve, *quiet]


def pool_for(families: AbstractSet[Family]) -> Pool:
    """The pool that suits all of these families."""
    if not families & set(ON_PREFORK):
        return Pool.THREADS
    if families <= set(ON_PREFORK):
        return Pool.PREFORK
    raise typer.BadParameter("ingest wants prefork, the others threads: start a worker for each, or say --pool")
