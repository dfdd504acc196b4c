"""The operator's door: `headgate …`.

Each command has a room of its own, a module with `register(app)`. What a command reads or changes lives in `shared`;
here stand its words, its options and how its answer is shown. It starts workers as processes and never imports them.
"""
