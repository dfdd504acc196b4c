"""What an agent may do besides speaking, checked and bounded, in the name of the job's tenant, agent and user."""
