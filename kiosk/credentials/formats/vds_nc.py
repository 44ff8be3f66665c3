"""ICAO visible digital seal for non-constrained environments (VDS-NC), of a vaccination or a
test:

    {"data": {"hdr": {"t": "icao.vacc", "v": 1, "is": "AUS"}, "msg": {...}},
     "sig": {"alg": "ES256", "cer": "<certificate>", "sigvl": "<signature>"}}

The signature is over the canonical JSON of `data`. The signer's certificate comes with it;
believed is who issued that: a country signer, known by the id of its key.

Source: ICAO TR VDS-NC 1.1, and the guidelines for health proofs (PoV, PoT).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal

from cryptography import x509

from kiosk.credentials import certificates, members, signatures, strict_json, times
from kiosk.credentials.packing import base64url
from kiosk.credentials.products import product
from kiosk.credentials.subjects import passport_key
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    clean,
    clean_name,
    person_key,
    standard_name,
)
from kiosk.credentials.trust import Checked, TrustList
from kiosk.model import Credential, Event

NAMES: tuple[str, ...] = ("vds_nc",)
USAGES: tuple[str, ...] = ("vaccination", "test")

_KINDS = {"icao.vacc": "vaccination", "icao.test": "test"}
_ALGORITHMS = ("ES256", "ES384", "ES512")
_NAME_MAX = 80
_DOCUMENT = re.compile("[0-9A-Z]{0,24}")
_NOT_DOCUMENT = re.compile("[ <./-]")
_HEX = re.compile("[0-9a-f]+")
_SEX = {"M": "male", "F": "female"}
_COVID_19 = "RA01"  # ICD-11, with or without what stands behind the point

# What makes a certificate that of a barcode signer, and which documents it may sign.
_BARCODE_SIGNER = x509.ObjectIdentifier("2.23.136.1.1.14.2")
_DOCUMENT_TYPES = "2.23.136.1.1.6.2"
_TYPE_DER = {"vaccination": b"\x13\x02NV", "test": b"\x13\x02NT"}


def recognises(payload: bytes) -> bool:
    """Whether it is JSON with the header and the signature of a seal."""
    return payload.lstrip()[:1] == b"{" and b'"hdr"' in payload and b'"sigvl"' in payload


def read(payload: bytes, trust: TrustList) -> Credential:
    """A proof of vaccination or of a test, its signature checked. Raises Malformed.

    `signed` is "invalid" also when the certificate is not that of a barcode signer, may not
    sign such a proof, or only bears a country signer's name. Validity is that of the
    certificates: the proof itself has none.
    """
    document = strict_json.decode(payload.strip(b"\0\r\n\t "))
    if not isinstance(document, dict):
        raise Malformed("not a map")
    data, seal = members.mapping(document, "data"), members.mapping(document, "sig")
    header, message = members.mapping(data, "hdr"), members.mapping(data, "msg")
    kind = _KINDS.get(members.text(header, "t"), "")
    if not kind or type(header.get("v")) is not int or header["v"] != 1:
        raise Malformed("neither icao.vacc nor icao.test of version 1")
    der = base64url(seal.get("cer"), "certificate")
    loaded = certificates.load(der)
    if loaded is None:
        raise Malformed("the certificate cannot be read")
    claims = _claims(message, kind)
    signed, revoked, signer = _signature(data, seal, loaded, der, trust, claims)
    span = loaded.valid_from, loaded.valid_until
    start, end = signer.narrow(*span) if signer is not None else span
    return Credential(
        format=NAMES[0],
        role="certificate",
        subject=_subject(claims),
        display=abbreviate(claims["name"]),
        claims=claims,
        events=tuple(sorted(_events(message, kind), key=lambda event: event.date)),
        signed=signed,
        revoked=revoked,
        issuer=members.text(header, "is", 3),
        valid_from=start,
        valid_until=end,
    )


def _signature(
    data: Mapping[str, Any],
    seal: Mapping[str, Any],
    loaded: certificates.Loaded,
    der: bytes,
    trust: TrustList,
    claims: Mapping[str, str],
) -> Checked:
    algorithm = members.text(seal, "alg")
    if algorithm not in _ALGORITHMS:
        raise Malformed("signature algorithm is none of ES256, ES384, ES512")
    signature = base64url(seal.get("sigvl"), "signature")
    certificate, key, *_ = loaded
    if not signatures.holds(key, algorithm, signature, strict_json.canonical(data)):
        return Checked("invalid")  # whoever the signer is
    usages = certificates.extension(certificate, x509.ExtendedKeyUsage)
    types = certificates.unknown_extension(certificate, _DOCUMENT_TYPES)
    kid, itself = certificates.authority_key_id(certificate), sha256(der).digest()
    if trust.signers(itself, NAMES[0]):
        kid = itself
    elif usages is None or _BARCODE_SIGNER not in usages:
        return Checked("invalid" if trust.signers(kid, NAMES[0]) else "unknown-key")
    if types and _TYPE_DER[claims["kind"]] not in types:
        return Checked("invalid")
    return trust.check(
        NAMES[0],
        kid,
        lambda by: (
            by.certificate is not None
            and (kid is itself or certificates.is_issued_by(certificate, by.certificate))
        ),
        kinds=(claims["kind"],),
        ids=_ids(claims, certificate),
    )


def _ids(claims: Mapping[str, str], certificate: x509.Certificate) -> Iterator[str]:
    yield claims["certificate_id"]
    yield f"{certificate.serial_number:x}"


def listed(id: str) -> tuple[str, ...]:
    """A certificate id; what could be a serial number in hex, as people and openssl write them,
    stands for that one too. Raises Malformed."""
    written = clean(id, "id", members.TEXT_MAX)
    if not written:
        raise Malformed("empty")
    serial = written.replace(":", "").lower()
    if _HEX.fullmatch(serial) is None:
        return (written,)
    return tuple(dict.fromkeys((written, f"{int(serial, 16):x}")))


def _claims(message: Mapping[str, Any], kind: str) -> dict[str, str]:
    person = members.mapping(message, "pid")
    written = person.get("n")
    if not isinstance(written, str):
        raise Malformed("n is absent or not text")
    # Two spaces, or fillers as in the machine-readable zone, part surname and given names.
    surname, _, given = written.strip().replace("<", " ").partition("  ")
    name = clean_name(f"{surname} {given}")
    sex = members.text(person, "sex", 1, required=False)
    document = members.text(person, "i" if kind == "vaccination" else "dn", required=False)
    document = _NOT_DOCUMENT.sub("", document.upper())
    if _DOCUMENT.fullmatch(document) is None:
        raise Malformed("document number is not letters and digits, at most 24")
    return {
        "name": name,
        "birth": born(times.date(person.get("dob"), "date of birth")),
        "sex": _SEX.get(sex, ""),
        "document": document,
        "standard_name": f"{standard_name(surname)}<<{standard_name(given)}"[:_NAME_MAX],
        "kind": kind,
        "certificate_id": members.text(message, "uvci" if kind == "vaccination" else "utci"),
    }


def _subject(claims: Mapping[str, str]) -> str:
    birth = claims["birth"]
    return (
        passport_key(claims["document"], birth)
        or person_key(claims["name"], birth)
        or f"vds-nc:{claims['certificate_id']}"
    )


def _events(message: Mapping[str, Any], kind: str) -> Iterator[Event]:
    """Doses of a vaccine that is said to be against COVID-19; a test for the virus, not for
    antibodies."""
    if kind == "vaccination":
        for vaccine in members.maps(message, "ve"):
            covid = members.text(vaccine, "dis", required=False).startswith(_COVID_19)
            code, brand = (members.text(vaccine, key, required=False) for key in ("des", "nam"))
            for dose in members.maps(vaccine, "vd"):
                on = times.day(dose.get("dvc"), "date of vaccination")
                if on and covid:
                    yield Event(
                        kind="vaccination",
                        date=on,
                        product=product(code, brand),
                        dose=members.count(dose, "seq"),
                    )
        return
    on = times.moment(members.mapping(message, "dat").get("sc"), "time of sampling")
    test = members.mapping(message, "tr")
    method = _method(members.text(test, "tc"))
    detected = _RESULTS.get(members.text(test, "r").lower())
    if on and method and detected is not None:
        yield Event(kind="test", date=on, method=method, detected=detected)


def _method(written: str) -> Literal["", "pcr", "antigen"]:
    """Of "molecular(PCR)", "molecular(other)", "antigen", "antibody"."""
    kind = written.lower()
    if kind.startswith("molecular"):
        return "pcr"
    return "antigen" if kind.startswith("antigen") else ""


_RESULTS = {"positive": True, "abnormal": True, "negative": False, "normal": False}
