"""What a Python service imports to hand in jobs and await their results.

    with Headgate("amqp://…", key, source="/shop", principal="acme") as headgate:
        job = headgate.submit("agent.turn", {"conversation": "c-1", "message": "Hello!"})
        print(job.wait(60).data.result)
        for event in headgate.submit("agent.turn", {…, "stream": True}).stream(60):
            print(event.type)

It speaks the bus and nothing else: neither a database nor Celery comes with it. One `Headgate` per thread.
"""

from producers.client.errors import Invalid, Refused, Unconfirmed, Unfinished
from producers.client.headgate import Headgate
from producers.client.job import Job
from producers.client.submission import Submission
from shared.contracts.answers import Finished
from shared.streams.heard import Heard

__all__ = ["Finished", "Headgate", "Heard", "Invalid", "Job", "Refused", "Submission", "Unconfirmed", "Unfinished"]
