"""Configuration of one ingest worker, see config/central.example.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID
from msgspec import Meta

from central.ingest.reading import Keys
from kiosk import seal
from kiosk.config import Host, Section
from kiosk.errors import ConfigError, SealError


class Database(Section, frozen=True, kw_only=True):
    """Where check-ins go."""

    url: str


class Broker(Section, frozen=True, kw_only=True):
    """Mutual TLS; the name in the certificate is the worker's name."""

    host: Host
    ca: Path
    certificate: Path
    key: Path


class Seal(Section, frozen=True, kw_only=True):
    """Private keys that open the kiosks' records."""

    keys: Annotated[list[Path], Meta(min_length=1)]


class Batch(Section, frozen=True, kw_only=True):
    """One transaction holds at most `messages`, and waits at most `ms` for more of them."""

    messages: Annotated[int, Meta(ge=1, le=1000)] = 64
    ms: Annotated[int, Meta(ge=0, le=10_000)] = 5


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    database: Database
    broker: Broker
    seal: Seal
    batch: Batch = Batch()


def load(file: Path) -> Config:
    """Reads `file`; relative paths in it are relative to it. Raises ConfigError."""
    base = file.absolute().parent

    def path(kind: type, value: object) -> Any:
        if kind is Path and isinstance(value, str) and value:
            return base / value
        raise ValueError(f"expected a {kind.__name__.lower()}")

    try:
        return msgspec.convert(tomllib.loads(file.read_text()), Config, dec_hook=path)
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: not TOML: {error}"]) from error
    except msgspec.ValidationError as error:
        raise ConfigError([f"{file}: {error}; see config/central.example.toml"]) from error


def load_keys(paths: list[Path]) -> Keys:
    """The private keys by name. Raises ConfigError naming the file that is none."""
    keys = {}
    for path in paths:
        try:
            private = seal.load_private(_read(path))
        except SealError as error:
            raise ConfigError([f"{path}: {error}"]) from error
        keys[seal.key_id(private.public_key())] = private
    return keys


def share(keys: Keys) -> str:
    """Name of the group in which workers share the check-ins ("$share/<name>/...").

    Only who holds the centre's private keys can know it. Mosquitto's ACL lets anybody join
    a group by name, and drops at delivery what falls to a member that may not read it: a
    kiosk that knew the name could so swallow other kiosks' messages.
    """
    first = min(keys)
    derived = HKDF(hashes.SHA256(), 16, salt=None, info=b"kiosk ingest share")
    return "ingest-" + derived.derive(keys[first].private_bytes_raw()).hex()


def worker_name(certificate: Path) -> str:
    """Common name of the worker's certificate: user name and client id at the broker.

    Raises ConfigError when it is not a worker's: the broker would let a kiosk's subscribe
    and then deliver nothing.
    """
    try:
        subject = x509.load_pem_x509_certificate(_read(certificate)).subject
    except ValueError as error:
        raise ConfigError([f"{certificate}: not a certificate in PEM"]) from error
    names = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1 or not names[0].startswith("_ingest-"):
        raise ConfigError(
            [f"{certificate} is for {names}; expected one for _ingest-1, _ingest-2.."]
        )
    return names[0]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
