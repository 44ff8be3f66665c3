"""Makes a new private key; it is used once its certificate comes (`install-certificate`)."""

from __future__ import annotations

from kiosk.commands import keys
from kiosk.commands.action import Args, Kiosk, Result

__all__ = ["LIMIT_S", "Args", "act"]

LIMIT_S = 30.0


def act(_args: Args, kiosk: Kiosk) -> Result:
    """Its CSR for the authority. Raises OSError."""
    config = kiosk.config
    csr = keys.new_request(config.broker, config.kiosk.id)
    return Result("a new key waits for its certificate; the one in use stays", {"csr": csr})
