"""The folder of what the centre wants of its kiosks: signed documents, as the authority made them.

    policy.signed trust.signed risk.signed     for all kiosks
    config/<kid>.signed                        for one

Whoever puts a document there has published it: `serve` watches the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from central.words import both
from kiosk import wire
from kiosk.config.desired import check
from kiosk.errors import ConfigError, DocumentError
from kiosk.signed import Header, Keys, Kind, beginning, open_signed, unchecked, unchecked_header

HERE = Path("/var/lib/kiosk-central/documents")
BEGINNING = 1024
CONFIG_MAX = 64 * 1024
Stamp = tuple[int, int, int]


class Documents:
    """What lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of_all(self, kind: str) -> Path:
        """Where a document for all kiosks lies."""
        return self.folder / f"{kind}.signed"

    def of_one(self, kid: str) -> Path:
        """Where the configuration of one kiosk lies."""
        return self.folder / "config" / f"{kid}.signed"

    def put(self, document: bytes, keys: Keys | None = None, kid: str = "") -> Header:
        """Publishes it. With `keys`, one of them must have signed it; every kiosk asks that anyway.

        Raises ConfigError: it is no whole document, or none for `kid` (empty = for all), or not
        newer than the one that lies there."""
        try:
            header = _whole(document, keys, kid)
        except DocumentError as error:
            raise ConfigError([str(error)]) from error
        place = self.of_one(kid) if kid else self.of_all(header.kind)
        before = self.header(place)
        if before is not None and before != header and before.version >= header.version:
            raise ConfigError(
                [
                    f"{place}: "
                    + both(
                        f"đang là phiên bản {before.version}; cần phiên bản cao hơn",
                        f"version {before.version} is published; a higher one is needed",
                    )
                ]
            )
        fresh = place.with_suffix(".new")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(document)
            fresh.replace(place)
        except OSError as error:
            what = both("không ghi được", "cannot be written")
            raise ConfigError([f"{place}: {what}: {error.strerror}"]) from error
        return header

    def header(self, file: Path) -> Header | None:
        """Of the document there; None when there is none that can be read."""
        try:
            with file.open("rb") as opened:
                return unchecked_header(opened.read(BEGINNING))
        except (OSError, DocumentError):
            return None

    def part(self, request: wire.DocumentRequest) -> bytes:
        """Those bytes of the content; empty when this version does not lie here."""
        try:
            with self.of_all(request.kind).open("rb") as file:
                begins = file.read(BEGINNING)
                if unchecked_header(begins).version != request.version:
                    return b""
                file.seek(len(beginning(begins)) + request.offset)
                return file.read(request.bytes)
        except (OSError, DocumentError):
            return b""

    def announcements(self) -> Iterator[tuple[str, Path]]:
        """Topic and file of each document that lies there."""
        for kind in wire.DOCUMENTS:
            if (file := self.of_all(kind)).exists():
                yield wire.announced(kind), file
        for file in sorted((self.folder / "config").glob("*.signed")):
            if wire.KID.fullmatch(file.stem):
                yield wire.down(file.stem, "cfg"), file


def stamp(file: Path) -> Stamp:
    """Differs after a file was replaced. Raises OSError."""
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def announcement(file: Path) -> bytes:
    """What is published of it: a configuration as a whole, of others the two lines before their
    content. Raises OSError and DocumentError."""
    data = file.read_bytes()
    return data if file.parent.name == "config" else beginning(data)


def _whole(document: bytes, keys: Keys | None, kid: str) -> Header:
    header = unchecked_header(document)
    kinds: tuple[str, ...] = ("config",) if kid else wire.DOCUMENTS
    if header.kind not in kinds:
        raise DocumentError(f"it is a {header.kind}, expected {' or '.join(kinds)}")
    kind: Kind = header.kind  # type: ignore[assignment]
    content = unchecked(document, kind).content
    if len(content) != header.bytes or hashlib.sha512(content).hexdigest() != header.sha512:
        raise DocumentError("its content is not what was signed; is it cut short?")
    if keys is not None:
        open_signed(document, kind, keys)
    most = CONFIG_MAX if kid else wire.MAX_DOCUMENT_BYTES
    if header.bytes > most:
        raise DocumentError(f"{header.bytes} bytes, at most {most}")
    if kid and (named := check(bytes(content)).kid) != kid:
        raise DocumentError(f"it is for {named}, not for {kid}")
    return header
