"""What all unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from tlsdoor import Listen, listeners

# How long an example takes says more of the machine and its other work than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def listening() -> Iterator[Listen]:
    """Makes servers of a few lines, and ends them."""
    with listeners() as listen:
        yield listen
