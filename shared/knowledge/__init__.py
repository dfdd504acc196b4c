"""What a tenant's agents know: documents, their chunks, and the search over them."""
