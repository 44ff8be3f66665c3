import json
import time
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from demo.abroad import CardIssuer, PassIssuer, SealIssuer
from demo.issuers import Issuer, trust_json
from kiosk.credentials.formats.door_pass import believe, key_id
from kiosk.credentials.listing import Issuer as Entry
from kiosk.credentials.listing import Listing, Name, Revoked, encode
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.credentials.revocation import Revocations
from kiosk.credentials.trust import TrustList
from kiosk.errors import ConfigError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ES = Issuer.new("VN", "ES256", START, END)
PS = Issuer.new("VN", "PS256", START, END)


def published(**more: str) -> bytes:
    entry = {
        "kid": b64encode(ES.kid).decode(),
        "rawData": b64encode(ES.certificate).decode(),
        "country": "VN",
    }
    return json.dumps({"certificates": [entry | more]}).encode()


def test_our_own_list() -> None:
    trust = parse_trust(trust_json([ES, PS]))
    assert len(trust) == 2
    (signer,) = trust.signers(PS.kid)
    assert signer.valid_from == START.timestamp()
    assert signer.valid_until == END.timestamp() + 1
    assert signer.usages == frozenset()
    assert trust.signers(b"somebody") == ()


@pytest.mark.parametrize("before", [b"", b"MEUCIQDcKfEfgzhcw==\n", b"MEUC\r\n"])
def test_the_published_list_with_and_without_its_signature_line(before: bytes) -> None:
    trust = parse_trust(before + published(certificateType="DSC"))
    assert len(trust.signers(ES.kid)) == 1


def test_an_authority_is_not_a_signer() -> None:
    with pytest.raises(ConfigError, match=r"nothing in it is of use: 1 of no signer \(DSC\)"):
        parse_trust(published(certificateType="CSCA"))
    two = json.loads(published())["certificates"]
    two.append(two[0] | {"certificateType": "CSCA"})
    listing = parse_listing(json.dumps({"certificates": two}).encode())
    assert (len(listing.issuers), listing.left_out) == (1, ["1 of no signer (DSC)"])


@pytest.mark.parametrize("name", ["rawData", "rawData_b64_der"])
@pytest.mark.parametrize("before", [b"", b"MEUCIQDcKfEfgzhcw==\n", b"\xef\xbb\xbf \n"])
def test_signers_as_a_bare_array(name: str, before: bytes) -> None:
    entry = {"kid": b64(ES.kid), name: b64(ES.certificate), "country": "VN", "list": "x"}
    trust = parse_trust(before + json.dumps([entry]).encode())
    assert len(trust.signers(ES.kid)) == 1


def test_an_empty_list_trusts_nobody() -> None:
    assert len(parse_trust(trust_json([]))) == 0


def test_a_signer_is_loaded_once() -> None:
    trust = parse_trust(trust_json([ES]))
    assert trust.signers(ES.kid) is trust.signers(ES.kid)


def test_of_two_with_one_kid_the_one_valid_longest_comes_first() -> None:
    longer = Issuer.new("VN", "ES256", START, datetime(2029, 1, 1, tzinfo=UTC))
    entries = [
        {"kid": b64encode(b"k").decode(), "certificate": b64encode(i.certificate).decode()}
        for i in (ES, longer)
    ]
    trust = parse_trust(json.dumps({"version": 1, "issuers": entries}).encode())
    first, second = trust.signers(b"k")
    assert first.valid_until > second.valid_until


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def spki(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore


def test_a_list_is_read_as_it_was_written() -> None:
    pass_key = Ed25519PrivateKey.generate().public_key()
    listing = Listing(
        [
            Entry(kid=ES.kid, certificate=ES.certificate),
            Entry(kid=ES.kid, certificate=ES.certificate),
            Entry(format="shc", issuer="https://a.example", kid=b"k", key=spki(pass_key)),
            believe(pass_key, "Phường Tân Phú"),
        ],
        [
            Revoked(format="hc1", kid=ES.kid, ids=["00" * 16]),
            Revoked(format="shc", issuer="https://a.example", kid=b"k"),
        ],
    )
    written = encode(listing)
    again = parse_listing(written)
    assert again.issuers == [listing.issuers[0], *listing.issuers[2:]]  # each once
    assert again.revoked == listing.revoked
    assert encode(again) == written
    trust = parse_trust(written)
    assert len(trust) == 3
    assert trust.signers(key_id(pass_key), "door_pass")[0].name == "Phường Tân Phú"
    assert trust.signers(b"k", "shc", "https://a.example") == ()  # not a key of that format


def test_a_key_is_believed_for_one_format_alone() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    entry = Entry(format="shc", issuer="https://a.example", kid=b"k", key=spki(key))
    trust = TrustList(listing=Listing([entry]))
    assert len(trust.signers(b"k", "shc", "https://a.example")) == 1
    assert trust.signers(b"k", "shc", "https://b.example") == ()
    for format in ("hc1", "nzcp", "door_pass", "vds_nc"):
        assert trust.signers(b"k", format, "https://a.example") == ()


def test_a_list_may_narrow_what_a_key_is_for() -> None:
    entry = Entry(
        kid=ES.kid, certificate=ES.certificate, usages=["test"], valid_until=END.timestamp() - 9
    )
    (signer,) = parse_trust(encode(Listing([entry]))).signers(ES.kid)
    assert signer.usages == {"test"}
    assert (signer.valid_from, signer.valid_until) == (START.timestamp(), END.timestamp() - 9)


CARDS = CardIssuer.new("https://cards.example")


def test_issuers_of_smart_health_cards() -> None:
    keys = json.loads(CARDS.jwks())["keys"]
    useless = [
        {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
        keys[0] | {"crv": "P-384"},
        keys[0] | {"x": "!"},
        keys[0] | {"x": "AAAA"},
    ]
    snapshot = {
        "directory": "https://directory.example",
        "issuerInfo": [
            {"issuer": {"iss": CARDS.url, "name": "Cards"}, "keys": [*keys, *useless]},
            {
                "issuer": {"iss": "https://other.example"},
                "crls": [
                    {"kid": "k", "method": "rid", "ctr": 1, "rids": ["a", "b.1", "no such"]},
                    {"kid": "k", "method": "hash-fhir", "ctr": 1, "rids": ["c"]},
                ],
            },
        ],
    }
    for document in (CARDS.jwks(), json.dumps(snapshot).encode()):
        trust = parse_trust(document)
        assert len(trust) == 1
        assert len(trust.signers(CARDS.kid.encode(), "shc", CARDS.url)) == 1
    listing = parse_listing(json.dumps(snapshot).encode())
    (revoked,) = listing.revoked
    assert (revoked.issuer, revoked.kid, revoked.ids) == (
        "https://other.example",
        b"k",
        ["a", "b.1"],
    )
    assert len(listing.left_out) == len(useless) + 2
    assert "key 'r' of https://cards.example: not one on P-256" in listing.left_out
    assert "1 rids of https://other.example that no card can have" in listing.left_out
    assert "cards revoked by https://other.example by the method 'hash-fhir'" in listing.left_out


def test_whose_a_key_set_is() -> None:
    named = json.loads(CARDS.jwks())
    plain = json.dumps({"keys": named["keys"]}).encode()
    with pytest.raises(ConfigError, match="does not name its issuer; give it as https"):
        parse_trust(plain)
    for data in (plain, CARDS.jwks()):
        (entry,) = parse_listing(data, CARDS.url).issuers
        assert entry.issuer == CARDS.url
    with pytest.raises(ConfigError, match=r"its issuer is https://cards.example, not https://o"):
        parse_listing(CARDS.jwks(), "https://other.example")
    for data in (published(), trust_json([ES])):
        with pytest.raises(ConfigError, match="no key set"):
            parse_listing(data, CARDS.url)
    with pytest.raises(ConfigError, match="nothing in it is of use: key 'k'"):
        parse_listing(b'{"keys": [{"kty": "RSA", "kid": "k"}]}', CARDS.url)


def test_a_did_document() -> None:
    issuer = PassIssuer.new("nz.example")
    document = json.loads(issuer.document())
    assert len(parse_trust(issuer.document()).signers(b"key-1", "nzcp", issuer.did)) == 1
    assert len(parse_trust(json.dumps(document | {"assertionMethod": []}).encode())) == 0
    embedded = document | {"assertionMethod": document["verificationMethod"]}
    assert len(parse_trust(json.dumps(embedded).encode())) == 1
    embedded["id"] = "did:web:other.example"  # whose keys are not others' to give
    with pytest.raises(ConfigError, match="not of this DID"):
        parse_trust(json.dumps(embedded).encode())


def test_country_signers_in_three_forms() -> None:
    seal = SealIssuer.new("UT", START, END)
    der = seal.authority
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    for data in (
        der,
        pem,
        b"\n" + pem + pem,
        b64(der).encode(),
        f"{b64(der)}\n{b64(der)}\n".encode(),
    ):
        for entry in parse_listing(data).issuers:
            assert (entry.format, entry.certificate) == ("vds_nc", der)
            (signer,) = TrustList(listing=Listing([entry])).signers(entry.kid, "vds_nc")
            assert signer.certificate is not None
    formats = [entry.format for entry in parse_listing(ES.certificate).issuers]
    assert formats == ["hc1", "vds_nc"]
    assert parse_trust(ES.certificate).signers(ES.kid)[0].key == ES.key.public_key()
    text = b"Subject: C=VN\n" + pem + b"Subject: C=UT\n" + pem
    assert len(parse_listing(text).issuers) == 2
    listing = parse_listing(f"{b64(der)}\n{b64(der[:-9])}".encode())
    assert len(listing.issuers) == 1
    (left_out,) = listing.left_out
    assert left_out.startswith("certificate 2 (kid ")
    for junk in (b"\x30junk", b"MIIjunk!", b"MIIB", b"-----BEGIN CERTIFICATE-----\nMIIB"):
        with pytest.raises(ConfigError, match="certificate"):
            parse_trust(junk)


def test_batches_of_the_eus_revocation_list() -> None:
    batch = {
        "country": "VN",
        "expires": "2027-01-01T00:00:00Z",
        "kid": b64(ES.kid),
        "hashType": "SIGNATURE",
        "entries": [{"hash": b64(bytes(range(16)))}, {"hash": b64(bytes(range(32)))}],
    }
    (revoked,) = parse_listing(json.dumps(batch).encode()).revoked
    assert (revoked.format, revoked.kid) == ("hc1", ES.kid)
    assert revoked.ids == [bytes(range(16)).hex()] * 2
    batch["kid"] = "UNKNOWN_KID"
    (revoked,) = parse_listing(json.dumps(batch).encode()).revoked
    assert revoked.kid == b""


def test_a_million_revocations_take_little_room_and_time() -> None:
    ids = [f"{number:032x}" for number in range(200_000)]
    revocations = Revocations([Revoked(format="hc1", kid=b"k", ids=ids)])
    (marks,) = revocations._marks.values()
    assert len(marks) * marks.itemsize == 8 * len(ids)
    began = time.perf_counter()
    name = Name.of("hc1", "", b"k")
    assert revocations.has(name, [ids[77]], None)
    assert not revocations.has(name, ["no", "nor this"], None)
    assert not revocations.has(name._replace(kid=b"other"), [ids[77]], None)
    assert time.perf_counter() - began < 0.01


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"version": 2, "issuers": [{"kid": "AA=="}]}', "either a certificate or a key"),
        (
            b'{"version": 2, "issuers": [{"kid": "", "certificate": "AA==", "key": "AA=="}]}',
            "either a certificate or a key",
        ),
        (b'{"version": 1, "issuers": [{"kid": "AA=="}]}', "needs a certificate"),
        (b'{"version": 2, "revoked": [{"format": "hc1"}]}', "neither a kid nor ids"),
        (b'{"version": 2, "revoked": [{}]}', "format"),
        (b'{"issuerInfo": [{}]}', "issuer"),
        (b"", "an empty file; expected JSON"),
        (b" \n", "an empty file; expected JSON"),
        (b"no line break", "neither JSON nor certificates"),
        (b"# Read me\n\nSee `list.json`.", "neither JSON nor certificates"),
        (b"\x89PNG\r\n\x1a\n{\x00", "neither JSON nor certificates"),
        (b"\x1f\x8b\x08\x00", "neither JSON nor certificates"),
        (b'[{"kid": "AA=="}]', "signer .0. has no certificate"),
        (b'{"certificates": []}', "an empty list of signers"),
        (b"{", "expected JSON"),
        (b"[]", "expected JSON"),
        (b"{}", "neither issuers nor certificates"),
        (b'{"issuers": []}', "version"),
        (b'{"version": 3, "issuers": []}', "version 3, this firmware reads 1 and 2"),
        (b'{"version": "1", "issuers": []}', "version"),
        (b'{"version": 1, "issuers": [{}]}', "kid"),
        (b'{"version": 1, "issuers": [{"kid": "!", "certificate": ""}]}', "base64"),
        (b'{"certificates": [{"kid": "AA=="}]}', "rawData"),
        (b'{"certificates": "\xff"}', "trust list"),
        (b"[" * 100_000, "trust list"),
        (b'{"a":' * 100_000, "trust list"),
    ],
)
def test_broken_lists_are_named(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_trust(data)
    assert all(p.startswith("trust list:") for p in caught.value.problems)
