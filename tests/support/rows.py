"""A row of a tenant in every table, made from the map of the data, so that a table added tomorrow gets its row too."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Column, Table
from sqlalchemy import types as kinds
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from shared.ids import NAMESPACE
from shared.stores import tables
from shared.stores.postgres import Connection

#: Not about one tenant, or (keys) tested by themselves.
ELSEWHERE = {"control.tiers", "control.lanes", "control.tenants", "control.api_keys", "tenant.epoch"}

#: Columns that take only certain words.
WORDS = {
    "steps.kind": "model",
    "steps.state": "intent",
    "messages.role": "user",
    "connections.kind": "http",
    "cached.kind": "response",
    "usage_records.status": "billed",
}


def tenant_tables() -> list[Table]:
    """Every table that holds rows of tenants, parents first."""
    found = [table for schema in tables.SCHEMAS.values() for table in schema.sorted_tables]
    return [table for table in found if table.fullname not in ELSEWHERE]


def named(table: Table) -> sql.Identifier:
    return sql.Identifier(str(table.schema), table.name)


def row(table: Table, tenant: str) -> dict[str, Any]:
    """The tenant's row; its values are the same in every table, so that it refers to the tenant's other rows."""
    return {column.name: _value(column, tenant) for column in table.columns if _required(column)}


def insert(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        named(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    connection.execute(statement, list(values.values()))


def count(connection: Connection, table: Table, tenant: str) -> int:
    return connection.execute(sql.SQL("SELECT FROM {} WHERE tenant_id = %s").format(named(table)), (tenant,)).rowcount


def _required(column: Column[Any]) -> bool:
    made_by_the_database = column.server_default is not None or column.identity is not None
    return (not column.nullable or bool(column.foreign_keys)) and not made_by_the_database


def _value(column: Column[Any], tenant: str) -> Any:
    if column.name == "tenant_id":
        return tenant
    if word := WORDS.get(f"{column.table.name}.{column.name}"):
        return word
    return next(value for kind, value in _values(tenant) if isinstance(column.type, kind))


def _values(tenant: str) -> list[tuple[type[TypeEngine[Any]], Any]]:
    """What a column of each type holds."""
    return [
        (kinds.Uuid, uuid5(NAMESPACE, tenant)),
        (kinds.Text, f"of-{tenant}"),
        (kinds.ARRAY, [f"of-{tenant}"]),
        (kinds.Integer, 1),
        (kinds.Float, 1.0),
        (kinds.DateTime, datetime(2026, 11, 22, tzinfo=UTC)),
        (kinds.LargeBinary, tenant.encode()),
        (JSONB, Jsonb({"of": tenant})),
    ]
