"""The centre's side of the risk list: keys and lists in files, and what officers write."""

from __future__ import annotations

import re
import stat
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from test_subjects import (
    BEFORE,
    CCCD,
    MASKED,
    MASKED_INSURED,
    OLD_BHYT,
    certificates,
    door_pass,
    seal,
)

from central.listed import subject
from central.risk import load_key, main
from central.words import Unfit
from demo.crowd import make_crowd
from kiosk.credentials import parse
from kiosk.credentials.risk import RiskList, gravest, key_id
from kiosk.credentials.subjects import FORMS, listed_as
from kiosk.credentials.trust import TrustList
from kiosk.model import Risk

TODAY = date(2026, 9, 1)
PERSON = "vn-id:001093029317"
LINK = b"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=0F"
NAME = "name:NGUYEN<VAN<ANH:1987-01-18"


class Office:
    """Two files, a key, and the command that makes a list of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.key, self.out = folder / "risk.key", folder / "risk.list"
        self.run("new-key", str(self.key))

    def run(self, *words: str, fails: bool = False) -> str:
        """What it says, on the channel where it should."""
        self._capsys.readouterr()
        if fails:
            with pytest.raises(SystemExit) as caught:
                main(words)
            assert caught.value.code == 1
        else:
            main(words)
        said = self._capsys.readouterr()
        assert (said.out if fails else said.err) == ""
        return said.err if fails else said.out

    def build(
        self, quarantine: str | bytes, follow_up: str | bytes, *more: str, fails: bool = False
    ) -> str:
        for name, text in (("q", quarantine), ("f", follow_up)):
            (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        files = [f"--quarantine={self.folder}/q", f"--follow-up={self.folder}/f"]
        words = ("build", *files, f"--key={self.key}", f"--out={self.out}", *more)
        return self.run(*words, fails=fails)

    def check(self, key: str) -> Risk:
        made = RiskList(self.out.read_bytes())
        return made.check(key, {key_id(load_key(self.key)): load_key(self.key)})


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_a_list_is_made_of_two_files_and_a_key(office: Office) -> None:
    assert stat.S_IMODE(office.key.stat().st_mode) == 0o600
    said = office.build(f"{PERSON}\n\n  {NAME} \r\n", "passport:C1234567")
    assert (office.check(NAME), office.check("passport:C1234567")) == ("quarantine", "follow-up")
    assert "2 under quarantine, 1 under follow-up" in said
    assert "2 khóa cách ly, 1 khóa theo dõi" in said
    assert load_key(office.key).hex() not in said


def test_lines_as_an_officer_saves_them_are_found_by_the_door(office: Office) -> None:
    written = "\ufeff001 093 029 317\r\n\r\nNguyễn Văn Anh; 18/1/1987\r\n,,\r\nc1234567\r\n"
    said = office.build(written, "\ufeff" + PERSON)
    assert "3 under quarantine, 0 under follow-up" in said, "who is in both is in quarantine"
    for payload, risk in (
        ("001093029317||NGUYỄN VĂN ANH|18011987|Nam|Số 1|01062021", "quarantine"),
        ("|NGUYEN VAN ANH|1987-01-18|0||", "quarantine"),
        ("C1234567|TRAN VAN B|1950-01-01|0||", "quarantine"),
        ("001093029318||NGUYỄN VĂN ANH|18011987|Nam|Số 1|01062021", "clear"),
    ):
        shown = parse(payload.encode(), TrustList())
        assert gravest(office.check, shown.subject, shown.claims) == risk


def test_wrong_lines_are_named_by_number_and_none_is_quoted(office: Office) -> None:
    secret = "109302931"
    said = office.build(f"{PERSON}\nhello world\n{secret}70\n", f"vn-id:{secret}\n", fails=True)
    assert re.findall(r"/([qf]): dòng (\d)", said) == [("q", "2"), ("q", "3"), ("f", "1")]
    assert "line 3: 11 digits" in said
    assert "no list was made" in said
    assert secret not in said
    assert "hello" not in said
    assert not office.out.exists()


def test_of_many_wrong_lines_the_first_are_told(office: Office) -> None:
    said = office.build("x\n" * 1000, "", fails=True)
    assert len(said.splitlines()) == 22
    assert "and 980 more lines" in said


def test_a_list_of_nobody_is_made_only_when_it_is_meant(office: Office) -> None:
    assert "--empty" in office.build("\ufeff\n \n", "", fails=True)
    assert not office.out.exists()
    assert "0 under quarantine, 0 under follow-up" in office.build("", "", "--empty")
    assert office.check(PERSON) == "clear"


def test_files_that_cannot_be_used(office: Office) -> None:
    before = office.key.read_bytes()
    assert "line 2: not UTF-8" in office.build(b"\n" + PERSON.encode() + b" \xff", "", fails=True)
    assert "not UTF-8" in office.build(PERSON.encode("utf-16"), "", fails=True)
    assert "cannot be made" in office.run("new-key", str(office.key), fails=True)
    assert office.key.read_bytes() == before
    office.key.write_bytes(before[:-3])
    assert "not the key of a risk list" in office.build(PERSON, "", fails=True)
    office.key.unlink()
    assert "cannot be read" in office.build(PERSON, "", fails=True)
    assert not office.out.exists()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("001093029317", PERSON),
        (" 001.093.029.317\u200b", PERSON),
        ("VN-ID: 001093029317", PERSON),
        ("012345678", "vn-cmnd:012345678"),
        ("b1234567", "passport:B1234567"),
        ("passport: xy 12-34 z", "passport:XY1234Z"),
        ("passport:123456789", "passport:123456789"),
        ("passport:c1234567:1987-01-18", "passport:C1234567:1987-01-18"),
        ("GD 4 01 9900000001", "vn-bhyt:9900000001"),
        ("vn-bhyt:gd4019900000001", "vn-bhyt:9900000001"),
        ("vn-bhyt:9900000001", "vn-bhyt:9900000001"),
        ("Nguyễn Văn Anh, 18/01/1987", NAME),
        ("NGUYEN VAN ANH;1987-01-18", NAME),
        ("Nguyễn  Văn  Anh\t18.1.1987", NAME),
        ("Nguye\u0302\u0303n Văn Anh 18-01-1987", NAME),
        ("Nguyễn Văn Anh: 18/01/1987 00:00:00", NAME),
        ("name:nguyen<van<anh:1987-01-18", NAME),
        ("name: Nguyễn Văn Anh: 18/1/1987", NAME),
        ("vn-qid:162979388586171100", "vn-qid:162979388586171100"),
        ("Door-Pass:0A1B2C3D:48151", "door-pass:0a1b2c3d:48151"),
        ("hc1:URN:UVCI:01:VN:1#2", "hc1:URN:UVCI:01:VN:1#2"),
    ],
)
def test_what_a_line_may_be(line: str, key: str) -> None:
    assert subject(line, TODAY) == key


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("hello world", "neither the number of a document nor"),
        ("1093029317", "ten digits"),  # an identity number whose zeros Excel dropped
        ("93029317", "8 digits"),
        ("1.09303E+11", "neither"),
        ("vn-id:93029317", "has not its form"),
        ("vn-idd:001093029317", "one of: vn-id, vn-cmnd"),
        ("cccd: 001093029317", "one of: vn-id, vn-cmnd"),
        ("passport:ABCDEF", "has not its form"),
        ("passport:000000", "has not its form"),
        ("passport:C123", "has not its form"),
        ("000000000", "nobody's number"),
        ("111111111111", "nobody's number"),
        ("GD4010000000000", "nobody's number"),
        ("vn-bhyt:GD4010000000000", "nobody's number"),
        ("vn-id:000000000000", "has not its form"),
        ("vn-qid:0", "has not its form"),
        ("Иванов A, 18/1/1987", "not Latin"),
        ("Nguyễn Văn Anh", "neither"),
        ("Nguyễn Văn Anh, 1987", "day, month and year"),
        ("Nguyễn Văn Anh, 30/2/1987", "no such day in the calendar"),
        ("Nguyễn Văn Anh, 1/18/1987", "the month comes first"),
        ("Nguyễn Văn Anh, 18/1/87", "four digits"),
        ("Nguyễn Văn Anh, 18/1/2027", "in the future"),
        ("Nguyễn Văn Anh, 31795", "day number of Excel"),
        ("=A1, 18/1/1987", "neither"),
        ("王小明, 18/1/1987", "not Latin"),
        ("::::, 18/1/1987", "letters alone"),
        ("x" * 501, "longer than 500"),
    ],
)
def test_what_a_line_may_not_be(line: str, says: str) -> None:
    with pytest.raises(Unfit) as caught:
        subject(line, TODAY)
    assert says in caught.value.english
    assert caught.value.vietnamese
    assert line not in str(caught.value)


def test_every_key_that_a_door_forms_may_stand_in_a_line() -> None:
    crowd = make_crowd(3, 1_795_000_000.0)
    payloads = [v.payload for v in crowd.visitors if v.payload is not None]
    payloads += [code.encode() for code in (CCCD, BEFORE, MASKED, MASKED_INSURED, OLD_BHYT)]
    payloads += [*certificates("Nguyễn", "Thị Ngọc Đào"), LINK, seal("UTO", "B0000001")]
    payloads.append(door_pass(7, "Lê Ba", "2014-09-05", Ed25519PrivateKey.generate()))
    seen = set()
    for payload in payloads:
        found = parse(payload, TrustList())
        for key in listed_as(found.subject, found.claims):
            kind, _, rest = key.partition(":")
            assert re.fullmatch(FORMS[kind], rest), kind
            assert subject(key, TODAY) == key
            seen.add(kind)
    assert seen >= FORMS.keys() - {"shc", "nzcp", "vds-nc", "hc1"}


@given(st.text(alphabet="vn-id:ameNguyễĐ0123456789/,;.| \t\0\u200b\ufeff<😀", max_size=60))
def test_a_line_is_a_key_of_the_doors_form_or_refused(line: str) -> None:
    try:
        key = subject(line, TODAY)
    except Unfit as problem:
        assert problem.english
        return
    kind, _, rest = key.partition(":")
    assert re.fullmatch(FORMS[kind], rest)
    assert subject(key, TODAY) == key
