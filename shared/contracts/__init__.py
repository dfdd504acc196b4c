"""What travels between Headgate and everybody else: the envelope, the kinds of job, the answers.

The pydantic models here are the contract; the JSON Schemas and `docs/asyncapi.yaml` are written from them.
"""
