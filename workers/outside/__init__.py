"""Reaching what tenants declared outside, and nothing else: their HTTP endpoints and MCP servers."""
