"""What tenants drew in a calendar month, read from the rollups: integer tokens and nano-dollars, never floats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.rows import class_row

from shared.errors import HeadgateError
from shared.stores.postgres import Connection

#: Nano-dollars in a dollar.
NANO = 1_000_000_000

DRAWN = """
SELECT tenant_id, model, meter, status, sum(quantity)::bigint AS quantity, sum(cost_nano)::bigint AS cost_nano,
       sum(records)::bigint AS records
FROM control.rollups WHERE quarter_hour >= %(begin)s AND quarter_hour < %(end)s
  AND (%(tenants)s::text[] IS NULL OR tenant_id = ANY(%(tenants)s))
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Drawn:
    """One sum. `status`: `billed` to the token, or `unknown` at its worst case, where the answer was lost."""

    tenant_id: str
    model: str
    meter: str
    status: str
    quantity: int
    cost_nano: int
    records: int

    @property
    def nothing(self) -> bool:
        """Whether its records cancel each other out."""
        return self.quantity == 0 and self.cost_nano == 0


def drawn(connection: Connection, period: str, tenants: Sequence[str] | None = None) -> list[Drawn]:
    """The sums of a month (`YYYY-MM`), by tenant, model, meter and status; of all tenants where none are named."""
    begin, end = month(period)
    with connection.cursor(row_factory=class_row(Drawn)) as cursor:
        asked = {"begin": begin, "end": end, "tenants": list(tenants) if tenants else None}
        return cursor.execute(DRAWN, asked).fetchall()


def month(period: str) -> tuple[datetime, datetime]:
    """The first moment of a month (`YYYY-MM`), and of the next, in UTC."""
    try:
        begin = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise HeadgateError(f"{period!r} is no month: write it as YYYY-MM") from error
    years, month0 = divmod(begin.month, 12)
    return begin, begin.replace(year=begin.year + years, month=month0 + 1)


def usd(nano: int) -> str:
    """Nano-dollars as dollars, exact, with nine decimals."""
    sign = "-" if nano < 0 else ""
    return f"{sign}{abs(nano) // NANO}.{abs(nano) % NANO:09d}"
