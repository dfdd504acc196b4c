"""What both sides speak: contracts, the gate, the ledger, tenancy. Knows neither producers nor workers."""
