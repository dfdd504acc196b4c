"""The gate: decides, in Redis, whose job runs next, and whether it may.

Everything here can be rebuilt from the ledger; the gate never ends a job. Each change of its state is one Lua script
(`scripts/`), preceded by what all of them share: the clock, the placing of a tenant, the leasing of a job.
"""
