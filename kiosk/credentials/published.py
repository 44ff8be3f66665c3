"""Lists of signers as others publish them, each told by what it looks like:

- the EU's signer list (dgc-gateway): a line that holds a signature, then
  `{"certificates": [{"kid": "<base64>", "rawData": "<base64 of DER>", ...}]}`, or that array
  alone. The line is skipped: whoever installs the list answers for it.
- a batch of the EU's revocation list: `{"kid", "hashType", "entries": [{"hash": "..."}]}`
- the VCI directory's snapshot of SMART Health Card issuers: `{"issuerInfo": [{"issuer":
  {"iss": "https://..."}, "keys": [<JWK>, ...], "crls": [...]}]}`
- one such issuer's `jwks.json`, `{"keys": [<JWK>, ...]}`, whose URL is told beside it, or stands
  in it as "issuer"
- New Zealand's `did.json` (a DID document): `{"id": "did:web:...", "verificationMethod": [...]}`
- country signers of VDS-NC and of HC1 as certificates: DER, PEM, or a base64 line for each
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NoReturn

import msgspec

from kiosk.credentials import certificates
from kiosk.credentials.formats import hc1, shc
from kiosk.credentials.listing import Issuer, Listing, Revoked
from kiosk.credentials.packing import base64url
from kiosk.credentials.text import Malformed
from kiosk.errors import ConfigError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P256_BYTES = 32
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")
_JSON = (b"{", b"[")
_TOLD_MAX = 5
_EXPECTED = (
    'expected JSON with "version" and "issuers", a list of signers as the EU, VCI or New'
    " Zealand publish it, or certificates (DER, PEM, base64)"
)


class _Signer(msgspec.Struct, rename="camel"):
    kid: bytes
    raw_data: bytes = b""
    raw_data_b64_der: bytes = msgspec.field(name="rawData_b64_der", default=b"")
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
    version: msgspec.Raw = msgspec.Raw()
    issuers: msgspec.Raw = msgspec.Raw()
    revoked: msgspec.Raw = msgspec.Raw()
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


def read(data: bytes, issuer: str = "") -> Listing | None:
    """What a list says; None when it is one of our own. `issuer`: the URL of whoever published
    it, which a key set does not tell. Raises ConfigError, also when nothing in it is of use."""
    found = _read(data, issuer)
    if found is not None and found.left_out and not found.issuers and not found.revoked:
        _refuse(f"nothing in it is of use: {'; '.join(found.left_out[:_TOLD_MAX])}")
    return found


def _read(data: bytes, issuer: str) -> Listing | None:
    text = data.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not text:
        _refuse(f"an empty file; {_EXPECTED}")
    if data.startswith(b"\x30"):
        return _of_certificates([data])
    if not text.startswith(_JSON):
        blocks = _PEM.findall(text)
        if blocks or text.startswith((b"-----BEGIN", b"MII")):
            return _of_certificates(_from_base64(blocks or text.split()))
        text = text.partition(b"\n")[2].lstrip()
        if not text.startswith(_JSON):
            _refuse(f"neither JSON nor certificates; {_EXPECTED}")
    try:
        if text.startswith(b"["):
            return _of_signers(msgspec.json.decode(text, type=list[_Signer]))
        found = msgspec.json.decode(text, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"trust list: {error}; {_EXPECTED}"]) from error
    if issuer and found.keys is None:
        _refuse(f"it is no key set (JWKS), which alone needs to be told its issuer, {issuer}")
    return _of_document(found, issuer)


def _of_document(found: _Document, issuer: str) -> Listing | None:
    if found.certificates is not None:
        return _of_signers(found.certificates)
    if found.hash_type is not None:
        return Listing(revoked=[_eu_batch(found)])
    if found.issuer_info is not None:
        return sum((_shc(i.issuer.iss, i.keys, i.crls) for i in found.issuer_info), Listing())
    if found.keys is not None:
        if not issuer and not found.issuer:
            _refuse(
                "a key set (JWKS) does not name its issuer; give it as https://...=FILE, or put"
                ' "issuer": "https://..." in it'
            )
        if issuer and found.issuer and issuer != found.issuer:
            _refuse(f"its issuer is {found.issuer}, not {issuer}")
        return _shc(found.issuer or issuer, found.keys, found.crls)
    if found.verification_method is not None:
        return _did(found)
    if not any(map(bytes, (found.version, found.issuers, found.revoked))):
        _refuse(f"neither issuers nor certificates; {_EXPECTED}")
    return None


def _refuse(why: str) -> NoReturn:
    raise ConfigError([f"trust list: {why}"])


def _of_signers(signers: list[_Signer]) -> Listing:
    if not signers:
        _refuse(f"an empty list of signers; {_EXPECTED}")
    issuers = []
    for number, signer in enumerate(signers):
        if signer.certificate_type == "DSC":
            der = signer.raw_data or signer.raw_data_b64_der
            if not der:
                _refuse(f"signer [{number}] has no certificate (rawData)")
            issuers.append(Issuer(kid=signer.kid, certificate=der))
    others = len(signers) - len(issuers)
    return Listing(issuers, left_out=[f"{others} of no signer (DSC)"] if others else [])


def _eu_batch(batch: _Document) -> Revoked:
    """The first 16 bytes of SHA-256 of the signature, the certificate's id, or country and
    id; `hc1` asks for all three. A kid that is no base64 stands for any."""
    try:
        kid = b64decode(batch.kid, validate=True)
    except Error:
        kid = b""
    ids = [hc1.listed_hash(entry.hash) for entry in batch.entries]
    return Revoked(format="hc1", kid=kid, ids=ids)


def _shc(issuer: str, keys: list[_Jwk], crls: list[_Crl]) -> Listing:
    found = Listing([], [], [])
    for key in keys:
        if der := _spki(key):
            found.issuers.append(Issuer(format="shc", issuer=issuer, kid=key.kid.encode(), key=der))
        else:
            found.left_out.append(f"key {key.kid!r} of {issuer}: not one on P-256")
    for crl in crls:
        if crl.method != "rid":  # the others need the bundle as it was before signing
            found.left_out.append(f"cards revoked by {issuer} by the method {crl.method!r}")
            continue
        ids = [rid for rid in crl.rids if _is_listed(rid)]
        found.revoked.append(Revoked(format="shc", issuer=issuer, kid=crl.kid.encode(), ids=ids))
        if others := len(crl.rids) - len(ids):
            found.left_out.append(f"{others} rids of {issuer} that no card can have")
    return found


def _is_listed(rid: str) -> bool:
    try:
        shc.listed(rid)
    except Malformed:
        return False
    return True


def _did(document: _Document) -> Listing:
    """The keys that may sign credentials (assertionMethod), named there or written out."""
    asserted = {item for item in document.assertion_method if isinstance(item, str)}
    methods = [m for m in document.verification_method or [] if m.id in asserted]
    methods += [item for item in document.assertion_method if isinstance(item, _Method)]
    found = Listing([], [], [])
    for method in methods:
        did, _, fragment = method.id.partition("#")
        der = _spki(method.public_key_jwk) if method.public_key_jwk is not None else b""
        if der and did in ("", document.id):
            entry = Issuer(format="nzcp", issuer=document.id, kid=fragment.encode(), key=der)
            found.issuers.append(entry)
        else:
            found.left_out.append(f"method {method.id!r}: not of this DID, or not on P-256")
    return found


def _spki(key: _Jwk) -> bytes:
    """A P-256 key as SubjectPublicKeyInfo; empty for one of another kind."""
    if (key.kty, key.crv) != ("EC", "P-256"):
        return b""
    try:
        x, y = base64url(key.x, "x"), base64url(key.y, "y")
    except Malformed:
        return b""
    return _P256_SPKI + x + y if len(x) == len(y) == _P256_BYTES else b""


def _from_base64(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        try:
            yield b64decode(b"".join(block.split()), validate=True)
        except Error as error:
            raise ConfigError([f"trust list: not base64 of certificates; {_EXPECTED}"]) from error


def _of_certificates(written: Iterable[bytes]) -> Listing:
    found = Listing([], [], [])
    for number, der in enumerate(written, 1):
        entries = believe_certificate(der)
        found.issuers.extend(entries)
        if not entries:
            kid = b64encode(certificates.kid(der)).decode()
            found.left_out.append(f"certificate {number} (kid {kid}), which cannot be read")
    return found


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
