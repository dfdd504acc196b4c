"""The operator's door: `headgate …`.

Each command has a room of its own, a module with `register(app)`. What a command reads or changes lives in `shared`;
here stand its words, its options and how its answer is shown. It starts workers as processes and never imports them.

What commands have in common:

- The argument is what a command is about. What has its name inside a tenant is named like a path, the tenant first:
  `agent show acme default`, `credential revoke acme key-1`, `handoffs resolve acme case-17`. What has an id of its own
  is named by that alone: `jobs show ID`, `key revoke KEY`.
- `--tenant` chooses among what there is (`usage`, `jobs list`), or says for whom something is made or asked
  (`key create`, `submit`). What may be one of several kinds is told by an option: `pause --tenant` or `--lane`.
- An option that takes several is repeated; no commas.
- A command that asks for a job answers with its id at once; with `--wait` it stays until the job is over, `--patience`
  seconds at most. An option that cannot do without the end waits too, and says so: `--stream`, `--output`.
- Every command that ends takes `--json`: one document on stdout, in which a field has one name everywhere
  (`output.facts`). Its help ends with an example and with those fields (`helping.ending`).
- 0: done. 1: failed; one line on stderr says what to do. 2: wrong usage.
"""
