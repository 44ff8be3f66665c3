"""Parsing and judging a payload beside the bare libraries that its format requires.

`ours` is `parse` and `judge`. `bare` is only what no verifier can leave out: base45 and the
canonical JSON of RFC 8785 (the libraries of these names), base32 or digits, inflate, CBOR or
JSON, and each signature of the format (of a seal also its certificate's, found by key id and
entitled by its usage), with keys that are loaded already; nothing is checked or cleaned, and no
date compared. All in turn, on the same payloads, with a trust list of 800 other signers and
10,000 revocations. Before each turn ours forgets the certificates that came in codes, which a
door remembers: `again_ms` is the second code of a signer. `bare_own_ms` is the bare one with our
own base45, base32, digits and canonical JSON, which are faster. `unsigned_ms_median` is that
of the slowest kind; for the risk list see `bench.risk`.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import base45 as peer
import cbor2
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bench._report import arguments, machine, whole, write
from bench.risk import risk_figures
from demo.abroad import everybody
from demo.issuers import Issuer
from kiosk.credentials import base45, certificates, packing, parse, strict_json
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.listing import Issuer as Entry
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.policy import judge, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.model import Instant

POLICY = Path(__file__).parents[1] / "config" / "policy.toml"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BIRTH, DAY, LAST = date(1990, 5, 6), date(2021, 8, 2), date(2027, 1, 1)
OTHERS = 800

UNSIGNED = {
    "vn_personal": b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422",
    "cccd": "001099000001||Nguyễn Thị Ngọc Ánh|01011999|Nữ|Số 1, Phố Huế|01062021".encode(),
    "bhyt": b"0100000001|4e67c3b4205468e1bb8b204769616e67|29/03/1988|2|-|01 - C54|01/07/2023|-"
    b"|31/07/2023|01050100000001|-|4| 01/10/2027|0000000000000000-1202|4|5175e1baad6e|$",
    "hcmc": b"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=00000000-0000-4000-8000-000000000",
    "place": b"https://kbyt.khambenh.gov.vn/qr/00000000-0000-4000-8000-000000000002",
    "unknown": b"https://example.org/a-menu",
}


class Unpack(NamedTuple):
    """What payloads are packed in, and what a seal is signed over."""

    base45: Callable[[bytes], bytes]
    base32: Callable[[bytes], bytes]
    digits: Callable[[str], str]
    canonical: Callable[[Any], bytes]


class Case(NamedTuple):
    """A signed payload, and what the bare libraries do with it."""

    payload: bytes
    bare: Callable[[Unpack, bytes], object]


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=whole(1), default=2000, help="default: %(default)s")
    given = parser.parse_args()
    cases, trust = _cases()
    policy = parse_policy(POLICY.read_bytes())
    now = Instant(int(START.timestamp() * 1000) + 86_400_000, "synced", "boot", 0)

    def ours(payload: bytes) -> object:
        return judge(parse(payload, trust), policy, now)

    signed, other = {}, {}
    for name, case in cases.items():
        found = parse(case.payload, trust)
        assert found.signed == "valid", name
        bare, own = partial(case.bare, _LIBRARIES), partial(case.bare, _OWN)
        times = _times([ours, bare, ours, own], case.payload, given.rounds)
        mine, bare_ms, again, own_ms = (round(ms, 4) for ms in times)
        signed[name] = {"ours_ms": mine, "bare_ms": bare_ms, "ratio": round(mine / bare_ms, 2)}
        other[name] = {"again_ms": again, "bare_own_ms": own_ms}
    unsigned = {
        name: round(_times([ours], payload, given.rounds)[0], 4)
        for name, payload in UNSIGNED.items()
    }
    figures: dict[str, object] = {
        "machine": machine(),
        "rounds": given.rounds,
        "unsigned_ms_median": max(unsigned.values()),
        "unsigned": unsigned,
        "signed": signed,
        "signed_otherwise": other,
        **risk_figures(),
    }
    _print(unsigned, signed, other)
    for name in ("unsigned_ms_median", "risk_lookup_ms", "risk_list_mb"):
        print(f"{name}: {figures[name]}")
    write(given.json, figures)


def _print(
    unsigned: dict[str, float],
    signed: dict[str, dict[str, float]],
    other: dict[str, dict[str, float]],
) -> None:
    columns = ("ours_ms", "bare_ms", "ratio", "again_ms", "bare_own_ms")
    print(f"{'':12}", *(f"{column:>12}" for column in columns))
    for name, ms in unsigned.items():
        print(f"{name:12} {ms:>12}")
    for name, value in signed.items():
        told = {**value, **other[name]}
        print(f"{name:12}", *(f"{told[column]:>12}" for column in columns))


def _times(
    contestants: list[Callable[[bytes], object]], payload: bytes, rounds: int
) -> list[float]:
    """Median milliseconds of each, of the processor's time and in turn, so that both see the
    same machine and neither what else runs on it."""
    taken: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        certificates.load.cache_clear()
        certificates.is_issued_by.cache_clear()
        for run, times in zip(contestants, taken, strict=True):
            start = time.thread_time_ns()
            run(payload)
            times.append((time.thread_time_ns() - start) / 1e6)
    return [median(times) for times in taken]


def _cases() -> tuple[dict[str, Case], TrustList]:
    es, cards, nz, seals, doors, listing = everybody(START, END)
    ps = Issuer.new("VN", "PS256", START, END)
    other = Issuer.new("AT", "ES256", START, END).certificate
    believed = [Entry(kid=ps.kid, certificate=ps.certificate)]
    believed += [Entry(kid=n.to_bytes(8, "big"), certificate=other) for n in range(OTHERS)]
    revoked = Revoked(format="hc1", kid=bytes(8), ids=[f"{n:032x}" for n in range(10_000)])
    listing += Listing(believed, [revoked])
    door = Pass(id=7, name="Lê Ba", birth="1990-05-06", group="7A", first=DAY, last=LAST)
    passed = cbor2.dumps(nz.content("Le", "Ba", BIRTH, START, END))
    sealed = seals.vaccination("LE  BA", BIRTH, "B1", [DAY, DAY])
    es_key, ps_key, cards_key, nz_key = (i.key.public_key() for i in (es, ps, cards, nz))
    door_key = doors.public_key()
    authority = x509.load_der_x509_certificate(seals.authority)
    made = {
        "ES256": Case(es.issue("Le", "Ba", BIRTH, START, END), partial(_bare_hc1, key=es_key)),
        "PS256": Case(ps.issue("Le", "Ba", BIRTH, START, END), partial(_bare_hc1, key=ps_key)),
        "shc": Case(
            cards.issue("Le", "Ba", BIRTH, [DAY, DAY], START), partial(_bare_shc, key=cards_key)
        ),
        "nzcp": Case(nz.wrap(passed), partial(_bare_nzcp, key=nz_key)),
        "vds_nc": Case(seals.wrap(sealed), partial(_bare_seal, authority=authority)),
        "door_pass": Case(encode(door, doors), partial(_bare_door, key=door_key)),
    }
    return made, TrustList(listing=listing)


def _bare_hc1(unpack: Unpack, payload: bytes, key: Any) -> object:
    return _bare_cose(zlib.decompress(unpack.base45(payload[4:])), key)


def _bare_nzcp(unpack: Unpack, payload: bytes, key: Any) -> object:
    return _bare_cose(unpack.base32(payload[8:]), key)


def _bare_cose(data: bytes, key: Any) -> object:
    protected, _, content, signature = cbor2.loads(data).value
    header = cbor2.loads(protected)
    signed = cbor2.dumps(["Signature1", protected, b"", content])
    if isinstance(key, RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        key.verify(signature, signed, pss, hashes.SHA256())
    else:
        _bare_es256(key, signature, signed)
    return header, cbor2.loads(content)


def _bare_es256(key: Any, signature: bytes, signed: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def _bare_shc(unpack: Unpack, payload: bytes, key: Any) -> object:
    header, content, signature = unpack.digits(payload[5:].decode()).split(".")
    _bare_es256(key, _unpadded(signature), f"{header}.{content}".encode())
    return json.loads(_unpadded(header)), json.loads(zlib.decompress(_unpadded(content), -15))


def _bare_seal(unpack: Unpack, payload: bytes, authority: x509.Certificate) -> object:
    document = json.loads(payload)
    seal = document["sig"]
    certificate = x509.load_der_x509_certificate(_unpadded(seal["cer"]))
    certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    certificate.verify_directly_issued_by(authority)
    key: Any = certificate.public_key()
    _bare_es256(key, _unpadded(seal["sigvl"]), unpack.canonical(document["data"]))
    return document


def _bare_door(unpack: Unpack, payload: bytes, key: Any) -> object:
    data = unpack.base45(payload[4:])
    key.verify(data[:64], b"DP1:" + data[64:])
    return cbor2.loads(data[64:])


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base32(text: bytes) -> bytes:
    return base64.b32decode(text + b"=" * (-len(text) % 8))


def _digits(text: str) -> str:
    return "".join(chr(int(text[i : i + 2]) + 45) for i in range(0, len(text), 2))


_LIBRARIES = Unpack(peer.b45decode, _base32, _digits, rfc8785.dumps)
_OWN = Unpack(base45.decode, packing.base32, packing.digit_pairs, strict_json.canonical)


if __name__ == "__main__":
    main()
