"""Test issuers of EU DCC certificates (`HC1:`), and the trust list that names them.

Everything is really signed; the people are invented.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
import zlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kiosk.credentials import base45

Algorithm = Literal["ES256", "PS256"]
_COSE_ALGORITHM: dict[Algorithm, int] = {"ES256": -7, "PS256": -37}  # RFC 9053


@dataclass(frozen=True)
class Issuer:
    """A document signer with a self-signed certificate. `kid` is the first 8 bytes of
    SHA-256 of the certificate's DER."""

    country: str
    algorithm: Algorithm
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: bytes

    @classmethod
    def new(
        cls, country: str, algorithm: Algorithm, valid_from: datetime, valid_until: datetime
    ) -> Issuer:
        """A fresh key (P-256 or RSA-2048) and its certificate."""
        key = _new_key(algorithm)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, country),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Demo DSC of {country}"),
            ]
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid_from)
            .not_valid_after(valid_until)
            .sign(key, hashes.SHA256())
        )
        return cls(country, algorithm, key, certificate.public_bytes(Encoding.DER))

    @property
    def kid(self) -> bytes:
        return hashlib.sha256(self.certificate).digest()[:8]

    def impostor(self) -> Issuer:
        """Somebody who claims this issuer's kid but holds another key: a forger."""
        return replace(self, key=_new_key(self.algorithm))

    def issue(
        self, surname: str, forename: str, birth: date, issued_at: datetime, expires_at: datetime
    ) -> bytes:
        """QR payload of a vaccination certificate, about 600 characters (version 16 at L)."""
        certificate_id = f"URN:UVCI:01:{self.country}:{_digest(surname, forename, birth)}"
        vaccination = {
            "tg": "840539006",
            "vp": "1119349007",
            "mp": "EU/1/20/1528",
            "ma": "ORG-100030215",
            "dn": 2,
            "sd": 2,
            "dt": issued_at.date().isoformat(),
            "co": self.country,
            "is": "Ministry of Health",
            "ci": certificate_id,
        }
        claims = {
            1: self.country,
            4: int(expires_at.timestamp()),
            6: int(issued_at.timestamp()),
            -260: {
                1: {
                    "ver": "1.3.0",
                    "nam": {
                        "fn": surname,
                        "gn": forename,
                        "fnt": transliterate(surname),
                        "gnt": transliterate(forename),
                    },
                    "dob": birth.isoformat(),
                    "v": [vaccination],
                }
            },
        }
        return self.wrap(cbor2.dumps(claims))

    def wrap(self, content: bytes) -> bytes:
        """`HC1:` text of any CWT `content`, signed (COSE_Sign1, RFC 9052 section 4.2)."""
        protected = cbor2.dumps({1: _COSE_ALGORITHM[self.algorithm], 4: self.kid})
        to_sign = cbor2.dumps(["Signature1", protected, b"", content])
        signed = cbor2.CBORTag(18, [protected, {}, content, self._sign(to_sign)])
        return b"HC1:" + base45.encode(zlib.compress(cbor2.dumps(signed), 9))

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return self.key.sign(message, pss, hashes.SHA256())
        return ecdsa(self.key, message)


def ecdsa(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ES256: r and s, 32 bytes each."""
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def trust_json(issuers: Iterable[Issuer]) -> bytes:
    """Trust list that names `issuers`, as `kiosk.credentials.trust` reads it."""
    entries = [
        {"kid": b64encode(i.kid).decode(), "certificate": b64encode(i.certificate).decode()}
        for i in issuers
    ]
    return json.dumps({"version": 1, "issuers": entries}, indent=1).encode()


def transliterate(name: str) -> str:
    """Machine-readable form of a Vietnamese name (ICAO 9303 part 3): `NGUYEN<THI`."""
    plain = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d"))
    letters = "".join(c for c in plain if not unicodedata.combining(c)).upper()
    return "<".join(letters.replace("-", " ").split())


def _new_key(algorithm: Algorithm) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _digest(surname: str, forename: str, birth: date) -> str:
    return hashlib.sha256(f"{surname}{forename}{birth}".encode()).hexdigest()[:24].upper()
