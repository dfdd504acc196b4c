"""JSON Schemas of the contracts, written from the models that the doors themselves check with.

Weakness: a schema cannot say everything that a model checks (that a document comes as text or as bytes, but not both;
that a key may act for a tenant). What passes the schema may still be refused, with a reason.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.contracts.answers import Accepted, ConversationAnswered, Finished, Refused
from shared.contracts.envelope import Envelope
from shared.contracts.events import EVENTS
from shared.contracts.kinds import KINDS

#: The version of JSON Schema that pydantic writes.
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

#: What Headgate takes is described as it is read; what it sends, as it is written.
Mode = Literal["validation", "serialization"]

#: Every model that travels, by the name of its document.
MODELS: Mapping[str, tuple[type[BaseModel], Mode]] = {
    "envelope": (Envelope, "validation"),
    **{kind.name: (kind.payload, "validation") for kind in KINDS.values()},
    **{f"{kind.name}.result": (kind.result, "serialization") for kind in KINDS.values()},
    "accepted": (Accepted, "serialization"),
    "refused": (Refused, "serialization"),
    "finished": (Finished, "serialization"),
    "conversation.answered": (ConversationAnswered, "serialization"),
    **{name: (event, "serialization") for name, event in EVENTS.items()},
}


def schemas() -> dict[str, Schema]:
    """One document that stands alone for each of them."""
    return {name: {"$schema": DIALECT, **model.model_json_schema(mode=mode)} for name, (model, mode) in MODELS.items()}


def components() -> dict[str, Schema]:
    """All of them together, referring to each other under `#/components/schemas/`."""
    _, together = models_json_schema(list(MODELS.values()), ref_template="#/components/schemas/{model}")
    definitions: dict[str, Schema] = together["$defs"]
    return definitions
