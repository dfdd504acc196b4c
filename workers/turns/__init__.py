"""Agent turns: assemble, call the model, run tools, answer."""
