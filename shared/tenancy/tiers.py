"""The plans there are."""

from collections.abc import Sequence

from shared.stores.postgres import Database


def names(control: Database) -> Sequence[str]:
    """Every tier's name, the weightiest first."""
    with control.connection() as connection:
        rows = connection.execute("SELECT tier FROM control.tiers ORDER BY weight DESC, tier").fetchall()
    return [row["tier"] for row in rows]
