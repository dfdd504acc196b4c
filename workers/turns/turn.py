"""`agent.turn`: one message of a user, answered.

    assemble ▸ rules ▸ hooks ▸ knowledge ▸ history ▸ rounds of model and tools ▸ hooks ▸ the conversation goes on

A turn is a sequence of steps, each known by its place: `assembly`, then for each round `<round>.model` and, for each
tool that the model asks for, `<round>.tool.<index>`; between them what the tenant's servers `offered`, what hooks said,
what was found (`retrieval`) and where the history was cut (`history`), if it came to that. A turn that is run again
replays the places it finds and goes on from there; it sees the agent, its tools, the conversation and the time as its
first run saw them.
"""

from dataclasses import replace

from shared.agents import conversations
from shared.agents.conversations import NotTheirs
from shared.agents.templates.grammar import BadTemplate
from shared.contracts.payloads import AgentTurn
from shared.contracts.results import TurnOutcome
from shared.errors import NotFound
from shared.stores.postgres import Connection
from workers.outcomes import Discard, Done, Outcome
from workers.run.context import Context
from workers.turns import answer, hooks, rules
from workers.turns.answer import Conclusion
from workers.turns.assembly import assemble
from workers.turns.rounds import converse
from workers.turns.scene import Scene

#: Where a stream tells an answer that hooks had to let out first.
ANSWER = "answer"


def turn(context: Context, payload: AgentTurn) -> Outcome:
    try:
        scene = assemble(context, payload)
    except (NotFound, NotTheirs) as error:
        return Discard(str(error))
    try:
        conclusion = _concluded(context, scene)
        return _done(scene, conclusion, answer.rendered(scene, conclusion))
    except BadTemplate as error:  # of a version that was saved before it would have been refused
        return Discard(f"agent {payload.agent!r} cannot speak: {error}; mend it by `headgate tenant configure -f`")


def _concluded(context: Context, scene: Scene) -> Conclusion:
    """What the turn comes to: by a rule of the tenant's, by a hook of the operator's, or by the model."""
    if (ended := rules.ended(scene)) is not None:
        return answer.by_rule(ended)
    before = hooks.before(context, _as_hooks_see(scene))
    if before.answer is not None:
        return Conclusion(before.answer, TurnOutcome.HOOK)
    conclusion = converse(context, scene, before.context)
    if conclusion.outcome is not TurnOutcome.ANSWERED or not hooks.hold_answers_back():
        return conclusion
    released = hooks.after(context, _as_hooks_see(scene), conclusion.answer)
    if (telling := context.telling(ANSWER)) is not None:
        telling.begin()
        telling(released)
    return replace(conclusion, answer=released)


def _as_hooks_see(scene: Scene) -> hooks.Turn:
    identity = scene.identity
    return hooks.Turn(
        identity.tenant,
        identity.agent,
        scene.agent.version,
        identity.user,
        scene.turn.user_context,
        identity.conversation,
        scene.turn.message,
        identity.job,
    )


def _done(scene: Scene, conclusion: Conclusion, shown: str) -> Done:
    def effects(connection: Connection) -> None:
        conversations.add(connection, scene.identity, answer.added(scene, conclusion))

    return Done(answer.result(scene, conclusion, shown), effects=effects)
