"""The rehearsal model: an OpenAI-compatible server that knows its lines.

The demo, the tests, the fault matrix and the benchmarks need a provider that answers the same every time, fails on
cue, and keeps its own account of what it served, so that a bill can be checked against somebody else's books. It is
a real HTTP server in a process of its own, reached through the real `openai` SDK; nothing in Headgate knows that it
isn't the real thing. It is not a language model: it quotes the passages it is given.

    python -m shared.rehearsal --port 8080        # prints {"url": "http://127.0.0.1:8080/v1"} once it listens
"""
