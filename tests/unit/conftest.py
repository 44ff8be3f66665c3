"""What all unit tests share."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of the machine and its other work than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
