"""Knowledge that is looked up before the model is asked, where the agent is to have it always."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.run.context import Context
from workers.turns import retrieval
from workers.turns.scene import Scene
from workers.turns.tools.knowledge import shown
from workers.turns.tools.toolbox import ToolResult

#: The step that finds it.
PLACE = "retrieval"


def found_before(context: Context, scene: Scene) -> dict[str, Any]:
    """What the turn is told without having asked."""
    configuration = scene.agent.configuration
    if configuration.retrieval.when != "always" or not configuration.knowledge_bases:
        return {}
    question = scene.turn.message

    def look() -> dict[str, Any]:
        return {"passages": [shown(passage) for passage in retrieval.retrieve(context, PLACE, configuration, question)]}

    outcome: dict[str, Any] = context.once(PLACE, "retrieval", {"query": question}, look, later=True)
    return outcome


def sources(results: Sequence[ToolResult], found: Mapping[str, Any]) -> list[str]:
    """Names of the documents that the model was shown, each once; only searches are believed."""
    before = [str(passage["document"]) for passage in found.get("passages", ())]
    return list(dict.fromkeys([*before, *(name for result in results for name in result.documents)]))
