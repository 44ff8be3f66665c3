"""Check-ins from files that `kioskctl outbox export` made (`kiosk.export`): what the broker's ACL
vouches for otherwise is proven by the kiosk's signature, then they go the way of any message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.ingest.reading import Keys, Reading, read
from central.ingest.store import Store
from central.words import Unfit, both
from kiosk import export, wire
from kiosk.errors import ConfigError

_AT_ONCE = 64
_ALGORITHM = ec.ECDSA(hashes.SHA256())


class Origin(NamedTuple):
    """Whose file it is. `key` is None when nothing proves it."""

    id: str
    kid: str
    key: ec.EllipticCurvePublicKey | None
    expired: datetime | None


class Taken:
    """What became of one file. Counts are of records, but for `segments` and for lines:
    `damaged`, `forged`. `problem` says why nothing was taken."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.kid = self.problem = ""
        self.segments = self.stored = self.known = self.damaged = self.forged = 0
        self.refused: Counter[str] = Counter()
        self.ended = False
        self.missing = 0
        self.expired: datetime | None = None

    @property
    def whole(self) -> bool:
        """All that the file should hold is in the database."""
        bad = self.problem or self.refused or self.damaged or self.forged or self.missing
        return self.ended and not bad

    def words(self) -> Iterator[str]:
        """For people, line by line."""
        if self.problem:
            nothing = both("không lấy được gì", "nothing taken")
            yield f"{self.file}: {nothing}: {self.problem}"
            return
        found = self.kid, self.segments, self.stored, self.known, self.refused.total()
        yield f"{self.file}: " + both(
            "{}, {} gói: {} lượt mới, {} đã có, {} bị từ chối".format(*found),
            "{}, {} segments: {} records new, {} known before, {} refused".format(*found),
        )
        if self.refused:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.refused.most_common())
            kept = both("bị từ chối, giữ lại (dead letter)", "refused, kept as dead letters")
            yield f"  {kept}: {reasons}"
        if self.damaged:
            yield f"  {self.damaged} " + both(
                "dòng hỏng, không lấy; USB có bị lỗi không?",
                "lines damaged, not taken; is the stick broken?",
            )
        if self.forged:
            yield f"  {self.forged} " + both(
                "dòng không do kiosk này ký, không lấy; ai đã giữ USB?",
                "lines not signed by this kiosk, not taken; who had the stick?",
            )
        if not self.ended:
            yield "  " + both(
                "thiếu phần cuối: việc xuất bị ngắt; hãy gọi lại trên kiosk",
                "the end is missing: the export was broken off; call it again on the kiosk",
            )
        elif self.missing:
            yield f"  {self.missing} " + both(
                "lượt ít hơn kiosk đã ghi; hãy xuất lại trên kiosk",
                "records fewer than the kiosk wrote; export again on the kiosk",
            )
        if self.expired:
            yield "  " + both(
                f"lưu ý: chứng chỉ của kiosk đã hết hạn ngày {self.expired:%d/%m/%Y}",
                f"note: the kiosk's certificate ended on {self.expired:%Y-%m-%d}",
            )


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Export files among `paths` and in folders among them. Raises ConfigError for a path that
    is neither, and when there is none at all."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob(f"*{export.SUFFIX}"))
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(
                [
                    f"{path}: "
                    + both(
                        "không phải tệp hay thư mục; USB đã được gắn chưa?",
                        "is no file and no folder; is the stick mounted?",
                    )
                ]
            )
    if not found:
        none = both(f"không có tệp *{export.SUFFIX} nào", f"no file *{export.SUFFIX}")
        raise ConfigError([f"{none}: {', '.join(map(str, paths))}"])
    return found


def take(
    file: Path, roots: Sequence[x509.Certificate], unsigned: bool, store: Store, keys: Keys
) -> Taken:
    """Stores what the file holds; may be broken off, and called again for the same file.
    `roots` are the fleet's; `unsigned`: also take what proves no origin. Raises StoreError."""
    taken = Taken(file)
    try:
        with file.open("rb") as opened:
            # The first line that says whose file it is; it stands at the end once more.
            heads = (line for line in export.lines(opened) if line and line.kind == "head")
            origin = _origin(next(heads, None), roots, unsigned)
            taken.kid, taken.expired = origin.kid, origin.expired
            opened.seek(0)
            readings = _readings(export.lines(opened), origin, keys, taken)
            while some := list(islice(readings, _AT_ONCE)):
                _store(some, store, taken)
    except Unfit as refused:
        taken.problem = str(refused)
    except OSError as error:
        # What was stored is stored; how much of the file that is, nobody knows.
        taken.problem = (
            ""
            if taken.segments
            else both(f"không đọc được: {error.strerror}", f"cannot be read: {error.strerror}")
        )
        taken.damaged += 1
    return taken


def _store(readings: list[Reading], store: Store, taken: Taken) -> None:
    taken.refused.update(letter.reason for r in readings if not r.segment for letter in r.dead)
    for answer in store.commit(readings, datetime.now(UTC)):
        taken.segments += 1
        taken.stored += answer.fresh
        taken.known += len(answer.ack.accepted) - answer.fresh
        taken.refused.update(refusal.reason for refusal in answer.ack.refused)


def _readings(
    lines: Iterator[export.Line | None], origin: Origin, keys: Keys, taken: Taken
) -> Iterator[Reading]:
    records = 0
    for line in lines:
        if line is None or line.id != origin.id:
            taken.damaged += 1
        elif not _is_signed(line, origin):
            taken.forged += 1
        elif line.kind == "end":
            taken.ended = True
            taken.missing = max(0, _records_promised(line) - records)
        elif line.kind == "segment":
            reading = read(wire.up(origin.kid, "checkin"), line.json, keys)
            records += sum(len(letter.seqs) for letter in reading.dead) + len(reading.rows)
            yield reading


def _records_promised(line: export.Line) -> int:
    try:
        return msgspec.json.decode(line.json, type=export.End).records
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0


def _is_signed(line: export.Line, origin: Origin) -> bool:
    if origin.key is None:
        return True
    try:
        origin.key.verify(line.signature, line.signed, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


def _origin(line: export.Line | None, roots: Sequence[x509.Certificate], unsigned: bool) -> Origin:
    """What a head says, proven by one of the fleet's roots."""
    if line is None:
        raise Unfit(
            "không dòng nào cho biết của kiosk nào: tệp hỏng, hoặc không phải tệp xuất; hãy xuất"
            " lại trên kiosk",
            "no line in it says whose it is: it is damaged, or no export; export again on the"
            " kiosk",
        )
    try:
        head = msgspec.json.decode(line.json, type=export.Head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unfit(
            f"dòng đầu không đúng dạng: {error}", f"its head is not what it should be: {error}"
        ) from error
    if head.export != export.VERSION:
        raise Unfit(
            f"phiên bản {head.export}, chương trình này biết {export.VERSION}; hãy cập nhật",
            f"it is of version {head.export}, this program knows {export.VERSION}; update it",
        )
    if not head.certificate and unsigned:
        return Origin(line.id, head.kid, None, None)
    if not head.certificate:
        raise Unfit(
            "không có chữ ký; nếu biết rõ nguồn gốc và không ai có thể sửa, hãy thêm --unsigned",
            "it is not signed; if you know where it comes from, and that nobody could alter it,"
            " take it with --unsigned",
        )
    certificate = _certificate(head, roots)
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        kind = type(key).__name__
        raise Unfit(
            f"khóa của chứng chỉ là {kind}, cần EC", f"the certificate's key is {kind}, expected EC"
        )
    end = certificate.not_valid_after_utc
    expired = end if end < datetime.now(UTC) else None
    origin = Origin(line.id, head.kid, key, expired)
    if not _is_signed(line, origin):
        raise Unfit(
            "dòng đầu không do kiosk này ký; ai đã giữ USB?",
            "its head is not signed by this kiosk; who had the stick?",
        )
    return origin


def _certificate(head: export.Head, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    """That of a kiosk of this fleet, made out to the name in the file."""
    try:
        certificate = x509.load_pem_x509_certificate(head.certificate.encode())
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise Unfit(
            f"không có chứng chỉ của kiosk: {error}", f"it holds no certificate of a kiosk: {error}"
        ) from error
    if not any(_issued(certificate, root) for root in roots):
        raise Unfit(
            f"chứng chỉ của {head.kid} không thuộc hệ thống này; tệp là của trung tâm khác",
            f"the certificate of {head.kid} is not of this fleet; it belongs to another centre",
        )
    if [name.value for name in names] != [head.kid] or (
        ExtendedKeyUsageOID.CLIENT_AUTH not in uses
    ):
        raise Unfit(
            f"chứng chỉ không phải của kiosk {head.kid}",
            f"its certificate is not that of kiosk {head.kid}",
        )
    return certificate


def _issued(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
