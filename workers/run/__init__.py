"""One run of a job: claimed, started, given to its room, and ended; and what the room is given meanwhile.

execution             permit → claim → start → room → end → next: the whole life on a page
starting, suspects    what a run begins with; jobs that may kill their worker run alone
context               all that a room gets
steps, reservations   a paid call: intent, what it holds against the budgets, outcome
unwritten             outcomes that wait for the next commit
events                what is told on the job's stream
ending, raised        how the run ends; what an error makes of it
"""
