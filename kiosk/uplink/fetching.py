"""One document that the centre announced to all kiosks, on its way to this one.

    announced    newer than what is here? its signed lines are checked before anything is asked for
    asked for    part by part, each when the one before is on the card; a break costs one part
    whole        hash and signature, then what it says, in a process of its own (`checking`)
    in place     renamed; the scanner finds it

`<kind>.part` begins with the announcement, so that after a power cut it is known what it is a
part of. Parts are as large as the line carries in a few seconds: check-ins share it.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

from kiosk import durable, wire
from kiosk.desired import DocumentKind
from kiosk.documents import BEGINNING, Newest
from kiosk.errors import DocumentError
from kiosk.signed import Header, Keys, open_header, open_signed, unchecked_header
from kiosk.uplink.memory import Memory

log = logging.getLogger("kiosk.uplink")

FIRST_PART = 4096
SMALLEST_PART = 1024
QUICK_S, SLOW_S = 1.5, 5.0
ANSWER_S, ANSWER_CAP_S = 60.0, 600.0
AGAIN_S = 600.0
"""After something was refused, or the centre does not have it."""
LOOK_EVERY_S = 60.0
RECONNECT_S = 5.0
RESERVE_BYTES = 16 * 1024 * 1024
"""Is left free on the card: the outbox comes first, and stops below 4 MiB."""
CHECK_S = 300.0
CHECK_AGAIN_S = 3600.0
"""After one that was ended from outside: a check costs the door processor and memory."""

Ask = Callable[[wire.DocumentRequest], bool]


class Fetching:
    """Give it the announcement, the parts, and a `turn` again and again. `trouble` says why what
    was announced is not taken; empty when all is well."""

    def __init__(
        self, kind: DocumentKind, source: Newest, keys: Keys, memory: Memory, spread_s: float
    ) -> None:
        self.trouble = ""
        self._kind = kind
        self._source = source
        self._keys = keys
        self._memory = memory
        self._spread_s = spread_s
        self._part = memory.files.part(kind)
        self._lines = b""
        self._wanted: Header | None = None
        self._have = 0
        self._size = FIRST_PART
        self._asked: wire.DocumentRequest | None = None
        self._asked_at = 0.0
        self._answer_s = ANSWER_S
        self._due: float | None = None
        self._look_at = 0.0
        self._check: subprocess.Popen[bytes] | None = None

    def announced(self, lines: bytes, at: float) -> None:
        """What came by `_all/down/<kind>`; nothing takes it back."""
        if lines == self._lines:
            return
        self._stop_checking()
        self._lines, self._wanted, self._asked, self._due = lines, None, None, None
        self.trouble = ""
        if not lines:
            return
        self._look(at)
        try:
            header = open_header(lines, self._kind, self._keys)
            self._refuse(header)
        except DocumentError as error:
            self._refused(str(error))
            return
        if header.version <= self._have:
            self._part.unlink(missing_ok=True)  # by hand it was quicker
            return
        self._wanted = header
        self._due = at + random.uniform(0, self._spread_s)
        log.info("%s version=%d bytes=%d announced", self._kind, header.version, header.bytes)

    def _refuse(self, header: Header) -> None:
        if why := self._memory.refusal(header):
            raise DocumentError(why)
        if header.bytes > wire.MAX_DOCUMENT_BYTES:
            raise DocumentError(f"{header.bytes} bytes, at most {wire.MAX_DOCUMENT_BYTES}")

    def _refused(self, why: str) -> None:
        if f"{self._kind}: {why}" != self.trouble:
            log.error("%s of the centre is not taken: %s", self._kind, why)
        self.trouble = why and f"{self._kind}: {why}"

    def connected(self, at: float) -> None:
        """What was asked for on the connection before will not come."""
        self._asked, self._answer_s = None, ANSWER_S
        if self._due is not None:
            self._due = max(self._due, at + random.uniform(0, min(RECONNECT_S, self._spread_s)))

    def turn(self, at: float, ask: Ask) -> None:
        """`ask` sends a request; False when it could not."""
        if at >= self._look_at:
            self._look(at)
        if self._check is not None:
            self._checked(self._check, at)
            return
        if self._asked is not None:
            if at - self._asked_at < self._answer_s:
                return
            self._answer_s = min(ANSWER_CAP_S, self._answer_s * 2)
            self._size = max(SMALLEST_PART, self._size // 4)
            self._asked = None
        if self._wanted is not None and self._due is not None and at >= self._due:
            try:
                self._go_on(self._wanted, at, ask)
            except OSError as error:
                self._wait(at, f"the card does not take it: {error.strerror}")

    def _look(self, at: float) -> None:
        """What is here already, by the network or by hand; nothing older comes after it."""
        self._look_at = at + LOOK_EVERY_S
        try:
            if not self._source.is_there or not self._source.changed():
                return
            path, found = self._source.read(self._have)
            with path.open("rb") as file:
                header = unchecked_header(file.read(BEGINNING))
        except (OSError, DocumentError) as error:
            log.error("%s: %s", self._kind, error)
            self._have = 0  # whatever is announced is better
            return
        self._have = found.version
        self._note(header)

    def _note(self, header: Header) -> None:
        try:
            self._memory.keep(seen=self._memory.with_seen(header))
        except OSError as error:
            log.error("%s version=%d cannot be noted: %s", self._kind, header.version, error)

    def _go_on(self, wanted: Header, at: float, ask: Ask) -> None:
        got = self._length(wanted)
        left = wanted.bytes - got
        if not left:
            self._finish(wanted, at)
            return
        free = os.statvfs(self._memory.files.folder)
        if free.f_bavail * free.f_frsize < left + RESERVE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = min(self._size, left)
        request = wire.DocumentRequest(
            kind=self._kind, version=wanted.version, offset=got, bytes=size
        )
        if ask(request):
            self._asked, self._asked_at = request, at

    def _length(self, wanted: Header) -> int:
        """Bytes of the content that are here; begins anew when they are of something else."""
        try:
            with self._part.open("rb") as file:
                if file.read(len(self._lines)) == self._lines:
                    size = os.fstat(file.fileno()).st_size - len(self._lines)
                    if size <= wanted.bytes:
                        return size
        except FileNotFoundError:
            pass
        durable.make_folder(self._memory.files.folder)
        durable.replace(self._part, self._lines)
        return 0

    def part(self, part: wire.Part, data: bytes, at: float) -> None:
        """What was asked for, or an answer that came late, which is passed over."""
        asked = self._asked
        if asked is None or (part.version, part.offset) != (asked.version, asked.offset):
            return
        self._asked = None
        if not data:
            self._wait(at, "the centre announces it and does not have it")
            return
        if len(data) > asked.bytes:
            self._wait(at, f"the centre sent {len(data)} bytes where {asked.bytes} were asked for")
            return
        try:
            with self._part.open("ab") as file:
                file.write(data)
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            self._wait(at, f"the card does not take it: {error.strerror}")
            return
        took = at - self._asked_at
        if took < QUICK_S:
            self._size = min(wire.MAX_PART_BYTES, self._size * 2)
        elif took > SLOW_S:
            self._size = max(SMALLEST_PART, self._size // 2)
        self._answer_s, self.trouble = ANSWER_S, ""

    def _wait(self, at: float, why: str, wait_s: float = AGAIN_S) -> None:
        self._refused(why)
        self._asked, self._due = None, at + wait_s

    def _finish(self, wanted: Header, at: float) -> None:
        try:
            open_signed(self._part.read_bytes(), self._kind, self._keys)
        except DocumentError as error:
            durable.remove(self._part)
            self._wait(at, str(error))
            return
        command = [sys.executable, "-m", "kiosk.uplink.checking", self._kind, str(self._part)]
        self._check = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._asked_at = time.monotonic()

    def _checked(self, check: subprocess.Popen[bytes], at: float) -> None:
        if check.poll() is None:
            if time.monotonic() - self._asked_at > CHECK_S:
                check.kill()
            return
        said = check.communicate()[1].decode(errors="replace")
        self._check = None
        wanted = self._wanted
        if wanted is None:
            return
        try:
            if check.returncode < 0:  # memory or time was short, which says nothing of the list
                why = f"its check was ended by signal {-check.returncode}"
                self._wait(at, why, CHECK_AGAIN_S)
                return
            if check.returncode:
                durable.remove(self._part)
                self._refused("; ".join(said.splitlines()[-3:]) or "it cannot be checked")
                self._due = None  # it would be the same again
                return
            durable.move(self._part, self._memory.files.document(self._kind))
        except OSError as error:
            self._wait(at, f"the card does not take it: {error.strerror}")
            return
        log.info("%s version=%d is in place", self._kind, wanted.version)
        self._have, self._wanted, self._due, self.trouble = wanted.version, None, None, ""
        self._note(wanted)  # last: a version that is noted and not there leaves a door no rules

    def _stop_checking(self) -> None:
        if self._check is not None:
            self._check.kill()
            self._check.communicate()
            self._check = None
