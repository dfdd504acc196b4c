"""Embedding what waits in a knowledge base."""
