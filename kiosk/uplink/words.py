"""Text from elsewhere, fit for a log."""

from __future__ import annotations


def plain(text: str, length: int = 80) -> str:
    """Text from elsewhere, fit for one line of a log."""
    return "".join(c if c.isprintable() else "?" for c in text[:length])
