"""What others read and is written from the code (`make docs`): schemas, the AsyncAPI document, tables of our pages.

Nothing else imports it, so that it may know all of `shared`.
"""
