"""Statements that leave together: one send for all of a pipelined transaction, where psycopg makes one for each.

psycopg waits for the network and sends as soon as a statement of a pipeline is asked. In a worker of many slots each of
these is a moment at which its thread lets others run and stands in line again; the server, too, is woken for each. So
statements gather in libpq's memory, and leave when an answer is wanted or the pipeline ends: a transaction of five was
measured to take 0.13 ms of CPU instead of 0.20, and the server 0.033 instead of 0.058.

A statement that fails is heard of when an answer is read, and not before. That is as it was: the database passes over
what follows it in the pipeline, and undoes all.
"""

from functools import partial

from psycopg import Pipeline
from psycopg.abc import PQGen
from psycopg.generators import send


def command(pipeline: Pipeline, statement: bytes) -> None:
    """Ask for a statement without values, of which only a failure is heard: the cheapest there is."""
    pipeline.command_queue.append(partial(pipeline.pgconn.send_query_params, statement, None))
    pipeline.result_queue.append(None)


class Together(Pipeline):
    """Of one pipelined transaction. It overrides steps of psycopg's own, which has no other way to say this."""

    def _communicate_gen(self) -> PQGen[None]:
        """After each statement. What is more than libpq's buffer should take, it sends by itself."""
        self._gather()
        yield from ()

    def _sync_gen(self) -> PQGen[None]:
        """What was asked so far is over."""
        self._enqueue_sync()
        self._gather()
        yield from send(self.pgconn)
        yield from super()._fetch_gen(flush=False)

    def _exit_gen(self) -> PQGen[None]:
        """Whatever was asked is answered by then; a sync needs no request to flush beside it."""
        yield from self._sync_gen()

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        """An answer is wanted."""
        self._gather()
        yield from super()._fetch_gen(flush=flush)

    def _gather(self) -> None:
        while self.command_queue:
            self.command_queue.popleft()()
