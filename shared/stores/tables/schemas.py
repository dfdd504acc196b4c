"""The two schemas, how their constraints are named, and columns that recur."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, text

NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}

CONTROL = MetaData(schema="control", naming_convention=NAMES)
TENANT = MetaData(schema="tenant", naming_convention=NAMES)

NOW = text("now()")


def moment(name: str, *, required: bool = False) -> Column[object]:
    """A point in time; with `required`, the moment of writing unless said otherwise."""
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=NOW if required else None)


def count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")
