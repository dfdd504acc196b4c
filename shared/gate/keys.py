"""Every key of the gate. All begin with `hg:{<cell>}:`, so a cell lies in one hash slot.

`head`                        hash: epoch in force, run_id of the Redis it was opened on
`mark`                        names this memory of Redis: a flush takes it away

and, under `<epoch>:`, made by the scripts:

`jobs`                        hash: job → tenant, lane, score, expected cost, when offered
`backlog:<lane>:<tenant>`     sorted set: waiting jobs by priority, then order of acceptance
`delayed`                     sorted set: jobs by the time they are due
`ready:<lane>`                sorted set: tenants that may start a job, by virtual time
`leases`                      sorted set: jobs by the end of their lease
`leased`                      hash: job → token, worker, since, what was charged
`tenant:<tenant>`             hash: version, weight, open, limit:*, running, running:<family>, delayed, lanes, active,
                              and for each lane in: (running), delayed:, time:, stands:, startable:, cost: (running
                              average)
`lane:<lane>`                 hash: weight, pass (stride), returned (it was idle), clock (virtual), clock_of (whose),
                              seconds (running average), eligible, live, running, starved (since when), repairs
`stride:<lanes>`              pass of the lane picked last, among lanes that are served together
`lanes`, `active`             sets: all lanes; tenants that have work
`workers`, `worker:<id>`      sorted set by end of validity; hash: slots, lanes
`busy`                        hash: worker → leases it holds
`sweeper`                     the worker that holds the sweep
`tokens`                      counter of the fence
"""


def prefix(cell: str) -> str:
    """What every key of a cell begins with."""
    return f"hg:{{{cell}}}:"


def wake(cell: str, loop: str) -> str:
    """A list that wakes an upkeep loop before its time; it never holds more than one element."""
    return f"{prefix(cell)}wake:{loop}"


#: Jobs of one priority sort by order of acceptance; 2^48 jobs fit between two priorities, and a score stays exact.
PRIORITY_STEP = 2**48


def score(priority: int, seq: int) -> int:
    """Where a job stands in its backlog: smaller goes first."""
    return priority * PRIORITY_STEP + seq
