"""Parsing and judging a payload beside the bare libraries that its format requires.

`ours` is `parse` and `judge`. `bare` is only what no verifier can leave out: base45 (the library
of that name), base32 or digits, inflate, CBOR or JSON, and each signature of the format (of a
seal also its certificate's, found by key id and entitled by its usage), with keys that are
loaded already; nothing is checked or cleaned. `bare_ours` is the same with our base45, which is
faster. All in turn, on the same payloads, with a trust list of 800 other signers and 10,000
revocations.
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
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bench._report import arguments, machine, write
from bench.risk import risk_figures
from demo.abroad import everybody
from demo.issuers import Issuer
from kiosk.credentials import base45, parse
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


Unpack = Callable[[bytes], bytes]


class Case(NamedTuple):
    """A signed payload, and what the bare libraries do with it."""

    payload: bytes
    bare: Callable[..., object]


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=2000, help="default: %(default)s")
    given = parser.parse_args()
    cases, trust = _cases()
    policy = parse_policy(POLICY.read_bytes())
    now = Instant(int(START.timestamp() * 1000) + 86_400_000, "synced", "boot", 0)

    def ours(payload: bytes) -> object:
        return judge(parse(payload, trust), policy, now)

    signed = {}
    for name, case in cases.items():
        found = parse(case.payload, trust)
        assert found.signed == "valid", name
        bare_with = [partial(case.bare, unpack=u) for u in (peer.b45decode, base45.decode)]
        mine, bare, bare_ours = _times([ours, *bare_with], case.payload, given.rounds)
        signed[name] = {
            "ours_ms": round(mine, 4),
            "bare_ms": round(bare, 4),
            "ratio": round(mine / bare, 2),
            "bare_ours_ms": round(bare_ours, 4),
            "ratio_ours": round(mine / bare_ours, 2),
        }
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
        **risk_figures(),
    }
    for name, value in {**unsigned, **signed}.items():
        print(f"{name:12} {value}")
    print(f"slowest unsigned: {figures['unsigned_ms_median']} ms")
    write(given.json, figures)


def _times(
    contestants: list[Callable[[bytes], object]], payload: bytes, rounds: int
) -> list[float]:
    """Median milliseconds of each, of the processor's time and in turn, so that both see the
    same machine and neither what else runs on it."""
    taken: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
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


def _bare_hc1(payload: bytes, key: Any, unpack: Unpack) -> object:
    return _bare_cose(zlib.decompress(unpack(payload[4:])), key)


def _bare_nzcp(payload: bytes, key: Any, unpack: Unpack) -> object:
    text = payload[8:]
    return _bare_cose(base64.b32decode(text + b"=" * (-len(text) % 8)), key)


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


def _bare_shc(payload: bytes, key: Any, unpack: Unpack) -> object:
    digits = payload[5:].decode()
    jws = "".join(chr(int(digits[i : i + 2]) + 45) for i in range(0, len(digits), 2))
    header, content, signature = jws.split(".")
    _bare_es256(key, _unpadded(signature), f"{header}.{content}".encode())
    return json.loads(_unpadded(header)), json.loads(zlib.decompress(_unpadded(content), -15))


def _bare_seal(payload: bytes, authority: x509.Certificate, unpack: Unpack) -> object:
    document = json.loads(payload)
    seal = document["sig"]
    certificate = x509.load_der_x509_certificate(_unpadded(seal["cer"]))
    certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    certificate.verify_directly_issued_by(authority)
    signed = json.dumps(
        document["data"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    _bare_es256(certificate.public_key(), _unpadded(seal["sigvl"]), signed)
    return document


def _bare_door(payload: bytes, key: Any, unpack: Unpack) -> object:
    data = unpack(payload[4:])
    key.verify(data[:64], b"DP1:" + data[64:])
    return cbor2.loads(data[64:])


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    main()
