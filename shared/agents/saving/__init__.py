"""Saving what is said of a tenant and its agents: what must hold for it, and what people are told where it does not."""
