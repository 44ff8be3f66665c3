"""Who came with whom: an adult, and the dependants whose codes follow.

Each person's record carries a random token, within the seal. A dependant's (declared on
behalf, or a child's insurance card) that is recorded within `FOLLOWS_S` of the one before
carries the same token again; anybody else begins a new one. So a queue of strangers is no
party. It says who was shown together, not that they belong together.
"""

from __future__ import annotations

import secrets

FOLLOWS_S = 10.0


class Parties:
    """Remembers the last token and when, and nothing of anybody. Times in seconds."""

    def __init__(self) -> None:
        self._token = ""
        self._at = float("-inf")

    def token(self, dependant: bool, at: float) -> str:
        """What the record of somebody who is shown now carries."""
        follows = dependant and at - self._at < FOLLOWS_S
        return self._token if follows else secrets.token_hex(8)

    def recorded(self, token: str, at: float) -> None:
        """It is on the card."""
        self._token, self._at = token, at
