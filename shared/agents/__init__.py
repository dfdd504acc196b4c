"""Agents as their tenants configure them: versioned, checked when they are saved, read at every turn.

`configuration` is what can be said of one, with its `hours`, `tools` and `connections`; `agents` keeps it by version.
A tenant's file is read in `files`, held against what there is and saved in `saving`, and its `templates` are checked
there and rendered at turns. What agents leave behind lies here too: `conversations` with their `messages` and
`handoffs`, `memories`, what is `cached`, and the `quality` of their answers.
"""
