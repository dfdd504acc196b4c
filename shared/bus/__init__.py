"""The bus: how other services hand jobs to Headgate and get their answers.

The door, the client library and the outbox relay speak through this one package, so the two transports (Redis streams,
RabbitMQ) differ nowhere else. It knows bytes and addresses; what an event means is the business of `shared.contracts`.
"""

from shared.bus.connect import connect
from shared.bus.contract import Bus, Delivery
from shared.bus.names import AddressRefused, Names

__all__ = ["AddressRefused", "Bus", "Delivery", "Names", "connect"]
