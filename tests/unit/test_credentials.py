"""Unsigned formats, at the door `kiosk.credentials.parse`."""

from datetime import datetime

import pytest

from kiosk.credentials import PAYLOAD_MAX, parse
from kiosk.credentials.formats import FORMATS
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import VIETNAM, Credential

NOBODY = TrustList()
ADULT = "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|"
INSURED = (
    "GD4010100000001|4cc3aa204261|7/9/2015|1|48c3a0204ee1bb9969|01 - 028|24/01/2021|31/12/2021"
    "|24/01/2021|01010000000001|4cc3aa204d65|4|01/02/2026|0000-7102|$"
)
CARD = "001099000001|100000001|Nguyễn Thị Ngọc Ánh|01011999|Nữ|Số 1, Phố Huế|01062021"


def read(text: str) -> Credential:
    return parse(text.encode(), NOBODY)


def refused(text: str | bytes) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), NOBODY)
    return caught.value


def test_personal_qr() -> None:
    found = read(ADULT + "<1<00<0123232422")
    assert (found.format, found.role, found.signed) == ("vn_personal", "declaration", "none")
    assert found.subject == "vn-id:001093029317"
    assert found.display == "N. V. A"
    assert found.valid_from is None
    assert found.valid_until is None
    assert found.claims == {
        "name": "NGUYEN VAN A",
        "birth": "1987-01-18",
        "sex": "male",
        "document": "001093029317",
        "document_masked": False,
        "birth_masked": False,
        "on_behalf": False,
        "qid": "162979388586171100",
        "phone": "0123232422",
    }


def test_masked_personal_qr_is_known_by_its_platform_id() -> None:
    found = read("******000001|TRAN THI B|1990-**-**|0|163000000000000001|<2<<0900000001")
    assert found.subject == "vn-qid:163000000000000001"
    assert found.claims["birth"] == "1990"
    assert found.claims["document"] == "******000001"
    assert found.claims["document_masked"]
    assert found.claims["birth_masked"]
    assert found.claims["sex"] == "female"


def test_declared_on_behalf_names_the_guardian() -> None:
    found = read("|LE VAN CON|2015-09-05|1|163000000000000003|163000000000000002<1<<0900000002")
    assert found.subject == "vn-qid:163000000000000003"
    assert found.claims["guardian_qid"] == "163000000000000002"
    assert found.claims["on_behalf"]


@pytest.mark.parametrize(
    ("document", "qid", "birth", "subject"),
    [
        ("B0000001", "16300", "1980-02-29", "passport:B0000001:1980-02-29"),
        ("b0000001", "16300", "1980-02-29", "passport:B0000001:1980-02-29"),
        ("100000001", "16300", "1980-02-29", "vn-cmnd:100000001"),
        ("", "", "1980-02-29", "name:JOHN<DOE:1980-02-29"),
        ("", "", "1980-**-**", ""),
    ],
)
def test_subject_without_an_identity_card(
    document: str, qid: str, birth: str, subject: str
) -> None:
    assert read(f"{document}|JOHN DOE|{birth}|0|{qid}|").subject == subject


def test_the_same_person_on_phone_and_card_has_one_subject() -> None:
    phone = read("001099000001|NGUYEN THI NGOC ANH|1999-01-01|0|163|")
    assert phone.subject == read(CARD).subject


@pytest.mark.parametrize(
    ("ext", "expected"),
    [
        ("", {"sex": ""}),
        ("1<00<0123232422", {"sex": "male", "phone": "0123232422"}),
        ("2<0900000001", {"sex": "female", "phone": "0900000001"}),
        ("<2<0100000001<0900000001", {"health_insurance": "0100000001", "phone": "0900000001"}),
        ("<0<HS4010000000001<+84900000001", {"sex": "", "health_insurance": "HS4010000000001"}),
        ("163000000000000002", {"guardian_qid": "163000000000000002"}),
        ("<<<<MEUCIQDsomething+like/a+signature==", {"sex": ""}),
    ],
)
def test_values_of_ext_are_told_by_their_shape(ext: str, expected: dict[str, str]) -> None:
    claims = read(ADULT + ext).claims
    extended = {"phone", "health_insurance", "guardian_qid", "sex"} & claims.keys()
    assert {key: claims[key] for key in expected} == expected
    assert extended - expected.keys() <= {"sex", "phone"}


def test_identity_card() -> None:
    found = read(CARD)
    assert (found.format, found.role) == ("cccd", "identity")
    assert found.subject == "vn-id:001099000001"
    assert found.display == "N. T. N. Ánh"
    assert found.claims == {
        "name": "Nguyễn Thị Ngọc Ánh",
        "birth": "1999-01-01",
        "sex": "female",
        "document": "001099000001",
        "old_document": "100000001",
        "address": "Số 1, Phố Huế",
        "issued": "2021-06-01",
    }


def test_identity_card_of_2024_has_four_more_members() -> None:
    found = read("001099000004||Phạm Đức Dũng|30122000|Nam|Tân Phú|01082024||||")
    assert found.format == "can_cuoc_2024"
    assert found.claims["sex"] == "male"


def test_health_insurance_card() -> None:
    found = read(INSURED)
    assert (found.format, found.role, found.signed) == ("bhyt", "identity", "none")
    assert found.display == "L. Ba"
    assert found.claims == {
        "name": "Lê Ba",
        "birth": "2015-09-07",
        "sex": "male",
        "document": "",
        "health_insurance": "GD4010100000001",
        "address": "Hà Nội",
        "facility": "01 - 028",
        "insured_from": "2021-01-24",
        "insured_until": "2021-12-31",
        "issued": "2021-01-24",
        "guardian": "Lê Me",
    }
    assert found.valid_from == datetime(2021, 1, 24, tzinfo=VIETNAM).timestamp()
    assert found.valid_until == datetime(2022, 1, 1, tzinfo=VIETNAM).timestamp()


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("24/01/2021", "-", "2021-01-24", None),
        ("-", "31/12/2021", None, "2022-01-01"),
        ("-", "", None, None),
        ("2021", "2021", "2021-01-01", "2022-01-01"),
    ],
)
def test_an_insurance_card_is_valid_while_its_holder_is_insured(
    first: str, last: str, start: str | None, end: str | None
) -> None:
    found = read(INSURED.replace("24/01/2021|31/12/2021", f"{first}|{last}"))
    moments = [
        day and datetime.fromisoformat(f"{day}T00:00+07:00").timestamp() for day in (start, end)
    ]
    assert [found.valid_from, found.valid_until] == moments


def test_old_and_new_health_insurance_cards_of_a_person_have_one_subject() -> None:
    members = INSURED.split("|")
    new = "|".join(["0100000001", *members[1:4], "-", *members[5:14], "4", "48c3a0", "$"])
    assert read(new).subject == read(INSURED).subject == "vn-bhyt:0100000001"
    assert read(new).claims["address"] == ""


@pytest.mark.parametrize("count", [8, 9])
@pytest.mark.parametrize("end", ["", "|", "|$"])
def test_short_health_insurance_cards(count: int, end: str) -> None:
    found = read("|".join(INSURED.split("|")[:count]) + end)
    assert found.subject == "vn-bhyt:0100000001"
    assert ("issued" in found.claims) == (count == 9)


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("4cc3aa204261", "4cc3aa20426", "name is not hex"),
        ("4cc3aa204261", "4cff", "name is not UTF-8"),
        ("4cc3aa204261", "20", "name is empty"),
        ("4cc3aa204261", "41" * 162, "162 characters"),
        ("48c3a0204ee1bb9969", "4 8", "address is not hex"),
        ("7/9/2015", "31/2/2015", "calendar"),
        ("7/9/2015", "2015-09-07", "dd/MM/yyyy"),
        ("|1|48", "|3|48", "sex"),
        ("|4|01/02/2026|", "|", "12 members"),
        ("|4cc3aa204d65|", "|xy|", "parent's name is not hex"),
    ],
)
def test_broken_health_insurance_card(good: str, bad: str, problem: str) -> None:
    assert good in INSURED
    error = refused(INSURED.replace(good, bad))
    assert error.format == "bhyt"
    assert problem in error.problem


def test_declaration_of_ho_chi_minh_city() -> None:
    id = "00000000-0000-4000-8000-00000000000A"
    found = read(f"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id={id}\n")
    assert (found.format, found.role, found.display) == ("hcmc", "declaration", "")
    assert found.subject == f"vn-hcmc:{id.lower()}"
    assert found.claims["declaration"] == id
    for bad in ("", "1&x=2", "a" * 65, "a b"):
        error = refused(f"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id={bad}")
        assert (error.format, "id is not" in error.problem) == ("hcmc", True)


@pytest.mark.parametrize(
    ("written", "birth"),
    [("1955", "1955"), ("031955", "1955-03"), ("02031955", "1955-03-02"), ("00001955", "1955")],
)
def test_birth_dates_of_cards_may_be_incomplete(written: str, birth: str) -> None:
    assert read(CARD.replace("01011999", written)).claims["birth"] == birth


@pytest.mark.parametrize(
    ("written", "birth"),
    [
        *(("1987-**-**", "1987"), ("1987-**-31", "1987"), ("1987-02-**", "1987-02")),
        *(("1987-00-00", "1987"), ("****-**-**", ""), ("1880-01-01", "1880-01-01")),
    ],
)
def test_birth_dates_of_declarations_may_be_masked(written: str, birth: str) -> None:
    assert read(ADULT.replace("1987-01-18", written)).claims["birth"] == birth


@pytest.mark.parametrize("frame", ["{}\0", "{}\r\n", "\ufeff{}", " {} "])
def test_what_printers_put_around_a_card_is_ignored(frame: str) -> None:
    assert read(frame.format(CARD)) == read(CARD)


@pytest.mark.parametrize("sex", ["Nu", "NỮ", "Nữ", " nữ "])
def test_spellings_of_female(sex: str) -> None:
    assert read(CARD.replace("Nữ", sex)).claims["sex"] == "female"


@pytest.mark.parametrize(
    "text",
    [
        "https://kbyt.khambenh.gov.vn/qr/00000000-0000-4000-8000-000000000002",
        "HTTPS://TOKHAIYTE.VN/?page=Group.checkin&groupId=0123456789abcdef01234567",
        "https://qr.pccovid.gov.vn/abc?x=1",
        "https://qr.tokhaiyte.vn",
        "HKEN:0ABCDEFGHeyJtZXRhZGF0YSI6IG51bGx9",
    ],
)
def test_places(text: str) -> None:
    found = read(text)
    assert (found.format, found.role, found.subject, found.claims) == ("place", "place", "", {})


@pytest.mark.parametrize(
    "payload",
    [
        b"https://example.com/menu",
        b"https://kbyt.khambenh.gov.vn.evil.example/qr/00000000",
        b"https://qr.pccovid.gov.vn.evil.example/",
        b"https://kbyt.khambenh.gov.vn.evil.example/#tokhai_yte/ketqua?id=1",
        b"https://kbyt.khambenh.gov.vn/#tokhai_yte/other?id=1",
        b"HC2:NCFTW2BM75VOO10KHHGUI6OBCE0WCH01UOPVTA9",
        b"a|b|c|d|e|f",
        b"\xff\xfe\x00",
        b" ",
        b"7" * PAYLOAD_MAX,
    ],
)
def test_anything_else_is_unknown_and_nothing_of_it_is_kept(payload: bytes) -> None:
    found = parse(payload, NOBODY)
    assert found == Credential(format="unknown", role="other")


def test_empty_and_oversized_payloads() -> None:
    assert "empty" in refused(b"").problem
    assert "7000 bytes" in refused(b"7" * 7000).problem


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("1987-01-18", "1987-02-31", "calendar"),
        ("1987-01-18", "0000-01-18", "years"),
        ("1987-01-18", "1879-01-18", "date of birth is outside"),
        ("1987-01-18", "2060-**-**", "date of birth is outside"),
        ("1987-01-18", "1987-00-45", "calendar"),
        ("1987-01-18", "1987-00-18", "calendar"),
        ("1987-01-18", "1987-00-**", "calendar"),
        ("1987-01-18", "1987-01-00", "calendar"),
        ("1987-01-18", "1987-**-45", "calendar"),
        ("1987-01-18", "1987-**-00", "calendar"),
        ("1987-01-18", "18/01/1987", "YYYY-MM-DD"),
        ("1987-01-18", "１９８７-01-18", "YYYY-MM-DD"),
        ("|0|", "|7|", "kind of declaration"),
        ("NGUYEN VAN A", " ", "name is empty"),
        ("NGUYEN VAN A", "\u2060\u200b", "name is empty"),
        ("NGUYEN VAN A", "A" * 162, "162 characters"),
        ("001093029317", "001093'; DROP", "document"),
        ("162979388586171100", "1 or 1", "platform id"),
    ],
)
def test_broken_personal_qr(good: str, bad: str, problem: str) -> None:
    error = refused(ADULT.replace(good, bad))
    assert error.format == "vn_personal"
    assert problem in error.problem


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("01011999", "31021999", "calendar"),
        ("01011999", "01010000", "years"),
        ("01011999", "1.1.1999", "ddMMyyyy"),
        ("|Nữ|", "|X|", "sex"),
        ("|Số 1, Phố Huế|", "|", "6 members"),
        ("100000001", "1", "old number"),
        ("Số 1", "Số" * 300, "residence"),
        ("|01062021", "|" * 40, "members"),
    ],
)
def test_broken_identity_card(good: str, bad: str, problem: str) -> None:
    error = refused(CARD.replace(good, bad))
    assert error.format == "cccd"
    assert problem in error.problem


def test_text_of_a_known_format_must_be_utf_8() -> None:
    for text, name in ((ADULT, "vn_personal"), (CARD, "cccd")):
        payload = text.encode().replace(b"NGUYEN", b"NGUY\xcaN").replace("Ánh".encode(), b"\xc1nh")
        error = refused(payload)
        assert (error.format, "UTF-8" in error.problem) == (name, True)


def test_errors_never_quote_the_payload_nor_chain_what_does() -> None:
    for text in (ADULT.replace("1987-01-18", "SECRET"), CARD.replace("01011999", "SECRET")):
        error = refused(text)
        assert "SECRET" not in str(error)
        assert error.__suppress_context__
        assert error.__cause__ is None


def test_names_are_safe_to_show() -> None:
    tricky = read(CARD.replace("Nguyễn Thị Ngọc Ánh", "Lê\t Văn\u200b\u2028Ba\u0301"))
    assert tricky.claims["name"] == "Lê Văn Bá"
    assert tricky.display == "L. V. Bá"


@pytest.mark.parametrize("trick", ["\u202e", "\u200f", "\x1b[31m", "\0", "a" + "\u0301" * 5])
def test_names_that_deceive_the_eye_are_refused(trick: str) -> None:
    for text in (
        CARD.replace("Ngọc", trick),
        CARD.replace("Phố Huế", trick),
        (ADULT + "1").replace("VAN", trick),
        INSURED.replace("4cc3aa204261", f"Lê {trick} A".encode().hex()),
    ):
        assert refused(text).problem


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Nguyễn Thị Ngọc Ánh", "N. T. N. Ánh"),
        ("Ánh", "Ánh"),
        ("A B C D E F G H", "A. B. C. D. E. H"),
        ("Lê " + "x" * 100, "L. " + "x" * 24),
    ],
)
def test_names_are_abbreviated(name: str, shown: str) -> None:
    assert read(CARD.replace("Nguyễn Thị Ngọc Ánh", name)).display == shown


def test_every_format_gives_persons_the_same_core_of_claims() -> None:
    for text in (ADULT, CARD, INSURED):
        assert {"name", "birth", "sex", "document"} <= read(text).claims.keys()


def test_format_names_are_unique() -> None:
    names = [name for known in FORMATS for name in known.NAMES]
    assert len(names) == len(set(names))
