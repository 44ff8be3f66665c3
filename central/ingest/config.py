"""Configuration of one ingest worker, see config/central.example.toml."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID
from msgspec import UNSET, Meta

from central import db
from central.ingest.reading import Keys
from central.risk import load_key
from central.tls import tls_context
from kiosk import seal, wire
from kiosk.config import Host, Section, keys_of, layer
from kiosk.errors import ConfigError, SealError

T = TypeVar("T")


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

    keys: list[Path]


class Risk(Section, frozen=True, kw_only=True):
    """Keys of the risk lists in use, which the kiosks get with their connection."""

    keys: list[Path] = msgspec.field(default_factory=list)


class Pace(Section, frozen=True, kw_only=True):
    """How fast kiosks come back after a lost connection; 0 = as each is configured."""

    reconnect_base_s: Annotated[int, Meta(ge=0, le=3600)] = 0
    reconnect_cap_s: Annotated[int, Meta(ge=0, le=3600)] = 0

    def message(self) -> wire.Pace:
        """As it goes to the kiosks."""
        return wire.Pace(
            reconnect_base_s=self.reconnect_base_s or None,
            reconnect_cap_s=self.reconnect_cap_s or None,
        )


class Batch(Section, frozen=True, kw_only=True):
    """One transaction holds at most `messages`, and waits at most `ms` for more of them."""

    messages: Annotated[int, Meta(ge=1, le=1000)] = 64
    ms: Annotated[int, Meta(ge=0, le=10_000)] = 5


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    database: Database
    broker: Broker
    seal: Seal
    risk: Risk = Risk()
    pace: Pace = Pace()
    batch: Batch = Batch()


class Setup(NamedTuple):
    """The configuration and what it names, read and proved to fit together."""

    config: Config
    keys: Keys
    risk_keys: list[bytes]
    name: str
    tls: ssl.SSLContext
    engine: sa.Engine


def load(file: Path) -> Setup:
    """Reads `file` and what it names; relative paths in it are relative to it. Opens no
    connection. Raises ConfigError with one sentence per mistake."""
    problems: list[str] = []
    known = keys_of(Config)
    found: dict[str, dict[str, Any]] = {name: {} for name in known}
    for section, key, value, _ in layer(file, problems, known):
        found[section][key] = value
    if not problems or any(found.values()):
        problems += _missing(file, found)

    def attempt(make: Callable[..., T], *which: tuple[str, str]) -> T | None:
        """What `make` makes of these settings, unless one of them is wrong already."""
        values = [found[section].get(key, UNSET) for section, key in which]
        try:
            return None if UNSET in values else make(*values)
        except ConfigError as error:
            problems.extend(f"{file}: {problem}" for problem in error.problems)
            return None

    engine = attempt(db.connect, ("database", "url"))
    keys = attempt(load_keys, ("seal", "keys"))
    risk_keys = attempt(load_risk_keys, ("risk", "keys")) or []
    name = attempt(worker_name, ("broker", "certificate"))
    tls = attempt(tls_context, ("broker", "ca"), ("broker", "certificate"), ("broker", "key"))
    if problems or not (engine and keys and name and tls):
        raise ConfigError(problems)
    sections: dict[str, Any] = {
        field.name: field.type(**found[field.name]) for field in msgspec.structs.fields(Config)
    }
    return Setup(Config(**sections), keys, risk_keys, name, tls, engine)


def _missing(file: Path, found: dict[str, dict[str, Any]]) -> Iterator[str]:
    for section in msgspec.structs.fields(Config):
        for key in msgspec.structs.fields(section.type):
            if key.required and key.name not in found[section.name]:
                yield (
                    f"{file}: {section.name}.{key.name} is missing; see config/central.example.toml"
                )


def roots(ca: Path) -> list[x509.Certificate]:
    """The fleet's roots, as the broker is known by. Raises ConfigError."""
    try:
        return x509.load_pem_x509_certificates(_read(ca))
    except ValueError as error:
        raise ConfigError([f"broker.ca: {ca}: no certificate in PEM"]) from error


def load_keys(paths: list[Path]) -> Keys:
    """The private keys by name, as listed. Raises ConfigError naming each file that is none."""
    keys = {}
    problems = [] if paths else ["seal.keys: found [], allowed: at least one path"]
    for path in paths:
        try:
            private = seal.load_private(_read(path))
            keys[private.public.kid] = private
        except SealError as error:
            problems.append(f"seal.keys: {path}: {error}")
        except ConfigError as error:
            problems += [f"seal.keys: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return keys


def load_risk_keys(paths: list[Path]) -> list[bytes]:
    """Raises ConfigError naming each file that holds no key, and more keys than fit."""
    keys = []
    problems = [] if len(paths) <= 4 else [f"risk.keys: {len(paths)} paths, allowed: at most 4"]
    for path in paths:
        try:
            keys.append(load_key(path))
        except ConfigError as error:
            problems += [f"risk.keys: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return keys


def shares(keys: Keys) -> list[str]:
    """Names of the groups in which workers share the check-ins ("$share/<name>/..."), one
    for each key: the first is ours, the others those that an earlier order of the keys made.

    Only who holds the centre's private keys can know them. Mosquitto's ACL lets anybody join
    a group by name, and drops at delivery what falls to a member that may not read it: a
    kiosk that knew the name could so swallow other kiosks' messages.
    """

    def derived(key: seal.PrivateKey) -> str:
        kdf = HKDF(hashes.SHA256(), 16, salt=None, info=b"kiosk ingest share")
        return "ingest-" + kdf.derive(key.raw()).hex()

    return [derived(key) for key in keys.values()]


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
