"""Whatever bytes a code holds: a Credential or a CredentialError, at once."""

import json
import time
import zlib
from base64 import b32decode, b32encode
from contextlib import suppress
from datetime import UTC, date, datetime

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.abroad import everybody, numeric
from kiosk.credentials import PAYLOAD_MAX, base45, parse
from kiosk.credentials.formats import FORMATS
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.text import Malformed
from kiosk.credentials.trust import TrustList
from kiosk.errors import ConfigError, CredentialError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BIRTH, DAY = date(1990, 5, 6), date(2021, 8, 2)
ISSUER, CARDS, PASSES, SEALS, DOORS, LISTING = everybody(START, END)
TRUST = TrustList(listing=LISTING)
HC1 = ISSUER.issue("Le", "Ba", BIRTH, START, END)
SHC = CARDS.issue("Le", "Ba", BIRTH, [DAY], START)
NZCP = PASSES.wrap(cbor2.dumps(PASSES.content("Le", "Ba", BIRTH, START, END)))
SEAL = SEALS.wrap(SEALS.vaccination("LE  BA", BIRTH, "B1", [DAY]))
PASS = encode(Pass(id=7, name="Lê Ba", birth="1990", group="7A", first=DAY, last=DAY), DOORS)
SAMPLES = [
    b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422",
    "001099000001|100000001|Nguyễn Thị Ánh|01011999|Nữ|Phố Huế|01062021||||".encode(),
    b"GD4010100000001|4cc3aa204261|7/9/2015|1|48c3a0|01 - 028|-|-|24/01/2021|1|4cc3aa|4|-|0-1|$",
    b"https://kbyt.khambenh.gov.vn/qr/00000000-0000-4000-8000-000000000002",
    b"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=00000000-0000-4000-8000-000000000001",
    HC1,
    SHC,
    NZCP,
    SEAL,
    PASS,
]
FLOOD = "e" + "\u0315\u0300" * 3800  # marks that NFC puts in order, in a code of 500 bytes
COSE = zlib.decompress(base45.decode(HC1[4:]))
NZ_COSE = b32decode(NZCP[8:] + b"=" * (-len(NZCP[8:]) % 8))
PASS_BYTES = base45.decode(PASS[4:])


def test_the_samples_are_of_all_formats_and_good() -> None:
    found = [parse(sample, TRUST) for sample in SAMPLES]
    assert {one.signed for one in found} == {"none", "valid"}
    formats = {one.format for one in found}
    lacking = [known.NAMES[0] for known in FORMATS[:-1] if not formats.intersection(known.NAMES)]
    assert not lacking, f"no good code of {', '.join(lacking)} among SAMPLES"


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary()
)
keys = st.sampled_from([1, 4, 5, 6, -260, "v", "t", "r", "nam", "dob", "ver", "fnt", "ci", "tg"])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


names = st.sampled_from(
    [
        *("iss", "nbf", "exp", "vc", "type", "rid", "credentialSubject", "fhirBundle", "entry"),
        *("resource", "resourceType", "name", "family", "given", "birthDate", "status", "coding"),
        *("code", "system", "vaccineCode", "occurrenceDateTime", "hdr", "msg", "pid", "n", "ve"),
        *("vd", "dvc", "dis", "tr", "dat", "t", "v", "is", "uvci"),
    ]
)
words = st.sampled_from(
    [
        *("https://smarthealth.cards#health-card", "Patient", "Immunization", "Observation"),
        *("completed", "final", "2021-08-02", "RA01", "207", "icao.vacc", "icao.test", ""),
    ]
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)


def swallow(payload: bytes) -> None:
    try:
        parse(payload, TRUST)
    except CredentialError as error:
        assert error.problem
        assert error.format != "unknown" or not payload or len(payload) > PAYLOAD_MAX


def damaged(sample: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(sample) - 1))
    cut = data.draw(st.integers(0, 6))
    return sample[:at] + data.draw(st.binary(max_size=8)) + sample[at + cut :]


@given(st.binary(max_size=400))
def test_any_bytes(payload: bytes) -> None:
    swallow(payload)


@pytest.mark.parametrize("sample", SAMPLES, ids=[s[:4].decode() for s in SAMPLES])
@given(data=st.data())
def test_any_damage_to_a_good_code(sample: bytes, data: st.DataObject) -> None:
    swallow(damaged(sample, data))


@given(st.data())
def test_any_damage_below_the_wrapping(data: st.DataObject) -> None:
    swallow(b"NZCP:/1/" + b32encode(damaged(NZ_COSE, data)).rstrip(b"="))
    swallow(b"DP1:" + base45.encode(damaged(PASS_BYTES, data)))
    body = damaged(PASS_BYTES[64:], data)
    swallow(b"DP1:" + base45.encode(DOORS.sign(b"DP1:" + body) + body))
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    squeezed = squeeze.compress(damaged(b'{"iss":"https://cards.example","nbf":1}', data))
    swallow(CARDS.wrap_bytes(squeezed + squeeze.flush()))


@given(st.text(st.characters(min_codepoint=45, max_codepoint=122), max_size=300))
def test_any_text_in_a_card(text: str) -> None:
    swallow(numeric(text))
    swallow(numeric(f"{text[:9]}.{text[9:99]}.{text[99:]}"))


@settings(max_examples=200)
@given(documents)
def test_any_signed_document(document: object) -> None:
    swallow(CARDS.wrap(document))
    resources = document if isinstance(document, list) else [document]
    swallow(CARDS.wrap(CARDS.content(resources, START)))
    with suppress(Malformed):  # what has no canonical form cannot be signed either
        swallow(SEALS.wrap(document))
        header = {"t": "icao.vacc", "v": 1, "is": "UTO"}
        swallow(SEALS.wrap({"hdr": header, "msg": document}))


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
    swallow(PASSES.wrap(cbor2.dumps(tree)))
    times = {1: PASSES.did, 4: 1, 5: 1, 7: bytes(16)}
    swallow(PASSES.wrap(cbor2.dumps(times | {"vc": tree})))
    swallow(b"DP1:" + base45.encode(bytes(64) + cbor2.dumps(tree)))


@given(st.binary(max_size=300))
def test_any_certificate_of_the_signer(der: bytes) -> None:
    damaged = ISSUER.certificate[: len(der)] + der + ISSUER.certificate[2 * len(der) :]
    for certificate in (der, damaged):
        found = parse(HC1, TrustList([(ISSUER.kid, certificate)]))
        assert found.signed in ("unknown-key", "invalid", "valid")


@given(st.data())
def test_any_certificate_within_a_seal(data: st.DataObject) -> None:
    document = json.loads(SEAL)
    document["sig"]["cer"] = damaged(document["sig"]["cer"].encode(), data).decode("latin-1")
    swallow(json.dumps(document).encode())


@given(st.data())
def test_any_trust_list(data: st.DataObject) -> None:
    lists = (CARDS.jwks(), PASSES.document(), SEALS.authority, b'{"version": 2, "issuers": []}')
    document = damaged(data.draw(st.sampled_from(lists)), data)
    try:
        trust = parse_trust(document)
    except ConfigError as error:
        assert all(problem.startswith("trust list:") for problem in error.problems)
    else:
        for sample in SAMPLES:
            parse(sample, trust)


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
        ISSUER.wrap(cbor2.dumps({4: 1, 6: 0, -260: {1: {"ver": "1", "nam": {"fnt": FLOOD}}}})),
        CARDS.wrap(
            CARDS.content([{"resourceType": "Patient", "name": [{"family": FLOOD}]}], START)
        ),
        b"0100000001|" + b"4" * 4000 + b"|",
        b"GD4010100000001|41|" + b"|" * 4000,
        b"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=" + b"=" * 4000,
        b"shc:/" + b"7" * 4000,
        b"shc:/1/9/1 " * 390,
        b"shc:/" + b" " * 4000,
        CARDS.wrap_bytes(b"\0" * 10_000_000),
        CARDS.wrap_bytes(b"[" * 16_000),
        CARDS.wrap_bytes(b"1" * 16_000),
        CARDS.wrap_bytes(b'{"":[' * 3_000),
        CARDS.wrap(CARDS.content([{"resourceType": "Patient", "name": [{}] * 3000}], START)),
        b"NZCP:/1/" + b"A" * 4000,
        PASSES.wrap(b"\x81" * 2000),
        b'{"hdr":1,"sigvl":' + b"[" * 4000,
        b'{"hdr":1,"sigvl":1,"data":' + b"1" * 4000 + b"}",
        SEAL.replace(b'"uvci":"U32870"', b'"uvci":' + b"[" * 900 + b"]" * 900),
        b"DP1:" + b":" * 4000,
        b"DP1:" + base45.encode(bytes(64) + b"\x81" * 2000),
    ]
    for payload in worst:
        began = time.process_time()
        swallow(payload)
        assert time.process_time() - began < 0.1, payload[:40]
