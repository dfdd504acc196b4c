"""Streams: what a turn tells while it runs, for whoever wants to see words as they come.

A stream is a convenience. It is bounded, it expires, it may be away or full, and no turn waits for it or fails by it:
the answer stands in the ledger, and is sent to whoever asked for the job.
"""
