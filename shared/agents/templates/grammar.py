"""What may stand in a tenant's template: text, values, filters, comparisons and `if`.

Templates come from tenants, so the tree that Jinja makes of one is walked before anything of it is compiled, and what
is not named here is refused. No loop, no call and no arithmetic: what a template makes is bounded by what stands in it
and by the values it shows.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from shared.agents.templates.filters import COMPARISONS, EMPTY, FILTERS, TESTS
from shared.errors import HeadgateError
from shared.texts import is_storable

#: The variable that has fields: what the caller tells of the user.
USER = "user"

#: Deepest nesting, and most parts, that a template may have; people write some five and some fifty. So many parts are
#: compiled in some 60 ms, once in a process.
DEEPEST, MOST = 32, 1000

#: Whose parts are looked at, and nothing else of them.
PLAIN = (nodes.Template, nodes.Output, nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Operand)

#: What people try, as they call it.
REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.For: "a loop",
    nodes.Call: "a call",
    nodes.BinExpr: "arithmetic",
    nodes.UnaryExpr: "arithmetic",
    nodes.Concat: "`~`",
    nodes.Assign: "`set`",
    nodes.AssignBlock: "`set`",
    nodes.Dict: "a dictionary",
    nodes.Slice: "a slice",
}


class BadTemplate(HeadgateError):  # noqa: N818 - named for what it is about
    """A template that may not be used; `line` of the template, from 1."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(f"line {line} of the template: {said}")
        self.line, self.said = line, said


def allowed(tree: nodes.Template, variables: Collection[str]) -> nodes.Template:
    """The tree, to be compiled; `BadTemplate` where something stands in it that may not."""
    _Walk(variables).look(tree, 0)
    made: nodes.Template = _Total().visit(tree)
    return made


class _Walk:
    def __init__(self, variables: Collection[str]) -> None:
        self._variables, self._seen, self._line = variables, 0, 1

    def look(self, node: nodes.Node, depth: int) -> None:
        self._seen += 1
        within = (part.lineno for part in node.iter_child_nodes() if part.lineno)
        node.lineno = self._line = node.lineno or next(within, self._line)  # Jinja leaves it out here and there
        if depth > DEEPEST:
            raise BadTemplate(node.lineno, f"it is nested deeper than {DEEPEST}: make it flatter")
        if self._seen > MOST:
            raise BadTemplate(node.lineno, f"it has more than {MOST:,} parts: make it shorter")
        if type(node) in PLAIN:
            self._look_into(node, depth)
        else:
            self._particular(node, depth)

    def _look_into(self, node: nodes.Node, depth: int) -> None:
        for part in node.iter_child_nodes():
            self.look(part, depth + 1)

    def _particular(self, node: nodes.Node, depth: int) -> None:
        match node:
            case nodes.TemplateData(data=text) | nodes.Const(value=str() as text):
                _refuse(node, "a character that no model takes", when=not is_storable(text))
            case nodes.Const():
                pass
            case nodes.List() | nodes.Tuple():
                self._constants(node, depth)
            case nodes.Name():
                self._name(node)
            case nodes.Getattr() | nodes.Getitem():
                self._field(node)
            case nodes.Filter():
                self._filter(node, depth)
            case nodes.Test():
                self._test(node, depth)
            case nodes.Compare():
                _refuse(node, "more than one comparison in a row", "join them by `and`", when=len(node.ops) > 1)
                self._look_into(node, depth)
            case _:
                words = (said for kind, said in REFUSED.items() if isinstance(node, kind))
                _refuse(node, next(words, f"`{type(node).__name__.lower()}`"))

    def _constants(self, node: nodes.List | nodes.Tuple, depth: int) -> None:
        for part in node.items:
            _refuse(part, "a list of other than constants", when=not isinstance(part, nodes.Const))
        self._look_into(node, depth)

    def _name(self, node: nodes.Name) -> None:
        if node.name not in self._variables:
            known = ", ".join(sorted(self._variables))
            raise BadTemplate(node.lineno, f"there is no variable {node.name!r}: variables are {known}")
        _refuse(node, "`user` alone", "name what of the user: `user.identifier`", when=node.name == USER)

    def _field(self, node: nodes.Getattr | nodes.Getitem) -> None:
        """`user.plan` or `user["plan"]`."""
        of_user = isinstance(node.node, nodes.Name) and node.node.name == USER
        if USER not in self._variables or not of_user:
            raise BadTemplate(node.lineno, "only `user` has fields: `user.identifier` and what the caller tells")
        named = isinstance(node, nodes.Getattr) or _is(node.arg, (str,))
        _refuse(node, "a field of `user` whose name is not written out", when=not named)

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        known = FILTERS.get(node.name)
        if known is None or node.node is None:
            raise BadTemplate(node.lineno, f"there is no filter {node.name!r}: filters are {', '.join(FILTERS)}")
        one = bool(known.takes) and (len(node.args) == 1 or (not node.args and not known.required))
        fits = one if known.takes else not node.args
        fits = fits and not _more(node) and all(_is(part, known.takes) for part in node.args)
        wanted = "a constant: one " + " or ".join(kind.__name__ for kind in known.takes) if known.takes else "nothing"
        if not fits:
            raise BadTemplate(node.lineno, f"the filter {node.name!r} takes {wanted}")
        self._look_into(node, depth)

    def _test(self, node: nodes.Test, depth: int) -> None:
        if node.name not in TESTS or node.args or _more(node):
            raise BadTemplate(node.lineno, f"after `is` come {', '.join(TESTS)}: compare with ==, !=, <, >, `in`")
        self._look_into(node, depth)


class _Total(NodeTransformer):
    """Puts tests of ours, which always answer, where comparisons stand, which fail on what cannot be compared.

    And an `if` without an `else`, within a value, is empty where it is not so.
    """

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Expr:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.expr2 = node.expr2 or nodes.Const(EMPTY, lineno=node.lineno)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        (operand,) = node.ops
        if operand.op == "notin":
            return nodes.Not(_test(node, "in", operand), lineno=node.lineno)
        return _test(node, operand.op, operand)


def _test(node: nodes.Compare, name: str, operand: nodes.Operand) -> nodes.Test:
    return nodes.Test(node.expr, name, [operand.expr], [], None, None, lineno=node.lineno)


def _more(node: nodes.Filter | nodes.Test) -> Any:
    return node.kwargs or node.dyn_args or node.dyn_kwargs


def _is(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, kinds) and not isinstance(node.value, bool)


def _refuse(node: nodes.Node, what: str, instead: str = "", *, when: bool = True) -> None:
    if when:
        instead = instead or "templates have text, values, filters, comparisons and `if`"
        raise BadTemplate(node.lineno, f"{what} may not stand in a template: {instead}")


#: By the names that `_Total` gives them, and those that people write.
EVERY_TEST: Mapping[str, Callable[..., bool]] = {**COMPARISONS, **TESTS}
