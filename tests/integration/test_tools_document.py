"""What `docs/tools.md` shows, installed and used as it says."""

import re
import tomllib
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
import yaml
from pydantic import HttpUrl

from shared.agents.connections import CONNECTION, HttpEndpoint, McpServer
from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from tests.integration.test_hooks import ANN, told_of
from tests.support.outsider import LOCAL, outsider, use
from tests.support.tooling import Turns, call, installed
from workers.run.context import Context
from workers.turns import hooks
from workers.turns.hooks import Before
from workers.turns.tools.http import http_tool
from workers.turns.tools.own import own_tools
from workers.turns.tools.toolbox import Toolbox

DOCUMENT = Path(__file__).parents[2] / "docs" / "tools.md"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[None]:
    """The document's package, under its own names."""
    blocks = dict(re.findall(r"```(python|toml)\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL))
    groups = tomllib.loads(blocks["toml"])["project"]["entry-points"]
    with installed(tmp_path, groups, blocks["python"], module="acme_agents"):
        yield


def test_the_documents_connections_are_asked_as_it_says() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    orders, crm = map(CONNECTION.validate_python, yaml.safe_load(block)["connections"].values())
    assert isinstance(crm, McpServer)
    assert isinstance(orders, HttpEndpoint)
    with outsider() as there:
        here = orders.model_copy(update={"url": HttpUrl(there.url)})
        named = http_tool({"orders": here}, lambda name: f"the secret of {name}", LOCAL, lambda: inf)
        named.act(use(), {"endpoint": "orders", "method": "POST", "path": "orders", "body": {"item": 1}})
        (heard,) = there.heard
    assert heard.headers["x-api-key"] == "the secret of orders-key"
    assert heard.headers["idempotency-key"] == use().idempotency_key
    assert "authorization" not in heard.headers


@pytest.mark.usefixtures("example")
def test_the_documents_tool_and_hook_work_as_it_says(cell: Cell) -> None:
    def play(context: Context, payload: AgentTurn) -> tuple[object, ...]:
        toolbox = Toolbox(own_tools(["order_status"]), ["order_status"])
        calls = [call("order_status", f'{{"order": "{order}"}}') for order in (17, 18)]
        known, unknown = toolbox.use(context, payload, 0, calls)
        turn = told_of(context, payload)
        said = hooks.before(context, turn), hooks.after(context, turn, "I am of Acme Inc.")
        return known.outcome, unknown.outcome, *said

    (came_to,) = Turns(cell).run(play, **ANN)
    assert came_to == (
        {"state": "shipped"},
        {"error": "there is no such order"},
        Before(["The user's plan is gold."]),
        "I am of Acme.",
    )
    (refused,) = Turns(cell, "globex").run(lambda *told: play(*told)[0])
    assert refused == {"error": "orders are told to users who are logged in", "refused": True}
