"""`kioskctl outbox export`: all that waits, onto a stick. Daemons may run meanwhile: a sealed
segment does not change, and one that is sent as well is taken once by the centre."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kiosk import wire
from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.ctl import EXIT_NO
from kiosk.ctl.outbox.stick import Origin, Stick, StickFull, fingerprint
from kiosk.ctl.outbox.words import many, say
from kiosk.errors import ConfigError, OutboxError, OutboxLocked
from kiosk.model import Instant
from kiosk.outbox import SealedSegments, Segment, read_segment, seal_leftovers
from kiosk.outbox.layout import folders
from kiosk.outbox.lines import read_journal
from kiosk.outbox.lock import require

if TYPE_CHECKING:
    from kiosk.credentials.policy.words import Language


class _Source(NamedTuple):
    """A file of the outbox: what identifies its batches on the stick, whether it must lie there
    as it is too, and whether the outbox still needs it."""

    path: Path
    fingerprints: list[bytes]
    raw: bool
    stays: bool


def run(config: Config, args: argparse.Namespace) -> int:
    """0 when all that the kiosk holds is on the stick. Raises OutboxError, ConfigError."""
    lang: Language = args.lang
    origin = _origin(config, args.unsigned, lang)
    directory = config.paths.outbox
    require(directory)
    stick = Stick(args.folder, origin, lang)
    stick.check(directory, args.any_folder)
    at = Clock(config.clock.source, config.paths.run).now()
    job = _Job(directory, stick, at, lang)
    try:
        job.run()
        if args.delete:
            job.delete()
    finally:
        stick.close()
    return job.report(args.delete)


class _Job:
    """One export, and what became of it."""

    def __init__(self, directory: Path, stick: Stick, at: Instant, lang: Language) -> None:
        self._directory = directory
        self._places = folders(directory)
        self._stick = stick
        self._at = at
        self._lang = lang
        self._sources: list[_Source] = []
        self._good: set[bytes] = set()
        self._copied: dict[Path, Path] = {}  # read back and the same
        self._troubles: list[str] = []
        self._written = self._records = self._before = self._deleted = 0

    def run(self) -> None:
        """Copies, and reads back what was copied."""
        in_use = self._seal_what_is_left()
        known = self._stick.begin(self._at)
        written: set[bytes] = set()
        try:
            for path, stays in self._files(in_use):
                written |= self._export(path, stays, known)
            self._stick.finish()
        except StickFull as full:
            self._troubles.append(str(full))
            self._stick.sync()
        self._good = known | self._stick.given_back()
        if lost := written - self._good:
            raise self._lies(many(len(lost), "segment", self._lang))

    def delete(self) -> None:
        """Removes from the outbox what lies on the stick, read back and the same."""
        sealed = SealedSegments(self._directory)
        for source in self._sources:
            copied = not source.raw or source.path in self._copied
            if source.stays or not copied or not self._good.issuperset(source.fingerprints):
                continue
            try:
                if source.path.parent == self._places.sealed:
                    sealed.drop(source.path.name)
                else:
                    source.path.unlink(missing_ok=True)
            except OSError as error:  # OutboxError among them: of this one file
                self._troubles.append(f"{source.path}: {error.strerror or error}")
                continue
            self._deleted += 1

    def report(self, delete: bool) -> int:
        """Prints what was done; 0 when that is all that was to be done."""
        lang, stick = self._lang, self._stick
        if self._written:
            print(
                say(
                    "exported",
                    lang,
                    segments=many(self._written, "segment", lang),
                    records=many(self._records, "record", lang),
                    file=stick.path,
                )
            )
        if self._before:
            print(say("before", lang, segments=many(self._before, "segment", lang)))
        if self._copied:
            folder = next(iter(self._copied.values())).parent
            files = many(len(self._copied), "file", lang)
            print(say("copied", lang, files=files, folder=folder))
        if not (self._written or self._before or self._copied or self._troubles):
            print(say("none", lang))
            return 0
        if delete:
            print(say("deleted", lang, files=many(self._deleted, "file", lang)))
        else:
            print(say("kept", lang))
        for trouble in self._troubles:
            print(f"kioskctl: {trouble}", file=sys.stderr)
        print(say("unmount", lang, to=stick.folder))
        return EXIT_NO if self._troubles else 0

    def _seal_what_is_left(self) -> bool:
        """Hands over what a dead scanner left; whether a live one is at work."""
        try:
            seal_leftovers(self._directory)
        except OutboxLocked:
            counts = SealedSegments(self._directory).still_open()
            if counts:
                segments = many(len(counts), "segment", self._lang)
                records = many(sum(counts), "record", self._lang)
                self._troubles.append(
                    say("still-open", self._lang, segments=segments, records=records)
                )
            return True
        except OutboxError as error:
            if not self._places.open.is_dir():
                raise
            # A card that can only be read, or not everywhere, still gives what is on it.
            print(say("not-sealed", self._lang, why=error), file=sys.stderr)
        return False

    def _files(self, in_use: bool) -> Iterator[tuple[Path, bool]]:
        """Every file that may hold records, and whether the outbox still needs it."""
        sealed = SealedSegments(self._directory)
        for name in sealed.waiting() + sealed.strays():
            if not (self._places.sealed / name).is_dir():
                yield self._places.sealed / name, False
        for name in sealed.quarantined() + sealed.torn():
            if not (self._places.quarantine / name).is_dir():
                yield self._places.quarantine / name, False
        if not in_use:
            for path in sorted(self._places.open.iterdir()):
                yield path, True

    def _export(self, path: Path, stays: bool, known: set[bytes]) -> set[bytes]:
        """Fingerprints of what was written of one file."""
        try:
            segment = read_segment(path)
            # In open/ lie a lock and blank files as well.
            raw = segment.damaged if segment else not (stays and read_journal(path).blank)
            if raw:
                target, same = self._stick.copy(path)
                if not same:
                    raise self._lies(many(1, "file", self._lang))
                self._copied[path] = target
        except FileNotFoundError:  # sent meanwhile
            return set()
        except OutboxError:
            raise
        except OSError as error:
            self._troubles.append(f"{path}: {error.strerror}")
            return set()
        batches = list(_batches(segment, self._at)) if segment else []
        new = [batch for batch in batches if fingerprint(batch) not in known]
        for batch in new:
            self._stick.add(batch)
            self._records += len(batch.records)
        self._written += len(new)
        self._before += len(batches) - len(new)
        self._sources.append(_Source(path, [fingerprint(b) for b in batches], raw, stays))
        return {fingerprint(batch) for batch in new}

    def _lies(self, wrong: str) -> OutboxError:
        return OutboxError(say("stick-lies", self._lang, to=self._stick.folder, wrong=wrong))


def _batches(segment: Segment, at: Instant) -> Iterator[wire.Batch]:
    """A segment as it would be sent, in parts if it is too large for one message. Its name is
    made of the header: the file's may be any in quarantine."""
    header = segment.header
    name = f"{header.epoch}-{header.first_seq:016d}.seg"
    whole = wire.Batch(segment=name, header=header, anchor=at, records=segment.records)
    if len(segment.records) == 1 or len(wire.encode(whole)) <= wire.MAX_BATCH_BYTES:
        yield whole
        return
    half = len(segment.records) // 2
    for records in (segment.records[:half], segment.records[half:]):
        yield from _batches(Segment(name, header, records, segment.damaged), at)


def _origin(config: Config, unsigned: bool, lang: Language) -> Origin:
    """Who exports, and what proves it."""
    kid, broker = config.kiosk.id, config.broker
    if not kid:
        raise ConfigError(["kiosk.id is empty: this kiosk was never enrolled"])
    if unsigned:
        return Origin(kid, "", None)
    try:
        pem = broker.certificate.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(broker.key.read_bytes(), password=None)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
        raise OutboxError(say("no-identity", lang, why=why)) from error
    except (ValueError, TypeError) as error:
        raise OutboxError(say("no-identity", lang, why=error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
        certificate.public_key()
    ):
        why = f"{broker.key} <> {broker.certificate}"
        raise OutboxError(say("no-identity", lang, why=why))
    algorithm = ec.ECDSA(hashes.SHA256())
    return Origin(kid, pem.decode("ascii"), lambda data: key.sign(data, algorithm))
