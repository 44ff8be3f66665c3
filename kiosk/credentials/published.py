"""Lists of signers as others publish them, each told by what it looks like:

- the EU's signer list (dgc-gateway): a line that holds a signature, then
  `{"certificates": [{"kid": "<base64>", "rawData": "<base64 of DER>", ...}]}`.
  The line is skipped: whoever installs the list answers for it.
- a batch of the EU's revocation list: `{"kid", "hashType", "entries": [{"hash": "..."}]}`
- the VCI directory's snapshot of SMART Health Card issuers: `{"issuerInfo": [{"issuer":
  {"iss": "https://..."}, "keys": [<JWK>, ...], "crls": [...]}]}`
- one such issuer's `jwks.json`, with the URL it is found under: `{"issuer": "https://...",
  "keys": [<JWK>, ...]}`
- New Zealand's `did.json` (a DID document): `{"id": "did:web:...", "verificationMethod": [...]}`
- country signers of VDS-NC and of HC1 as certificates: DER, PEM, or a base64 line for each
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from hashlib import sha256
from typing import NoReturn

import msgspec

from kiosk.credentials import certificates
from kiosk.credentials.listing import Issuer, Listing, Revoked, check
from kiosk.credentials.packing import base64url
from kiosk.credentials.text import Malformed
from kiosk.errors import ConfigError

_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P256_BYTES = 32
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")
_EXPECTED = (
    'expected JSON with "version" and "issuers", a list of signers as the EU, VCI or New'
    " Zealand publish it, or certificates (DER, PEM, base64)"
)


class _Signer(msgspec.Struct, rename="camel"):
    kid: bytes
    raw_data: bytes
    certificate_type: str = "DSC"


class _Hash(msgspec.Struct):
    hash: bytes


class _Jwk(msgspec.Struct):
    kty: str
    kid: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""


class _Iss(msgspec.Struct):
    iss: str


class _Crl(msgspec.Struct):
    kid: str
    rids: list[str]
    method: str = "rid"


class _Vci(msgspec.Struct):
    issuer: _Iss
    keys: list[_Jwk] = []
    crls: list[_Crl] = []


class _Method(msgspec.Struct, rename="camel"):
    id: str
    public_key_jwk: _Jwk | None = None


class _Document(msgspec.Struct, rename="camel"):
    version: int | None = None
    issuers: list[Issuer] | None = None
    revoked: list[Revoked] = []
    certificates: list[_Signer] | None = None
    hash_type: str | None = None
    kid: str = ""
    entries: list[_Hash] = []
    issuer_info: list[_Vci] | None = None
    issuer: str = ""
    keys: list[_Jwk] | None = None
    crls: list[_Crl] = []
    id: str = ""
    verification_method: list[_Method] | None = None
    assertion_method: list[str | _Method] = []


def read(data: bytes) -> Listing:
    """What a list says. Raises ConfigError."""
    start, below = data.lstrip()[:10], data.partition(b"\n")[2].lstrip()
    if not start.startswith(b"{") and below.startswith(b"{"):
        data = below
    elif data.startswith(b"\x30") or start.startswith((b"-----BEGIN", b"MII")):
        return _of_certificates(data)
    try:
        found = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"trust list: {error}; {_EXPECTED}"]) from error
    if found.certificates is not None:
        signers = (c for c in found.certificates if c.certificate_type == "DSC")
        return Listing([Issuer(kid=c.kid, certificate=c.raw_data) for c in signers])
    if found.hash_type is not None:
        return Listing(revoked=[_eu_batch(found)])
    if found.issuer_info is not None:
        return sum((_shc(i.issuer.iss, i.keys, i.crls) for i in found.issuer_info), Listing())
    if found.keys is not None:
        if not found.issuer:
            _refuse('a key set (JWKS) does not name its issuer; put "issuer": "https://..." in it')
        return _shc(found.issuer, found.keys, found.crls)
    if found.verification_method is not None:
        return _did(found)
    if found.issuers is None and not found.revoked:
        _refuse(f"neither issuers nor certificates; {_EXPECTED}")
    return check(Listing(found.issuers or [], found.revoked), found.version)


def _refuse(why: str) -> NoReturn:
    raise ConfigError([f"trust list: {why}"])


def _eu_batch(batch: _Document) -> Revoked:
    """The first 16 bytes of SHA-256 of the signature, the certificate's id, or country and
    id; `hc1` asks for all three. A kid that is no base64 stands for any."""
    try:
        kid = b64decode(batch.kid, validate=True)
    except Error:
        kid = b""
    return Revoked(format="hc1", kid=kid, ids=[hc1_id(entry.hash) for entry in batch.entries])


def hc1_id(digest: bytes) -> str:
    """How a revoked HC1 certificate is named: 128 bits of a SHA-256, in hex."""
    return digest[:16].hex()


def _shc(issuer: str, keys: list[_Jwk], crls: list[_Crl]) -> Listing:
    believed = [
        Issuer(format="shc", issuer=issuer, kid=key.kid.encode(), key=der)
        for key in keys
        if (der := _spki(key))
    ]
    revoked = [
        Revoked(format="shc", issuer=issuer, kid=crl.kid.encode(), ids=crl.rids)
        for crl in crls
        if crl.method == "rid"  # the other methods need the bundle as it was before signing
    ]
    return Listing(believed, revoked)


def _did(document: _Document) -> Listing:
    """The keys that may sign credentials (assertionMethod), named there or written out."""
    asserted = {item for item in document.assertion_method if isinstance(item, str)}
    methods = [m for m in document.verification_method or [] if m.id in asserted]
    methods += [item for item in document.assertion_method if isinstance(item, _Method)]
    found = []
    for method in methods:
        did, _, fragment = method.id.partition("#")
        der = _spki(method.public_key_jwk) if method.public_key_jwk is not None else b""
        if der and did in ("", document.id):
            entry = Issuer(format="nzcp", issuer=document.id, kid=fragment.encode(), key=der)
            found.append(entry)
    return Listing(found)


def _spki(key: _Jwk) -> bytes:
    """A P-256 key as SubjectPublicKeyInfo; empty for one of another kind."""
    if (key.kty, key.crv) != ("EC", "P-256"):
        return b""
    try:
        x, y = base64url(key.x, "x"), base64url(key.y, "y")
    except Malformed:
        return b""
    return _P256_SPKI + x + y if len(x) == len(y) == _P256_BYTES else b""


def _of_certificates(data: bytes) -> Listing:
    if data.startswith(b"\x30"):
        written = [data]
    else:
        blocks = _PEM.findall(data) or data.split()
        try:
            written = [b64decode(b"".join(block.split()), validate=True) for block in blocks]
        except Error as error:
            raise ConfigError([f"trust list: not base64 of certificates; {_EXPECTED}"]) from error
    found = [entry for der in written for entry in believe_certificate(der)]
    if not found:
        _refuse(f"no certificate that can be read; {_EXPECTED}")
    return Listing(found)


def believe_certificate(der: bytes) -> list[Issuer]:
    """A certificate as a signer: of VDS-NC signers if it may sign certificates, else of HC1,
    and of VDS-NC when it comes with that very certificate."""
    loaded = certificates.load(der)
    if loaded is None:
        return []
    certificate = loaded.certificate
    if certificates.is_authority(certificate):
        return [
            Issuer(format="vds_nc", kid=certificates.key_id(certificate), certificate=der),
        ]
    return [
        Issuer(kid=certificates.kid(der), certificate=der),
        Issuer(format="vds_nc", kid=sha256(der).digest(), certificate=der),
    ]
