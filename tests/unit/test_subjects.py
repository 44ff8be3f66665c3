"""One person, many codes: what docs/subjects.md promises, at the door `kiosk.credentials.parse`."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from demo.abroad import PV_SEAL, CardIssuer, PassIssuer, SealIssuer
from demo.issuers import Issuer
from kiosk.credentials import parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.subjects import is_dependant, known_as, listed_as
from kiosk.credentials.text import person_key, standard_name
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BORN = date(1999, 1, 2)
ID, CMND, QID, INSURANCE = "099199000001", "990000001", "162979000000000001", "9900000001"
NAME = "Nguyễn Thị Ngọc Ánh"
HEX = NAME.encode().hex()

CCCD = f"{ID}|{CMND}|{NAME}|02011999|Nữ|Số 1|01062021"
CAN_CUOC = f"{ID}||{NAME}|02011999|Nữ|Số 1|01082024||||"
PHONE = f"{ID}|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|<2"
BEFORE = f"{CMND}|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|<2"
MASKED = f"******000001|NGUYEN THI NGOC ANH|1999-**-**|0|{QID}|<2"
MASKED_INSURED = f"******000001|NGUYEN THI NGOC ANH|1999-**-**|0||<2<{INSURANCE}"
MASKED_ONLY = "******000001|NGUYEN THI NGOC ANH|1999-**-**|0||<2"
BHYT = f"{INSURANCE}|{HEX}|2/1/1999|2|-|01 - 028|01/01/2026|31/12/2026"
OLD_BHYT = f"GD401{INSURANCE}|{HEX}|02/01/1999|2|-|01 - 028|01/01/2026|31/12/2026"


def read(payload: str | bytes) -> Credential:
    return parse(payload if isinstance(payload, bytes) else payload.encode(), TrustList())


def keys(payload: str | bytes) -> tuple[str, ...]:
    found = read(payload)
    return known_as(found.subject, found.claims)


@pytest.mark.parametrize(
    ("codes", "subject"),
    [
        ((CCCD, CAN_CUOC, PHONE), f"vn-id:{ID}"),
        ((BHYT, OLD_BHYT, MASKED_INSURED), f"vn-bhyt:{INSURANCE}"),
        ((MASKED, MASKED.replace("1999-**-**", "1999-01-02")), f"vn-qid:{QID}"),
    ],
)
def test_these_codes_have_one_subject(codes: tuple[str, ...], subject: str) -> None:
    assert {read(code).subject for code in codes} == {subject}


@pytest.mark.parametrize(
    ("one", "other", "by"),
    [
        (CCCD, BEFORE, f"vn-cmnd:{CMND}"),  # the card tells its earlier number
        (PHONE, MASKED, f"vn-qid:{QID}"),  # whole once, masked another time
        (BEFORE, MASKED, f"vn-qid:{QID}"),
        (PHONE + f"<{INSURANCE}", BHYT, f"vn-bhyt:{INSURANCE}"),
        (PHONE + f"<{INSURANCE}", MASKED_INSURED, f"vn-bhyt:{INSURANCE}"),
        (MASKED + f"<GD401{INSURANCE}", BHYT, f"vn-bhyt:{INSURANCE}"),
    ],
)
def test_these_are_linked_by_a_number_that_both_tell(one: str, other: str, by: str) -> None:
    assert read(one).subject != read(other).subject
    assert set(keys(one)) & set(keys(other)) == {by}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CCCD, MASKED),  # half a number is nobody's
        (CCCD, BHYT),  # neither card names the other
        (CAN_CUOC, BEFORE),  # this card no longer tells the earlier number
        (CCCD, f"|{NAME}|1999-01-02|0||"),  # a name is no proof
    ],
)
def test_these_are_not_linked(one: str, other: str) -> None:
    assert not set(keys(one)) & set(keys(other))


def test_masked_without_any_other_number_it_names_nobody() -> None:
    assert keys(MASKED_ONLY) == ()
    assert read(MASKED_ONLY).claims["document_masked"]
    assert read(MASKED_ONLY).claims["birth_masked"]


@pytest.mark.parametrize(
    "nothing",
    ["0", "-", "---", "00", "555", "000000000", "000000000000", "0" * 18, "1" * 18, "0-0-0-0-0-0"],
)
def test_what_stands_in_for_a_number_names_nobody(nothing: str) -> None:
    half = "******000001|NGUYEN THI NGOC ANH|1999-**-**"
    assert keys(f"{half}|0|{nothing}|<2") == (), "as the platform's id"
    alone = nothing.replace("-", "")
    assert keys(f"{alone}|NGUYEN THI NGOC ANH|1999-**-**|0||") == (), "as the document"
    assert keys(PHONE.replace(QID, nothing)) == (f"vn-id:{ID}",)
    assert keys(f"{alone}|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|") == (f"vn-qid:{QID}",)


@pytest.mark.parametrize(
    "code",
    [
        CCCD.replace(ID, "000000000000").replace(CMND, "000000000"),
        BHYT.replace(INSURANCE, "0000000000"),
        OLD_BHYT.replace(INSURANCE, "0000000000"),
        MASKED_INSURED.replace(INSURANCE, "0000000000"),
        "KHONGCO|NGUYEN THI NGOC ANH|1999-**-**|0||",
        "https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=0",
        "https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=00000000-0000-0000-0000-000000000000",
    ],
)
def test_cards_and_links_that_are_filled_with_zeros_name_nobody(code: str) -> None:
    assert keys(code) == listed_as(read(code).subject, read(code).claims) == ()


def test_a_card_is_not_joined_by_an_empty_earlier_number() -> None:
    assert keys(CCCD.replace(CMND, "000000000")) == (f"vn-id:{ID}",)


def seal(state: str, passport: str, birth: date = BORN) -> bytes:
    """A proof of vaccination by this state."""
    issuer = SealIssuer.new(state[:2], START, END, PV_SEAL)
    data = issuer.vaccination("NGUYEN  THI NGOC ANH", birth, passport, [START.date()])
    return issuer.wrap(data | {"hdr": data["hdr"] | {"is": state}})


def test_a_passport_in_the_declaration_and_in_visible_seals() -> None:
    declared = f"b0000001|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|"
    subjects = {read(c).subject for c in (seal("UTO", "B0000001"), seal("XXA", "B0000001"))}
    assert subjects == {read(declared).subject} == {"passport:B0000001:1999-01-02"}


def test_two_people_whose_states_gave_them_one_number_are_two() -> None:
    one, other = seal("UTO", "N1234567"), seal("XXA", "N1234567", date(1980, 2, 29))
    declared = "N1234567|DOE JOHN|1975-**-**|0||"
    found = {code: set(keys(code)) for code in (one, other, declared)}
    assert not found[one] & found[other]
    assert found[declared] == set(), "a number and a year fit both"
    for code in found:
        assert "passport:N1234567" in listed_as(read(code).subject, read(code).claims), "and ask"


def test_a_foreign_passport_of_nine_digits_may_be_listed_as_one() -> None:
    found = read("512345678|DOE JOHN|1975-03-04|0||")
    listed = listed_as(found.subject, found.claims)
    assert listed == ("vn-cmnd:512345678", "passport:512345678")


def certificates(family: str, given: str) -> list[bytes]:
    """One person, by every format that knows people by their name alone."""
    card = CardIssuer.new("https://health.example/issuer")
    nz = PassIssuer.new("nz.example")
    return [
        Issuer.new("VN", "ES256", START, END).issue(family, given, BORN, START, END),
        card.issue(family, given, BORN, [date(2021, 9, 1)], START),
        nz.wrap(cbor2.dumps(nz.content(family, given, BORN, START, END))),
        f"|{family} {given}|1999-01-02|0||".encode(),
    ]


def test_names_lead_to_one_subject_however_they_are_written() -> None:
    written = [
        ("Nguyễn", "Thị Ngọc Đào"),
        ("NGUYỄN", "THỊ NGỌC ĐÀO"),
        ("NGUYEN", "THI NGOC DAO"),
        (unicodedata.normalize("NFD", "Nguyễn"), unicodedata.normalize("NFD", "Thị  Ngọc Đào")),
    ]
    subjects = {read(code).subject for names in written for code in certificates(*names)}
    assert subjects == {"name:NGUYEN<THI<NGOC<DAO:1999-01-02"}


def door_pass(number: int, name: str, birth: str, key: Ed25519PrivateKey) -> bytes:
    days = {"first": START.date(), "last": END.date()}
    return encode(Pass(id=number, name=name, birth=birth, group="7A2", **days), key)


def test_a_door_pass_is_its_holders_own_and_of_no_namesake() -> None:
    school, commune = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    first = door_pass(7, "Nguyễn Văn Hùng", "2014-09-05", school)
    twin = door_pass(8, "Nguyễn Văn Hưng", "2014-09-05", school)
    elsewhere = door_pass(7, "Nguyễn Văn Hùng", "2014-09-05", commune)
    renewed = door_pass(7, "Nguyễn Văn Hùng", "", school)
    assert keys(first) == keys(renewed)
    assert len({*keys(first), *keys(twin), *keys(elsewhere)}) == 3
    assert not set(keys(first)) & set(keys("|NGUYEN VAN HUNG|2014-09-05|0||"))


def test_the_risk_list_may_name_the_holder_of_a_pass_by_number_or_by_name() -> None:
    school = Ed25519PrivateKey.generate()
    found = read(door_pass(7, "Nguyễn Văn Hùng", "2014-09-05", school))
    name = "name:NGUYEN<VAN<HUNG:2014-09-05"
    assert listed_as(found.subject, found.claims) == (found.subject, name)
    assert read("|NGUYEN VAN HUNG|2014-09-05|0||").subject == name, "as one would list them"
    year = read(door_pass(7, "Nguyễn Văn Hùng", "2014", school))
    assert listed_as(year.subject, year.claims) == (year.subject,)


@pytest.mark.parametrize("code", [CCCD, PHONE, MASKED, MASKED_ONLY, BHYT, "no code"])
def test_whoever_has_a_number_is_not_listed_by_name(code: str) -> None:
    found = read(code)
    assert listed_as(found.subject, found.claims) == keys(code)


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("Ðinh Thị Ðào", "DINH<THI<DAO"),  # Icelandic Eth, typed for the Vietnamese letter
        ("Łukasz Møller", "LUKASZ<MOELLER"),
        ("Weiß", "WEISS"),
        ("Jean-Pierre d'Arc", "JEAN<PIERRE<DARC"),
        ("H’Hen Niê", "HHEN<NIE"),
        ("O`CONNOR,SEAN", "OCONNOR<SEAN"),  # a comma parts names
    ],
)
def test_letters_that_unicode_does_not_take_apart(name: str, standard: str) -> None:
    assert standard_name(name) == standard


@given(st.text(alphabet="aăâđeêioôơuưyAĂÂĐEÊIOÔƠUƯYbcnghtr ́̀̉̃̇", min_size=1, max_size=40))
def test_case_and_normal_form_of_a_name_do_not_matter(name: str) -> None:
    spellings = [unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    spellings += [name.upper(), name.lower()]
    assert {standard_name(spelling) for spelling in spellings} == {standard_name(name)}


def test_an_apostrophe_is_none_in_a_certificate() -> None:
    assert read("|O'CONNOR SEAN|1999-01-02|0||").subject == "name:OCONNOR<SEAN:1999-01-02"
    (certificate, *_) = certificates("OCONNOR", "SEAN")
    assert read(certificate).subject == "name:OCONNOR<SEAN:1999-01-02"


@pytest.mark.parametrize(
    "name",
    [
        "ИВАНОВ A",  # one Latin letter is left of many people
        "王芳 A",
        "N***** V** A",
        "N••••• V•• A",
        "NGUYEN VAN A2",
        "NGUYEN ВАН A",
        "'' -",
    ],
)
def test_half_a_name_is_nobodys_key(name: str) -> None:
    assert person_key(name, "1990-01-01") == ""
    assert read(f"|{name}|1990-01-01|0||").subject == ""


@pytest.mark.parametrize("names", [("ИВАНОВ", "A"), ("A", "王芳"), ("N***", "V**")])
def test_a_certificate_with_half_a_name_is_known_by_its_own_id(names: tuple[str, str]) -> None:
    for certificate in certificates(*names)[:3]:
        assert not read(certificate).subject.startswith("name:")
        assert keys(certificate) != ()


@pytest.mark.parametrize("birth", ["1999", "1999-01"])
def test_a_name_without_a_full_date_of_birth_is_nobodys_key(birth: str) -> None:
    assert read(f"|{NAME}|{(birth + '-**-**')[:10]}|0||").subject == ""


@pytest.mark.parametrize(
    ("code", "dependant"),
    [
        (f"|LE VAN CON|2015-09-05|1|{QID}|162979000000000002<1", True),
        (BHYT + f"|01/01/2026|-|{HEX}|4|01/02/2030|0|$", True),  # with the name of a parent
        (BHYT + "|01/01/2026|-|-|4|01/02/2030|0|$", False),
        (PHONE, False),
        (CCCD, False),
    ],
)
def test_who_is_a_dependant_says_so(code: str, dependant: bool) -> None:
    assert is_dependant(read(code).claims) is dependant
