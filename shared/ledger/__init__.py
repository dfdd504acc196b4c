"""The durable record of jobs, in Postgres: the truth. A job is accepted when it is committed here."""
