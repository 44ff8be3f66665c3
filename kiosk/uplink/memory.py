"""What the uplink remembers of the documents that the centre sent, past power cuts."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from kiosk import durable
from kiosk.desired import Files, Seen, State
from kiosk.errors import DocumentError
from kiosk.signed import Header

log = logging.getLogger("kiosk.uplink")


class Memory:
    """`state` is what the card holds. Without a card that can be read it begins empty."""

    def __init__(self, files: Files) -> None:
        self.files = files
        try:
            self.state = files.read_state()
        except (OSError, DocumentError) as error:
            log.error("what was remembered of the centre's documents is lost: %s", error)
            self.state = State()

    def keep(self, **changes: Any) -> None:
        """Fields of `State`. Raises OSError; then nothing has changed."""
        state = msgspec.structs.replace(self.state, **changes)
        if state != self.state:
            durable.make_folder(self.files.folder)
            durable.replace(self.files.state, msgspec.json.encode(state))
            self.state = state

    def with_seen(self, header: Header) -> dict[str, Seen]:
        """`State.seen`, once this document was taken."""
        if header.version <= self.state.at_least(header.kind):
            return self.state.seen
        return {**self.state.seen, header.kind: Seen(header.version, header.sha512)}

    def refusal(self, header: Header) -> str:
        """Why a document must not follow those that were taken; empty when it may."""
        seen = self.state.seen.get(header.kind)
        if seen is None or header.version > seen.version:
            return ""
        if header.version == seen.version:
            if header.sha512 == seen.sha512:
                return ""
            return (
                f"{header.kind} version {header.version} had other content before; sign it with a"
                f" version above {seen.version}"
            )
        return (
            f"it is {header.kind} version {header.version}, older than version {seen.version} that"
            " was in force; sign it with a higher one"
        )
