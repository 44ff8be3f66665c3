"""An issuer's folder: `issuer.key` (Ed25519), `issuer.json` (its name), `register.db`."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from central import files, names
from central.passes.register import Register
from central.words import Unfit, both
from kiosk.credentials.formats.door_pass import NAMES, believe, key_id
from kiosk.credentials.listing import Listing, Revoked, encode
from kiosk.credentials.lists import parse_listing
from kiosk.errors import ConfigError

_NAME_MAX = 80
_HINT = "; " + both(
    "có phải thư mục mà `init` đã tạo không? Chỉ ra bằng --issuer",
    "is this the folder that `init` made? Name it with --issuer",
)


class _About(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kid: str


class Public(msgspec.Struct, frozen=True):
    """An issuer without its private key."""

    name: str
    key: Ed25519PublicKey

    @property
    def kid(self) -> str:
        """By what a pass names the key: 8 hexadecimal digits."""
        return key_id(self.key).hex()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw public key, in groups to be read out on the telephone."""
        digest = hashlib.sha256(self.key.public_bytes_raw()).hexdigest()
        return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


class Issuer(msgspec.Struct, frozen=True):
    """Who signs passes; `name` is what people call it."""

    name: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> Public:
        """What others may know of it."""
        return Public(self.name, self.key.public_key())

    def trust(self, revoked: Sequence[int]) -> bytes:
        """Trust list (version 2) of this issuer and its revoked passes."""
        believed = believe(self.key.public_key(), self.name)
        ids = [str(number) for number in revoked]
        gone = [Revoked(format=NAMES[0], kid=believed.kid, ids=ids)] if ids else []
        return encode(Listing([believed], gone))


def inspect(document: bytes) -> tuple[Public, int | None]:
    """Whose trust list it is, and how many passes it revokes, None = all, with the key itself.
    Raises ConfigError when it says more than an issuer may: who signs it for a fleet would sign
    that too."""
    listing = parse_listing(document)
    if [entry.format for entry in listing.issuers] != list(NAMES):
        raise _refused(
            "một đơn vị cấp thẻ chỉ được nêu một khóa, của chính mình",
            "an issuer of passes names one key of its own and no other",
        )
    (entry,) = listing.issuers
    try:
        key = serialization.load_der_public_key(entry.key)
    except ValueError as error:
        raise _refused("không đọc được khóa", "the key cannot be read") from error
    if not isinstance(key, Ed25519PublicKey) or entry != believe(key, entry.issuer):
        raise _refused(
            "khóa không như `trust` ghi: Ed25519, với kid của khóa đó",
            "the key is not what `trust` writes: Ed25519, with the kid of that key",
        )
    strange = [r for r in listing.revoked if (r.format, r.kid) != (entry.format, entry.kid)]
    if strange:
        raise _refused("danh sách thu hồi mã của đơn vị khác", "it revokes codes of others")
    if any(revoked.ids is None for revoked in listing.revoked):
        return Public(entry.issuer, key), None
    return Public(entry.issuer, key), len({i for r in listing.revoked for i in r.ids or ()})


def _refused(vietnamese: str, english: str) -> ConfigError:
    return ConfigError([both(vietnamese, english)])


def create(folder: Path, name: str) -> Issuer:
    """A new issuer in `folder`, which must be empty or absent. Raises ConfigError."""
    try:
        name = names.words(name, _NAME_MAX)
    except Unfit as problem:
        raise ConfigError([f"--name: {problem}"]) from None
    files.private_folder(folder)
    if any(folder.iterdir()):
        what = both(
            "không trống; hãy chọn thư mục chưa có",
            "is not empty; choose a folder that does not exist yet",
        )
        raise ConfigError([f"{folder}: {what}"])
    folder.chmod(0o700)
    issuer = Issuer(name, Ed25519PrivateKey.generate())
    pem = issuer.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    about = (
        msgspec.json.format(msgspec.json.encode(_About(name, issuer.public.kid)), indent=1) + b"\n"
    )
    for at, data in ((_about(folder), about), (_register(folder), b""), (_key(folder), pem)):
        with files.private_file(at) as made:
            made.write(data)
    with Register(_register(folder)):
        return issuer


def load(folder: Path) -> Issuer:
    """The issuer of a folder. Raises ConfigError, also for a key that others may read."""
    pem = files.read(_key(folder), _HINT)
    if stat.S_IMODE(_key(folder).stat().st_mode) & 0o077:
        what = both("người khác đọc được; hãy chạy", "may be read by others; run")
        raise ConfigError([f"{_key(folder)}: {what}: chmod 600"])
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        what = both("không phải khóa ký dạng PEM", "no private key in PEM")
        raise ConfigError([f"{_key(folder)}: {what}"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        what = both("không phải khóa mà `init` đã tạo", "not the Ed25519 key that `init` made")
        raise ConfigError([f"{_key(folder)}: {what}"])
    try:
        about = msgspec.json.decode(files.read(_about(folder), _HINT), type=_About)
    except msgspec.MsgspecError as error:
        raise ConfigError([f"{_about(folder)}: {error}"]) from error
    issuer = Issuer(about.name, key)
    if about.kid != issuer.public.kid:
        what = both(
            f"ghi cho khóa {about.kid}, mà khóa ở đây là {issuer.public.kid}",
            f"is about key {about.kid}, the key is {issuer.public.kid}",
        )
        raise ConfigError([f"{_about(folder)}: {what}"])
    return issuer


def register(folder: Path) -> Register:
    """The register of a folder; the caller closes it. Raises ConfigError."""
    if not _register(folder).is_file():
        raise ConfigError([f"{_register(folder)}: {both('không có', 'is missing')}{_HINT}"])
    return Register(_register(folder))


def _key(folder: Path) -> Path:
    return folder / "issuer.key"


def _about(folder: Path) -> Path:
    return folder / "issuer.json"


def _register(folder: Path) -> Path:
    return folder / "register.db"
