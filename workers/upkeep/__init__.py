"""What keeps a cell going between jobs: the gate's sweep and rebuild, the ledger sweep, the outbox relay."""
