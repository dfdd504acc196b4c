"""Templates of prompts and answers, as tenants write them: what may stand in one, and what comes of it."""
