"""Agents as their tenants configure them: versioned, checked when they are saved, read at every turn."""
