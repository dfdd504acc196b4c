"""The bus door: messages from other services, in batches."""
