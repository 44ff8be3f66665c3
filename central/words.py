"""Both languages in one sentence: those who issue passes or keep lists read Vietnamese first."""

from __future__ import annotations

from kiosk.errors import KioskError


def both(vietnamese: str, english: str) -> str:
    """One sentence, said twice."""
    return f"{vietnamese} / {english}"


class Unfit(KioskError, ValueError):
    """Something that a person wrote, or a file of theirs, cannot be used. Says why in both
    languages, and never quotes it."""

    def __init__(self, vietnamese: str, english: str) -> None:
        super().__init__(both(vietnamese, english))
        self.vietnamese, self.english = vietnamese, english
