"""Test issuers of what visitors from abroad show: SMART Health Cards, New Zealand's passes,
ICAO's visible digital seals. Everything is really signed; the people are invented.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import b32encode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from demo.issuers import Issuer, ecdsa
from kiosk.credentials import strict_json
from kiosk.credentials.formats.door_pass import believe
from kiosk.credentials.listing import Issuer as Entry
from kiosk.credentials.listing import Listing
from kiosk.credentials.lists import parse_listing

PV_SEAL, PT_SEAL = "NV", "NT"
"""Document types of a barcode signer's certificate: proofs of vaccination, of tests."""
_BARCODE_SIGNER = x509.ObjectIdentifier("2.23.136.1.1.14.2")
_DOCUMENT_TYPES = x509.ObjectIdentifier("2.23.136.1.1.6.2")


@dataclass(frozen=True)
class CardIssuer:
    """Issues SMART Health Cards. `url` is its name; `kid` the thumbprint of its key."""

    url: str
    key: ec.EllipticCurvePrivateKey
    kid: str

    @classmethod
    def new(cls, url: str) -> CardIssuer:
        key = ec.generate_private_key(ec.SECP256R1())
        required = {name: _jwk(key)[name] for name in ("crv", "kty", "x", "y")}
        thumb = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
        return cls(url, key, base64url(thumb))

    def impostor(self) -> CardIssuer:
        """Somebody with another key who claims this one's name and kid."""
        return replace(self, key=ec.generate_private_key(ec.SECP256R1()))

    def jwks(self) -> bytes:
        """Its key set, with its URL: as `kiosk.credentials.published` reads it."""
        key = _jwk(self.key) | {"kid": self.kid, "use": "sig", "alg": "ES256"}
        return json.dumps({"issuer": self.url, "keys": [key]}).encode()

    def issue(
        self, family: str, given: str, birth: date, doses: list[date], start: datetime
    ) -> bytes:
        """QR payload of a card with vaccinations (CVX 207)."""
        patient = {
            "resourceType": "Patient",
            "name": [{"family": family, "given": given.split()}],
            "birthDate": birth.isoformat(),
        }
        given_doses = [
            {
                "resourceType": "Immunization",
                "status": "completed",
                "vaccineCode": {
                    "coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "207"}]
                },
                "patient": {"reference": "resource:0"},
                "occurrenceDateTime": on.isoformat(),
            }
            for on in doses
        ]
        return self.wrap(self.content([patient, *given_doses], start))

    def content(self, resources: list[Any], start: datetime) -> dict[str, Any]:
        """JWS payload of a bundle of FHIR resources."""
        entries = [{"fullUrl": f"resource:{n}", "resource": r} for n, r in enumerate(resources)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        return {
            "iss": self.url,
            "nbf": start.timestamp(),
            "vc": {
                "type": ["https://smarthealth.cards#health-card"],
                "credentialSubject": {"fhirVersion": "4.0.1", "fhirBundle": bundle},
                "rid": "Qk9PVEg",
            },
        }

    def wrap(self, content: Any) -> bytes:
        """`shc:/` text of any payload, signed."""
        return self.wrap_bytes(json.dumps(content, separators=(",", ":")).encode())

    def wrap_bytes(self, data: bytes) -> bytes:
        """The same of any bytes."""
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        header = json.dumps({"zip": "DEF", "alg": "ES256", "kid": self.kid}).encode()
        packed = squeeze.compress(data) + squeeze.flush()
        signed = f"{base64url(header)}.{base64url(packed)}"
        return numeric(f"{signed}.{base64url(ecdsa(self.key, signed.encode()))}")


@dataclass(frozen=True)
class PassIssuer:
    """Issues New Zealand COVID passes under a DID."""

    did: str
    key: ec.EllipticCurvePrivateKey
    kid: str = "key-1"

    @classmethod
    def new(cls, host: str) -> PassIssuer:
        return cls(f"did:web:{host}", ec.generate_private_key(ec.SECP256R1()))

    def impostor(self) -> PassIssuer:
        """Somebody with another key who claims this one's name and kid."""
        return replace(self, key=ec.generate_private_key(ec.SECP256R1()))

    def document(self) -> bytes:
        """Its DID document."""
        method = {"id": f"{self.did}#{self.kid}", "publicKeyJwk": _jwk(self.key)}
        return json.dumps(
            {
                "id": self.did,
                "verificationMethod": [method],
                "assertionMethod": [method["id"]],
            }
        ).encode()

    def content(
        self, family: str, given: str, birth: date, start: datetime, end: datetime
    ) -> dict[Any, Any]:
        """CWT of a pass."""
        return {
            1: self.did,
            5: int(start.timestamp()),
            4: int(end.timestamp()),
            7: hashlib.sha256(f"{family}{given}{birth}".encode()).digest()[:16],
            "vc": {
                "@context": ["https://www.w3.org/2018/credentials/v1"],
                "version": "1.0.0",
                "type": ["VerifiableCredential", "PublicCovidPass"],
                "credentialSubject": {
                    "givenName": given,
                    "familyName": family,
                    "dob": birth.isoformat(),
                },
            },
        }

    def wrap(self, content: bytes) -> bytes:
        """`NZCP:/1/` text of any CWT, signed."""
        protected = cbor2.dumps({4: self.kid.encode(), 1: -7})
        signature = ecdsa(self.key, cbor2.dumps(["Signature1", protected, b"", content]))
        message = cbor2.CBORTag(18, [protected, {}, content, signature])
        return b"NZCP:/1/" + b32encode(cbor2.dumps(message)).rstrip(b"=")


@dataclass(frozen=True)
class SealIssuer:
    """A country signer, and a barcode signer whose certificate it signed."""

    authority: bytes
    certificate: bytes
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(
        cls, country: str, start: datetime, end: datetime, *types: str, signer: bool = True
    ) -> SealIssuer:
        """`types`: document types in the certificate, none = not said; without `signer` it
        is no barcode signer's."""
        root = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        name = _name(country, "Demo CSCA")
        key_id = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
        authority = (
            _certificate(name, name, root.public_key(), start, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_id, critical=False)
            .sign(root, hashes.SHA256())
        )
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(name, _name(country, "VDS"), key.public_key(), start, end)
        leaf = leaf.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), False
        )
        if signer:
            leaf = leaf.add_extension(x509.ExtendedKeyUsage([_BARCODE_SIGNER]), critical=True)
        if types:
            listed = b"".join(b"\x13\x02" + t.encode() for t in types)
            inner = b"\x02\x01\x00\x31" + bytes((len(listed),)) + listed
            value = b"\x30" + bytes((len(inner),)) + inner
            leaf = leaf.add_extension(x509.UnrecognizedExtension(_DOCUMENT_TYPES, value), False)
        return cls(
            authority.public_bytes(Encoding.DER),
            leaf.sign(root, hashes.SHA256()).public_bytes(Encoding.DER),
            key,
        )

    def vaccination(self, name: str, birth: date, passport: str, doses: list[date]) -> Any:
        """The data of a proof of vaccination; `name` as in a passport, surname, two spaces,
        given names."""
        given = [{"dvc": on.isoformat(), "seq": n} for n, on in enumerate(doses, 1)]
        return {
            "hdr": {"t": "icao.vacc", "v": 1, "is": "UTO"},
            "msg": {
                "uvci": "U32870",
                "pid": {"n": name, "dob": birth.isoformat(), "sex": "F", "i": passport},
                "ve": [{"des": "XM68M6", "nam": "Demo", "dis": "RA01.0", "vd": given}],
            },
        }

    def wrap(self, data: Any) -> bytes:
        """JSON text of any data, sealed."""
        signature = ecdsa(self.key, strict_json.canonical(data))
        seal = {
            "alg": "ES256",
            "cer": base64url(self.certificate),
            "sigvl": base64url(signature),
        }
        return json.dumps({"data": data, "sig": seal}, separators=(",", ":")).encode()


def numeric(jws: str) -> bytes:
    """`shc:/` and the digits of a JWS."""
    return b"shc:/" + "".join(f"{ord(c) - 45:02d}" for c in jws).encode()


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def base64url(data: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _name(country: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    issuer: x509.Name, subject: x509.Name, key: Any, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


class Everybody(NamedTuple):
    """One issuer of each signed format, and the list that believes them all."""

    dcc: Issuer
    cards: CardIssuer
    passes: PassIssuer
    seals: SealIssuer
    doors: Ed25519PrivateKey
    listing: Listing


def everybody(start: datetime, end: datetime) -> Everybody:
    """New issuers, whose keys are good from `start` to `end`."""
    dcc = Issuer.new("VN", "ES256", start, end)
    cards, passes = CardIssuer.new("https://cards.example"), PassIssuer.new("nz.example")
    seals, doors = SealIssuer.new("UT", start, end), Ed25519PrivateKey.generate()
    entry = Entry(kid=dcc.kid, certificate=dcc.certificate)
    listing = Listing([entry, believe(doors.public_key(), "Ward")])
    for document in (cards.jwks(), passes.document(), seals.authority):
        listing += parse_listing(document)
    return Everybody(dcc, cards, passes, seals, doors, listing)
