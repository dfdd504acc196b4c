"""What others read and is written from the code (`make docs`): the AsyncAPI document, JSON Schemas, tables of the documents.

Nothing else imports it, so that it may know all of `shared`.
"""
