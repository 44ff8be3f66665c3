"""How a kiosk gets to its broker, and in words why it does not."""

from kiosk.reach.reasons import ALWAYS_TOLD, CODES, Reason, reason
from kiosk.reach.telling import OURS, Unreachable, of_error, of_mqtt
from kiosk.reach.way import (
    REFUSAL_S,
    Address,
    Proxy,
    address,
    connect,
    proxy,
    tls_context,
)

__all__ = [
    "ALWAYS_TOLD",
    "CODES",
    "OURS",
    "REFUSAL_S",
    "Address",
    "Proxy",
    "Reason",
    "Unreachable",
    "address",
    "connect",
    "of_error",
    "of_mqtt",
    "proxy",
    "reason",
    "tls_context",
]
