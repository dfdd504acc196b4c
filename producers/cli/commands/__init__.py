"""The commands, each in a room of its own: `register(app)` says its words, options and help."""
