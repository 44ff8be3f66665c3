"""Judges a credential: what the door says, and whether a record is made."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "accepted": "The code is accepted.",
    "expired": "The certificate, or the key that signed it, has expired.",
    "not-yet-valid": "The certificate, or the key that signed it, is not valid yet.",
    "forged": "The signature does not fit the content.",
    "unknown-key": "The signer is not on this kiosk's trust list.",
    "clock-unknown": "The kiosk does not know the date, so validity cannot be checked.",
    "not-accepted": "A code of this kind is not accepted here.",
    "place-code": "The code names a place; the visitor should show a personal code.",
    "unknown-code": "The code is of no kind that this kiosk knows.",
    "malformed": "The code is of a known kind but damaged or badly made.",
}
"""Every reason a verdict can carry, with what it means."""
