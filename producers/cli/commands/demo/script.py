"""The script: who is on stage, what each tenant knows, and what is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pydoc_data.topics import topics


@dataclass(frozen=True)
class Part:
    """A tenant's part. `limits` are its own, beyond its tier's; `topics` the documents that it brings along."""

    tenant: str
    name: str
    tier: str
    topics: Sequence[str]
    questions: Sequence[str]
    floods: bool = False
    limits: Mapping[str, int] | None = None

    @property
    def documents(self) -> Mapping[str, str]:
        """The chapters of the language reference, by name."""
        return {name: topics[name] for name in self.topics}


ACME = Part(
    "acme",
    "Acme",
    "enterprise",
    (
        *("assert", "break", "context-managers", "continue", "else", "exceptions", "execmodel", "for"),
        *("if", "pass", "raise", "return", "try", "while", "with", "yield"),
    ),
    (
        "How does raise from attach one exception to another as its cause?",
        "What does the with statement do when its block raises an exception?",
        "When is the else clause of a for loop executed?",
        "What happens when a finally clause executes a return statement?",
        "Are assert statements executed when optimization is requested?",
        "What is an unbound local variable error?",
    ),
)

GLOBEX = Part(
    "globex",
    "Globex",
    "pro",
    (
        *("attribute-access", "callable-types", "calls", "class", "del", "function", "global"),
        *("id-classes", "import", "lambda", "nonlocal", "typesfunctions", "typesmethods", "typesmodules"),
    ),
    (
        "When are default parameter values of a function evaluated?",
        "Which names does a star import bring in from a module?",
        "Can a lambda expression contain statements or annotations?",
        "What does the nonlocal statement do with names of the enclosing function?",
        "How are keyword arguments matched with the parameters of a call?",
        "What does __slots__ do to the instances of a class?",
    ),
)

#: On the free plan, but with room for as many turns at once as there are slots: it is not its own limit that keeps it
#: from taking them all, but the gate's order.
INITECH = Part(
    "initech",
    "Initech",
    "free",
    (
        *("bitwise", "booleans", "comparisons", "dict", "integers"),
        *("lists", "numbers", "slicings", "strings", "truth"),
    ),
    (
        "Which objects are considered false in a truth test?",
        "How can comparisons be chained?",
        "What happens to duplicate keys in a dict display?",
        "Are backslashes escape characters in a raw string?",
        "How does the or operator decide which operand to return?",
        "Can integer literals contain underscores?",
    ),
    floods=True,
    limits={"running": 16, "turns": 16},
)

PARTS = (ACME, GLOBEX, INITECH)
