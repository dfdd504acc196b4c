"""Calling models: the clients, and the paid calls they make."""
