"""The map of the data.

Two schemas with an engine each, and no joins or foreign keys across, so that a tenant's data can move to a database of
its own:

`control`   tiers ◁ tenants ◁ api_keys          who may ask, and for how much
            lanes                               which are paused
            usage_records ▷ rollups             what was drawn, priced; and its sums by quarter hour
`tenant`    epoch                               the number of the gate's present memory
            jobs ◁ steps                        the ledger; and the journal of each job's calls
            outbox                              what must leave: answers
            feedback ▷ jobs                     how content users were with an answer
            agents, conversations ◁ messages    what turns read and write
            memories, cached                    what agents keep in mind; what was paid for once
            connections, credentials, data_keys what agents may reach, and with which secrets
            knowledge_bases ◁ documents ◁ chunks

Every table of a tenant has `tenant_id` first in its primary key and in each foreign key, so that a reference to another
tenant's row cannot be written, and row-level security, forced, so that it cannot be read. Exceptions, which the
catalogue test knows by name: `control.tiers`, `control.lanes` and `tenant.epoch` hold nothing of a tenant's;
`control.tenants` and `control.api_keys` are about tenants.
"""

from shared.stores.tables import content, control, ledger, secrets
from shared.stores.tables.schemas import CONTROL, TENANT

#: The schemas by name.
SCHEMAS = {"control": CONTROL, "tenant": TENANT}

__all__ = ["CONTROL", "SCHEMAS", "TENANT", "content", "control", "ledger", "secrets"]
