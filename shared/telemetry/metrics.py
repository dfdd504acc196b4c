"""Every metric, in one place. Labels stay bounded: per-tenant figures come from the command line, not from here."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from shared.errors import ConfigurationError
from shared.process import of_process
from shared.settings import Settings

#: Seconds, from a free slot's milliseconds to a flood's minutes.
WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

#: Models that are told apart in one process: more than any platform offers, fewer than a tenant can think of.
MOST_MODELS = 200

#: Seconds, from a script's tenths of a millisecond to the socket's timeout.
ROUND_TRIPS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10)

JOBS_ACCEPTED = Counter("headgate_jobs_accepted_total", "Jobs a door accepted", ["door", "kind", "tier"])
MESSAGES_REFUSED = Counter("headgate_messages_refused_total", "Messages a door refused", ["door", "reason"])
JOBS_FINISHED = Counter("headgate_jobs_finished_total", "Runs that ended", ["kind", "tier", "outcome"])
JOB_WAIT = Histogram("headgate_job_wait_seconds", "From accepted to first start", ["kind", "tier"], buckets=WAITS)
JOB_RUN = Histogram("headgate_job_run_seconds", "One run", ["kind", "tier"], buckets=WAITS)
GATE_OPERATION = Histogram(
    "headgate_gate_operation_seconds", "One round trip to the gate", ["operation"], buckets=ROUND_TRIPS
)
BLOCKED = Gauge("headgate_gate_blocked_tenants", "Tenants whose jobs wait for more than their turn", ["lane", "reason"])
BACKLOG = Gauge("headgate_backlog_jobs", "Jobs that wait", ["lane"])
RUNNING = Gauge("headgate_running_jobs", "Jobs that run", ["lane"])
REBUILDS = Counter("headgate_gate_rebuilds_total", "Rebuilds of the gate")
PERMITS_LOST = Counter("headgate_permits_lost_total", "Times permits could not be published")
OFFERS_DEFERRED = Counter("headgate_offers_deferred_total", "Offers left to the ledger sweep", ["reason"])
UPKEEP_ERRORS = Counter("headgate_upkeep_errors_total", "Rounds of upkeep that failed", ["loop"])
TOKENS = Counter("headgate_tokens_total", "Tokens drawn", ["tier", "model", "direction"])
COST = Counter("headgate_cost_usd_total", "Money drawn, in USD", ["tier", "model", "billed_to"])
BUDGETS_AWAY = Counter("headgate_budgets_away_total", "Calls not made: no answer about room in budgets", ["reason"])
BUDGET_SHORTAGES = Counter("headgate_budget_shortages_total", "Calls not made: no room", ["budget", "over"])
BUDGETS_EXCEEDED = Counter("headgate_soft_budgets_exceeded_total", "Soft budgets exceeded, once a window", ["budget"])
WORST_EXCEEDED = Counter("headgate_worst_cases_exceeded_total", "Calls that drew more than they may at worst")
USAGE_LAG = Gauge("headgate_usage_lag_seconds", "Age of the oldest draw without a usage record")
STREAM_EVENTS_LOST = Counter("headgate_stream_events_lost_total", "Events of turns that no stream took", ["reason"])
TOOL_CALLS = Counter("headgate_tool_calls_total", "Calls of tools that models asked for", ["tool", "outcome"])
TOOLS_LEFT_BEHIND = Gauge("headgate_tools_left_behind", "Threads of tools and hooks that outlived their time")
CIRCUIT_OPEN = Gauge("headgate_circuit_open", "Keys of providers that are not called for now", ["provider"])
LLM_REQUEST = Histogram("headgate_llm_request_seconds", "One call", ["model", "outcome"], buckets=WAITS)


@of_process
def _models() -> set[str]:
    return set()


def model_label(model: str) -> str:
    """The model, as a label: tenants name models, so beyond so many they are one."""
    known = _models()
    if model not in known and len(known) >= MOST_MODELS:
        return "other"
    known.add(model)
    return model


def serve(settings: Settings) -> None:
    """Answer Prometheus for this process, where a port is set."""
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, addr=settings.metrics_address)
    except OSError as error:
        where = f"{settings.metrics_address}:{settings.metrics_port}"
        raise ConfigurationError(f"metrics cannot be served on {where} ({error.strerror}): set another") from error
