"""Alembic's environment: runs one schema's migrations on the connection that `shared.stores.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from shared.stores import tables


def run(connection: Connection, schema: str) -> None:
    context.configure(
        connection=connection,
        target_metadata=tables.SCHEMAS[schema],
        version_table="migrations",
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name == schema,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"], context.config.attributes["schema"])
