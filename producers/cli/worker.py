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

from producers.cli.opening import opened
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
    app.command()(worker)


def worker(
    *,
    family: Annotated[
        str, typer.Option(help="Families to serve in all tiers, comma-separated. Ingest wants a worker of its own.")
    ] = ",".join(ON_THREADS),
    lanes: Annotated[
        str | None, typer.Option(help="Lanes to serve instead, comma-separated: turns.pro,turns@acme,…")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Jobs at once.")] = None,
    pool: Annotated[Pool | None, typer.Option(help="Default: prefork for ingest, threads for the others.")] = None,
) -> None:
    """Run a worker until it is told to stop."""
    served = named_lanes(lanes) if lanes else all_lanes(named_families(family), tiers.names(opened().control))
    argv = celery(served, slots=slots, pool=pool)
    os.execv(argv[0], argv)  # noqa: S606 - our own interpreter and module; no shell is wanted


def named_families(given: str) -> list[Family]:
    try:
        return [Family(name) for name in given.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{given!r}: families are {', '.join(Family)}", param_hint="--family") from None


def named_lanes(given: str) -> list[Lane]:
    return [Lane.named(name) for name in given.split(",")]


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
