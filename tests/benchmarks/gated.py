"""A tenant with every limit that the gate knows, none of which ever holds it back: they cost, and that is measured."""

from shared.gate.limits import Budget, Budgets, Configuration, Limits

#: More than any benchmark runs at once, starts in a minute or lets wait.
UNHELD = {
    "running": 10_000,
    "turns": 10_000,
    "ingest": 10_000,
    "embed": 10_000,
    "ops": 10_000,
    "backlog": 10_000_000,
    "rate": 1_000_000,
    "burst": 100_000,
}

#: Tokens, and nano-dollars: the most that a budget can be.
PLENTY = Budget(limit=2**53, hard=True)

UNSPENT = Budgets(tokens_hour=PLENTY, tokens_month=PLENTY, usd_day=PLENTY, usd_month=PLENTY)


def gated(tenant: str, version: int = 1, *, is_open: bool = True) -> Configuration:
    """Its weight is between 1 and 3, by its name."""
    weight = 1.0 + sum(tenant.encode()) % 3
    limits = Limits.model_validate(UNHELD)
    return Configuration(tenant=tenant, version=version, open=is_open, weight=weight, limits=limits, budgets=UNSPENT)
