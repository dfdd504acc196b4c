"""Which function runs which kind. Rooms are imported when a worker that serves their family starts."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

from shared.contracts.kinds import KINDS, Family
from workers.outcomes import Outcome
from workers.run.context import Context

RoomFunction = Callable[[Context, Any], Outcome]

ROOMS: Mapping[str, str] = {
    "agent.turn": "workers.turns.turn:turn",
    "knowledge.ingest": "workers.ingest.ingest:ingest",
    "knowledge.embed": "workers.embed.embed:embed",
    "billing.export": "workers.metering.export:export",
    "billing.reconcile": "workers.metering.reconcile:reconcile",
    "ops.probe": "workers.ops:probe",
}


def load(families: Collection[Family]) -> Mapping[str, RoomFunction]:
    """The room functions of these families, by kind."""
    return {kind: _imported(ROOMS[kind]) for kind, known in KINDS.items() if known.family in families}


def _imported(place: str) -> RoomFunction:
    module, _, name = place.partition(":")
    function: RoomFunction = getattr(import_module(module), name)
    return function
