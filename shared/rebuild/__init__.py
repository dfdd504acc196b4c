"""Refilling the gate from the ledger: the one thing that must know both, and the tenants too."""
