"""Whatever bytes a code holds: a Credential or a CredentialError, at once."""

import time
import zlib
from datetime import UTC, date, datetime

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.issuers import Issuer
from kiosk.credentials import PAYLOAD_MAX, base45, parse
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ISSUER = Issuer.new("VN", "ES256", START, END)
TRUST = TrustList([(ISSUER.kid, ISSUER.certificate)])
SAMPLES = [
    b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422",
    "001099000001|100000001|Nguyễn Thị Ánh|01011999|Nữ|Phố Huế|01062021||||".encode(),
    b"https://kbyt.khambenh.gov.vn/qr/00000000-0000-4000-8000-000000000002",
    ISSUER.issue("Le", "Ba", date(1990, 5, 6), START, END),
]
COSE = zlib.decompress(base45.decode(SAMPLES[-1][4:]))

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary()
)
keys = st.sampled_from([1, 4, 5, 6, -260, "v", "t", "r", "nam", "dob", "ver", "fnt", "ci", "tg"])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


def swallow(payload: bytes) -> None:
    try:
        parse(payload, TRUST)
    except CredentialError as error:
        assert error.problem


@given(st.binary(max_size=400))
def test_any_bytes(payload: bytes) -> None:
    swallow(payload)


@given(st.sampled_from(SAMPLES), st.data())
def test_any_damage_to_a_good_code(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample) - 1))
    cut = data.draw(st.integers(0, 6))
    swallow(sample[:at] + data.draw(st.binary(max_size=8)) + sample[at + cut :])


@given(st.lists(st.text(max_size=12), min_size=5, max_size=12))
def test_any_members(members: list[str]) -> None:
    swallow("|".join(members).encode("utf-8", "surrogatepass"))
    swallow("|".join(["001099000001", *members]).encode("utf-8", "surrogatepass"))
    swallow("|".join([*members[:2], "1990-**-**", "0", *members[:2]]).encode("utf-8", "replace"))


@given(st.integers(0, len(COSE) - 1), st.binary(min_size=1, max_size=4))
def test_any_damage_below_the_compression(at: int, garbage: bytes) -> None:
    damaged = COSE[:at] + garbage + COSE[at + len(garbage) :]
    swallow(b"HC1:" + base45.encode(zlib.compress(damaged)))


@settings(max_examples=200)
@given(trees)
def test_any_signed_content(tree: object) -> None:
    swallow(ISSUER.wrap(cbor2.dumps(tree)))
    swallow(ISSUER.wrap(cbor2.dumps({4: 1, 6: 0, -260: {1: tree}})))


@given(st.binary(max_size=300))
def test_any_certificate_of_the_signer(der: bytes) -> None:
    damaged = ISSUER.certificate[: len(der)] + der + ISSUER.certificate[2 * len(der) :]
    for certificate in (der, damaged):
        found = parse(SAMPLES[-1], TrustList([(ISSUER.kid, certificate)]))
        assert found.signed in ("unknown-key", "invalid", "valid")


def test_the_worst_payloads_take_no_time() -> None:
    colliding = {k * (2**61 - 1) % 2**64: 0 for k in range(1500)}
    worst = [
        b"|" * PAYLOAD_MAX,
        b"0" * PAYLOAD_MAX,
        b"001099000001|" + b"|" * (PAYLOAD_MAX - 13),
        b"a|a|1990-01-01|0|1|" + b"<" * (PAYLOAD_MAX - 19),
        ("001099000001||" + "\u0301" * 2000 + "|1990|Nam||").encode(),
        b"https://qr.tokhaiyte.vn" + b"/" * 4000,
        b"HC1:" + b":" * 4000,
        b"HC1:" + base45.encode(zlib.compress(b"\0" * 10_000_000)),
        ISSUER.wrap(b"\x81" * 15_000),
        ISSUER.wrap(cbor2.dumps(colliding)),
    ]
    for payload in worst:
        began = time.perf_counter()
        swallow(payload)
        assert time.perf_counter() - began < 0.1
