"""Migrations of a tenant database."""
