"""An issuer's folder, its register, and tables of people."""

from __future__ import annotations

import json
import sqlite3
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from central.passes import issuer, issuing, people, photos, sheets
from central.passes.__main__ import main
from kiosk.credentials import parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.listing import encode as encode_listing
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.errors import ConfigError
from provisioning import authority

DAYS = people.Days(date(2026, 9, 1), date(2026, 9, 1), date(2027, 5, 31))
GOOD = "name,birth,group\nNguyễn Thị Ngọc Ánh,2012-03-04,7A2\nTrần Văn Bình,1950,7A3\n"
FAR = "2190-05-31"


def table(text: str | bytes, folder: Path = Path(), **more: bool) -> people.Table:
    data = text if isinstance(text, bytes) else text.encode()
    return people.read(data, folder, DAYS, **more)


def told(text: str) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.column) for mistake in table(text).mistakes]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Office:
    """An issuer as its command line sees it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder / "issuer", capsys
        self.out, self._csv = folder / "out", folder / "table.csv"

    def run(self, *words: object, fails: bool = False) -> str:
        """What it says, on either channel."""
        self._capsys.readouterr()
        command = [f"--issuer={self.folder}", *map(str, words)]
        if fails:
            with pytest.raises(SystemExit) as caught:
                main(command)
            assert caught.value.code == 1
        else:
            main(command)
        said = self._capsys.readouterr()
        assert bool(said.err) or not fails
        return said.err if fails else said.out

    def issue(self, text: str = GOOD, *more: object, fails: bool = False) -> str:
        self._csv.write_text(text, encoding="utf-8")
        words = ("issue", f"--csv={self._csv}", f"--out={self.out}", f"--until={FAR}", *more)
        return self.run(*words, fails=fails)

    def entries(self, *more: str) -> list[dict[str, object]]:
        return json.loads(self.run("list", "--json", *more))

    def files(self) -> list[str]:
        return sorted(file.name for file in self.out.iterdir()) if self.out.exists() else []


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    made = Office(tmp_path, capsys)
    made.run("init", "--name", "Trường THCS Tân Phú")
    return made


def test_init_makes_a_private_folder_once(office):
    assert mode(office.folder) == 0o700
    assert {p.name: mode(p) for p in office.folder.iterdir()} == dict.fromkeys(
        ("issuer.key", "issuer.json", "register.db"), 0o600
    )
    key = (office.folder / "issuer.key").read_bytes()
    assert "is not empty" in office.run("init", "--name", "Other", fails=True)
    assert (office.folder / "issuer.key").read_bytes() == key
    office.folder = office.folder / "other"
    assert "empty" in office.run("init", "--name", " ", fails=True)
    assert not office.folder.exists()


def test_issue_list_revoke_trust(office, tmp_path):
    said = office.issue()
    assert office.files() == ["passes-1-1.pdf", "passes-2-2.pdf"]
    assert mode(office.out) == 0o700
    assert {mode(file) for file in office.out.iterdir()} == {0o600}
    assert "7A2, 1 pass\n" in said
    first, second = office.entries()
    assert (first["number"], first["name"], first["birth"]) == (
        1,
        "Nguyễn Thị Ngọc Ánh",
        "2012-03-04",
    )
    assert (second["group"], second["valid_until"]) == ("7A3", FAR)
    assert [e["number"] for e in office.entries("--group", "7A3")] == [2]
    assert "Trần Văn Bình" in office.run("list")

    office.run("revoke", 2, "--why", "[lost] in the market")
    document = tmp_path / "trust.json"
    office.run("trust", f"--out={document}")
    signer = issuer.load(office.folder)
    for number, revoked in ((1, False), (2, True)):
        made = Pass(id=number, name="Lê Ba", birth="", group="", first=DAYS.first, last=DAYS.today)
        found = parse(encode(made, signer.key), parse_trust(document.read_bytes()))
        assert (found.signed, found.revoked) == ("valid", revoked)
        assert found.issuer == "Trường THCS Tân Phú"
    assert b"B\xc3\xacnh" not in document.read_bytes()
    assert "[lost] in the" in office.run("list")
    assert "2: was revoked before" in office.run("revoke", 2, "--why", "again")
    assert office.entries()[1]["revoked_why"] == "[lost] in the market"


def test_nothing_is_revoked_when_a_number_is_wrong(office):
    office.issue()
    assert "number 3" in office.run("revoke", 1, 3, "--why", "lost", fails=True)
    assert [e["revoked_at"] for e in office.entries()] == [None, None]
    assert "--why" in office.run("revoke", 1, "--why", " ", fails=True)


def test_the_fleet_signs_what_trust_wrote_and_several_are_one(office, tmp_path):
    authority.init_fleet(tmp_path / "fleet", ["localhost"])
    office.issue()
    office.run("revoke", 1, "--why", "lost")
    office.run("trust", f"--out={tmp_path / 'trust.json'}")
    one = parse_listing((tmp_path / "trust.json").read_bytes())
    authority.sign(tmp_path / "fleet", "trust", (tmp_path / "trust.json").read_bytes(), 2)
    other = issuer.create(tmp_path / "other", "Phường Tân Phú")
    both = one + parse_listing(other.trust([]))
    assert {i.issuer for i in both.issuers} == {"Trường THCS Tân Phú", "Phường Tân Phú"}
    assert [r.ids for r in both.revoked] == [["1"]]


def test_a_trust_list_is_looked_through_before_it_is_signed(office, tmp_path):
    file = tmp_path / "trust.json"
    office.issue()
    office.run("revoke", 1, 2, "--why", "lost")
    printed = office.run("trust", f"--out={file}").partition("\n")[2]
    assert office.run("check", file) == printed + "revoked      2\n"
    good = parse_listing(file.read_bytes())
    key, other = good.issuers[0], issuer.create(tmp_path / "other", "Other")
    stranger = parse_listing(other.trust([])).issuers[0]
    for issuers, revoked in (
        ([key, stranger], []),
        ([], good.revoked),
        ([replace(key, format="nzcp")], []),
        ([replace(key, kid=stranger.kid)], []),
        ([replace(key, key=b"x")], []),
        ([key], [Revoked(format="door_pass", kid=stranger.kid)]),
        ([key], [Revoked(format="door_pass", ids=["1"])]),
        ([key], [Revoked(format="hc1", kid=key.kid)]),
    ):
        file.write_bytes(encode_listing(Listing(issuers, revoked)))
        office.run("check", file, fails=True)


def test_the_same_person_again_gets_a_new_number_and_it_says_so(office):
    office.issue()
    said = office.issue("name,birth,group\nNGUYỄN THỊ NGỌC ÁNH,4/3/2012,8A2\nLê Ba,,8A2\n")
    assert "line 2: new number 3; the same person has 1," in said
    assert "line 3" not in said
    office.run("revoke", 1, 3, "--why", "lost")
    assert "line 2: new" not in office.issue("name,birth,group\nNguyễn Thị Ngọc Ánh,2012-03-04,8A2")


def test_one_wrong_line_and_nothing_is_issued(office):
    said = office.issue(GOOD + "Phạm Hương,31/2/2012,7A2\n,2012,7A2\n", fails=True)
    assert "dòng 4, cột Ngày sinh" in said
    assert "line 4, column birth: not a date" in said
    assert "line 5, column name: empty" in said
    assert "nothing was issued" in said
    assert "Phạm" not in said
    assert "31/2" not in said
    assert office.files() == []
    assert office.entries() == []


def test_a_failure_while_drawing_leaves_nothing(office, monkeypatch):
    office.issue()
    drawn = []

    def card(pen: object, issuer: str, card: sheets.Card) -> None:
        drawn.append(card.number)
        if len(drawn) == 2:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sheets, "_card", card)
        text = "name,birth,group\nVũ Một,2001,A\nVũ Hai,2002,B\n"
        assert "No space left" in office.issue(text, fails=True)
    assert drawn == [3, 4]
    assert office.files() == ["passes-1-1.pdf", "passes-2-2.pdf"]
    assert len(office.entries()) == 2


def test_no_sheet_is_overwritten(office):
    office.out.mkdir()
    (office.out / "passes-1-1.pdf").write_bytes(b"another issuer's")
    assert "not overwritten" in office.issue(fails=True)
    assert (office.out / "passes-1-1.pdf").read_bytes() == b"another issuer's"
    assert office.files() == ["passes-1-1.pdf"]
    assert office.entries() == []


def test_names_are_in_register_and_sheets_alone(office):
    said = office.issue()
    assert "Ánh" not in said
    assert not any("nh" in name for name in office.files())
    holding = [p.name for p in office.folder.iterdir() if "Ngọc Ánh".encode() in p.read_bytes()]
    assert holding == ["register.db"]


def test_folders_that_cannot_be_used(office, tmp_path):
    key = office.folder / "issuer.key"
    key.chmod(0o644)
    assert "chmod 600" in office.issue(fails=True)
    key.chmod(0o600)
    about = (office.folder / "issuer.json").read_text()
    kid = issuer.load(office.folder).public.kid
    (office.folder / "issuer.json").write_text(about.replace(kid, "00000000"))
    assert f"about key 00000000, the key is {kid}" in office.issue(fails=True)
    (office.folder / "issuer.json").write_text(about)
    (office.folder / "register.db").write_bytes(b"no database, and far from one" * 40)
    assert "cannot be used" in office.run("list", fails=True)
    (office.folder / "register.db").unlink()
    assert "--issuer" in office.run("list", fails=True)
    assert not (office.folder / "register.db").exists()
    key.write_bytes(b"nonsense")
    assert "no private key" in office.issue(fails=True)
    office.folder = tmp_path / "none"
    assert "--issuer" in office.issue(fails=True)


def test_a_register_of_a_later_version_is_refused(office):
    database = sqlite3.connect(office.folder / "register.db")
    database.execute("PRAGMA user_version = 9")
    database.close()
    assert "version 9" in office.run("list", fails=True)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", ";"),
        "sep=;\r\n" + GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("name,birth,group", "Họ và tên,Ngày sinh,Lớp/Tổ"),
        GOOD.replace("name,birth,group", "HỌ VÀ TÊN, ngày sinh ,Lớp"),
        GOOD.replace("2012-03-04", "4/3/2012"),
        GOOD.replace("2012-03-04", "04.03.2012"),
        GOOD.replace("Nguyễn Thị Ngọc Ánh", '"Nguyễn  Thị\nNgọc Ánh"'),
        GOOD.replace("Ánh", "A\u0301nh"),
        GOOD + ",,\n\n",
    ],
)
def test_tables_as_people_keep_them(text):
    found = table(text)
    assert found.mistakes == []
    assert [(who.name, who.birth, who.group) for who in found.people] == [
        ("Nguyễn Thị Ngọc Ánh", "2012-03-04", "7A2"),
        ("Trần Văn Bình", "1950", "7A3"),
    ]
    assert {(who.first, who.last) for who in found.people} == {(DAYS.first, DAYS.last)}


def test_days_of_their_own_and_columns_that_are_not_used():
    text = "STT,Họ tên,Ngày sinh,Tổ,Từ ngày,Đến ngày\n1,Lê Ba,,Tổ 3,1/10/2026,2026-12-31\n"
    found = table(text)
    assert found.mistakes == []
    assert found.unused == [1]
    (who,) = found.people
    assert (who.birth, who.first, who.last) == ("", date(2026, 10, 1), date(2026, 12, 31))


HEAD = "name,birth,group,valid_from,valid_until\n"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name,birth\nLê Ba,2012\n", [(1, "group")]),
        ("", [(1, "name"), (1, "birth"), (1, "group")]),
        ("name,birth,group,họ tên\n", [(1, "name")]),
        ("name,birth,group\n\n", [(2, "")]),
        (HEAD + "Lê Ba,2012,7A2,,,x\n", [(2, "")]),
        (HEAD + "Lê Ba,12/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,4-3/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,4/3/12,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,2/9/2026,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,0/9/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,2012,7A2,1/13/2026,\n", [(2, "valid_from")]),
        (HEAD + "Lê Ba,2012,7A2,1/12/2026,30/11/2026\n", [(2, "valid_until")]),
        (HEAD + "Lê Ba,2012,7A2,1/1/2026,31/8/2026\n", [(2, "valid_until")]),
        (HEAD + "Lê Ba,2012," + "x" * 41, [(2, "group")]),
        (HEAD + "x" * 162 + ",2012,7A2", [(2, "name")]),
        (HEAD + '"Lê\nBa",2012,7A2\n,2012,7A2\n', [(4, "name")]),
        (HEAD + "Lê Ba,2012,7A2\nVũ,2012,7A2\nLÊ BA,2012,7A2\n", [(4, "name")]),
        (HEAD + "Lê Ba,3/4/2012,7A2\nLê Ba,2012-04-03,7A3\n", [(3, "name")]),
        (HEAD + "Lê Ba,2012,7A2\nLê Ba,2012,7A3\n", []),
        ("sep=;\nname;birth;group\nLê Ba;x;7A2\n", [(3, "birth")]),
    ],
)
def test_mistakes_are_named_by_line_and_column(text, where):
    assert told(text) == where


def test_without_a_last_day_each_line_names_one():
    found = people.read(GOOD.encode(), Path(), DAYS._replace(last=None))
    assert [(m.line, m.column) for m in found.mistakes] == [(2, "valid_until"), (3, "valid_until")]


def test_two_people_of_one_name_when_it_is_meant():
    text = HEAD + "Lê Ba,,7A2\nLê Ba,,7A2\n"
    assert told(text) == [(3, "name")]
    assert len(table(text, twice=True).people) == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (GOOD.encode("utf-16"), "dòng 1: không phải UTF-8"),
        (b"name,birth,group\nL\xea Ba,2012,7A2\n", "line 2: not UTF-8"),
        (b'name,birth,group\n"Ba" x,2012,7A2\n', "line 2: a quotation mark"),
        (b"x" * (people.MAX_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_table(data, says):
    with pytest.raises(ConfigError, match=says):
        table(data)


def test_what_a_pass_cannot_hold(tmp_path):
    signer = issuer.create(tmp_path / "issuer", "Phường Tân Phú")
    text = (
        "name,birth,group\nLê Ba,2012,7A2\n王小明,2012,7A2\nLê Ba,2012,組\n"
        + "Ệ" * 100
        + ",2012,7A2\n"
    )
    found = table(text)
    assert found.mistakes == []
    where = [(m.line, m.column) for m in issuing.check(found.people, signer)]
    assert where == [(3, "name"), (4, "group"), (5, "name")]


def test_photos_are_cut_to_size_and_stripped(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "somebody's name"
    picture = Image.new("RGB", (1200, 900), "white")
    picture.paste((255, 0, 0), (0, 0, 600, 900))  # left: on top when turned
    picture.save(tmp_path / "one.jpg", exif=exif)
    made = photos.portrait(tmp_path / "one.jpg")
    assert b"somebody" not in made
    (tmp_path / "made.jpg").write_bytes(made)
    with Image.open(tmp_path / "made.jpg") as small:
        assert small.size == (photos.WIDTH, photos.HEIGHT)
        assert small.getpixel((177, 40))[1] < 60 < 200 < small.getpixel((177, 430))[1]


def test_photos_that_cannot_be_used_are_mistakes(tmp_path):
    Image.new("L", (300, 400)).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_bytes(b"not a picture")
    Image.new("1", (10_000, 7_000)).save(tmp_path / "huge.png")
    names = ("good.png", "none.jpg", "cut.png", "text.jpg", "huge.png", "")
    rows = [f"Vũ {n},2012,7A2,{name}" for n, name in enumerate(names)]
    found = table("name,birth,group,photo\n" + "\n".join(rows), tmp_path)
    assert [(m.line, m.column) for m in found.mistakes] == [(n, "photo") for n in (3, 4, 5, 6)]
    assert "good.png" not in str(found.mistakes[0])
    assert [who.photo for who in found.people] == [tmp_path / "good.png", None]


def test_a_long_group_goes_into_several_files(office, monkeypatch):
    monkeypatch.setattr(issuing, "_PAGES_A_FILE", 1)
    rows = "".join(f"Vũ {n},2012,{'A' if n % 8 else 'B'}\n" for n in range(8))
    office.issue("name,birth,group\n" + rows)
    assert office.files() == ["passes-1-1.pdf", "passes-2-7.pdf", "passes-8-8.pdf"]
    assert [e["group"] for e in office.entries()] == ["B"] + ["A"] * 7


def test_the_largest_payload_still_has_modules_of_nine_tenths_of_a_millimetre(tmp_path):
    signer = issuer.create(tmp_path / "issuer", "Phường Tân Phú")
    start = datetime(2026, 9, 1, tzinfo=UTC).date()
    sizes = set()
    for length in range(1, 60):
        who = people.Person(2, "Ệ" * length, "", "7A2", start, start, None)
        if not issuing.check([who], signer):
            sizes.add(length)
    assert max(sizes) >= 35  # three bytes each
    assert sheets.code(b"A" * sheets.PAYLOAD_MAX).shape == (57, 57)
    assert sheets.code(b"A" * (sheets.PAYLOAD_MAX + 1)).shape == (61, 61)
