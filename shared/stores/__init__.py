"""Where things are kept: Postgres, Redis, objects. Each module hands out connections and knows nothing of jobs."""
