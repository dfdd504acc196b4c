"""What code of an operator's own may name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from workers import extending

ROOT = Path(__file__).parents[2]


def test_the_names_that_packages_were_written_for_stay() -> None:
    assert set(extending.__all__) == {"BeforeTurn", "Tool", "ToolFailed", "ToolRefused", "Turn", "Use"}
    assert all(hasattr(extending, name) for name in extending.__all__)


def test_documents_import_nothing_else_of_the_workers() -> None:
    shown = list(_imports())
    assert {module for module, _ in shown} == {"workers.extending"}
    assert {name for _, name in shown} <= set(extending.__all__)


def _imports() -> Iterator[tuple[str, str]]:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")):
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workers"):
                    yield from ((str(node.module), alias.name) for alias in node.names)
                if isinstance(node, ast.Import):
                    yield from ((alias.name, alias.name) for alias in node.names if alias.name.startswith("workers"))
