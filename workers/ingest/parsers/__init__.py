"""One file per format. Each takes what was received and gives its title and its text; `parse` chooses among them.

Headings come out as Markdown's (`# …`), preformatted text between fences, whatever the format was,
so that `split` has one notation to understand.
"""
