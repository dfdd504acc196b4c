"""Every key of the gate. All begin with `hg:{<cell>}:`, so a cell lies in one hash slot.

`head`                        the Redis on which the epoch in force was opened, and that epoch: `<run_id>:<epoch>`
`mark`                        names this memory of Redis: a flush takes it away
`wake:<loop>`                 list: a bell (`wake`)
`exceeded:<tenant>:<budget>:<window>`   that a soft budget was said to be exceeded (`exceeded`)

and, under `<epoch>:`, made by the scripts; a *record* is a packed map, read once and written once by each operation
(`scripts/records.lua` says what each begins with):

`jobs`                        hash: job → record: tenant, lane, score, expected cost, when offered, ordering key, when
                              due, need; lease (token, worker, since, what was charged); cancelled, again
`backlog:<lane>:<tenant>`     sorted set: waiting jobs by priority, then order of acceptance
`delayed`                     sorted set: jobs by the time they are due
`line:<tenant>:<key>`         sorted set: unfinished jobs of an ordering key by order of acceptance
`holders`                     hash: `<tenant>:<key>` → the job that holds the key; the others of its line are held
`ready:<lane>`                sorted set: tenants that may start a job, by virtual time
`blocked`                     sorted set: tenants by the time at which they must be placed anew
`leases`                      sorted set: jobs by the end of their lease
`tenant:<tenant>`             record: configuration; running, by family; `tat` (rate); and for each lane: waiting,
                              delayed, held, running, startable, needs, virtual time, charged (of it, for running
                              jobs), cost (running average), stands
`budget:<tenant>`             record: budgets; windows (drawn and held, by id); needs
`reserved`                    hash: call → record: tenant, tokens, nanos, windows
`lane:<lane>`                 record: weight, pass (stride), returned (it was idle), clock (virtual, as served),
                              seconds (running average), eligible, live, running, paused, starved (since when), repairs
`passes`                      hash: lane that has something to start → pass; '' where it was idle
`stride:<lanes>`              pass of the lane picked last, among lanes that are served together
`lanes`, `active`             sets: all lanes; tenants that have work
`workers`, `worker:<id>`      sorted set by end of validity; hash: slots, lanes
`busy`                        hash: worker → leases it holds
`sweeper`, `planned`, `swept` the worker that holds the sweep; when it means to sweep again; when it did last
`tokens`                      counter of the fence
"""


def prefix(cell: str) -> str:
    """What every key of a cell begins with."""
    return f"hg:{{{cell}}}:"


def wake(cell: str, loop: str) -> str:
    """A list that wakes an upkeep loop before its time; it never holds more than one element."""
    return f"{prefix(cell)}wake:{loop}"


def exceeded(cell: str, tenant: str, budget: str, window: str) -> str:
    """A note that it was said that a soft budget is exceeded; it expires with the window."""
    return f"{prefix(cell)}exceeded:{tenant}:{budget}:{window}"


#: Jobs of one priority sort by order of acceptance; 2^48 jobs fit between two priorities, and a score stays exact.
PRIORITY_STEP = 2**48


def score(priority: int, seq: int) -> int:
    """Where a job stands in its backlog: smaller goes first."""
    return priority * PRIORITY_STEP + seq
