"""The run boundary as functions: one statement binds the tenant, holds the fence and writes (`shared.ledger`).

They run with their caller's rights, under row-level security like any statement. Each statement in a function sees what
was committed before that statement began, as if the application had sent it by itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: 4849415402 is the epoch's lock (`EPOCH_LOCK` in `shared.ledger.runs`): taken before the epoch is looked at.
START = """
CREATE FUNCTION tenant.start_run(its_tenant text, its_job uuid, its_token bigint, its_epoch bigint) RETURNS TABLE (
    kind text, payload jsonb, number int, failures int, deaths int, cancelled boolean, reply_to text, source text,
    event_id text, principal text, accepted_at timestamptz, waited float8
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('headgate.tenant_id', its_tenant, true), set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock_shared(4849415402);
    UPDATE tenant.jobs j SET state = 'running', fence = its_token, run = j.run + 1,
           failures = j.failures + (j.state = 'running')::int, deaths = j.deaths + (j.state = 'running')::int,
           started_at = coalesce(j.started_at, now()), offered_at = coalesce(j.offered_at, now())
    WHERE j.tenant_id = its_tenant AND j.job_id = its_job AND j.state IN ('waiting', 'running') AND j.fence < its_token
      AND (SELECT e.epoch FROM tenant.epoch e) = its_epoch
      AND (j.ordering_key IS NULL OR NOT EXISTS (
          SELECT FROM tenant.jobs o
          WHERE o.tenant_id = its_tenant AND o.ordering_key = j.ordering_key AND o.job_id <> its_job
            AND o.state IN ('waiting', 'running') AND (o.seq < j.seq OR o.state = 'running')))
    RETURNING j.kind, j.payload, j.run, j.failures, j.deaths, j.cancel_requested_at IS NOT NULL, j.reply_to, j.source,
              j.event_id, j.principal, j.accepted_at, extract(epoch FROM j.started_at - j.accepted_at)::float8
    INTO kind, payload, number, failures, deaths, cancelled, reply_to, source, event_id, principal, accepted_at, waited;
    IF NOT FOUND THEN RETURN; END IF;
    IF number > 1 THEN PERFORM tenant.lose_open_intents(its_tenant, its_job); END IF;
    RETURN NEXT;
END $$
"""

#: RUN01 is `FENCED` in `shared.ledger.runs`.
HOLD = """
CREATE FUNCTION tenant.hold_run(its_tenant text, its_job uuid, its_token bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('headgate.tenant_id', its_tenant, true);
    PERFORM FROM tenant.jobs j
    WHERE j.tenant_id = its_tenant AND j.job_id = its_job AND j.fence = its_token AND j.state = 'running' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'job % is held under a newer token', its_job USING ERRCODE = 'RUN01';
    END IF;
END $$
"""

FINISH = """
CREATE FUNCTION tenant.finish_run(
    its_tenant text, its_job uuid, its_token bigint, its_state text, its_result jsonb, its_error text,
    its_failures int, has_paid boolean, message uuid, destination text, body jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('headgate.tenant_id', its_tenant, true);
    UPDATE tenant.jobs j SET state = its_state, result = its_result, error = its_error, finished_at = now(),
           failures = j.failures + its_failures
    WHERE j.tenant_id = its_tenant AND j.job_id = its_job AND j.fence = its_token AND j.state = 'running';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'job % is held under a newer token', its_job USING ERRCODE = 'RUN01';
    END IF;
    IF has_paid THEN PERFORM tenant.lose_open_intents(its_tenant, its_job); END IF;
    IF message IS NOT NULL THEN
        INSERT INTO tenant.outbox (tenant_id, message_id, destination, body)
        VALUES (its_tenant, message, destination, body) ON CONFLICT DO NOTHING;
    END IF;
END $$
"""

LOSE = """
CREATE FUNCTION tenant.lose_open_intents(its_tenant text, its_job uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE tenant.steps SET state = 'unknown', ended_at = now(), error = 'the run ended before the answer was known'
    WHERE tenant_id = its_tenant AND job_id = its_job AND state = 'intent'
$$
"""

FUNCTIONS = (
    "start_run(text, uuid, bigint, bigint)",
    "hold_run(text, uuid, bigint)",
    "finish_run(text, uuid, bigint, text, jsonb, text, int, boolean, uuid, text, jsonb)",
    "lose_open_intents(text, uuid)",
)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False), schema="tenant")
    for statement in (LOSE, START, HOLD, FINISH):
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION tenant.{function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION tenant.{function} TO headgate_app")
