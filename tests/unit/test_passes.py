"""An issuer's folder and its register, at the command line of an office."""

from __future__ import annotations

import json
import sqlite3
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from central.passes import issuer, issuing, people, sheets
from central.passes.__main__ import main
from kiosk.credentials import parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.listing import encode as encode_listing
from kiosk.credentials.lists import parse_listing, parse_trust
from provisioning import authority

DAYS = people.Days(date(2026, 9, 1), date(2026, 9, 1), date(2027, 5, 31))
GOOD = "name,birth,group\nNguyễn Thị Ngọc Ánh,2012-03-04,7A2\nTrần Văn Bình,1950,7A3\n"
FAR = "2190-05-31"


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
        self.noticed = said.err
        return said.err if fails else said.out

    def csv(self, text: str) -> Path:
        self._csv.write_text(text, encoding="utf-8")
        return self._csv

    def issue(self, text: str = GOOD, *more: object, fails: bool = False) -> str:
        file = self.csv(text)
        words = ("issue", f"--csv={file}", f"--out={self.out}", f"--until={FAR}", *more)
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
    assert "7A2, 1 thẻ / 1 pass\n" in said
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
    assert "was revoked before" in office.run("revoke", 2, "--why", "again")
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
    assert office.run("check", file) == printed + "thu hồi / revoked     2\n"
    good = parse_listing(file.read_bytes())
    whole = Revoked(format="door_pass", kid=good.issuers[0].kid)
    for revoked, says in (
        ([*good.revoked, whole], "tất cả / all"),
        ([*good.revoked, replace(whole, ids=["002", "3"])], "3"),
    ):
        file.write_bytes(encode_listing(Listing(good.issuers, revoked)))
        assert office.run("check", file).endswith(f"thu hồi / revoked     {says}\n")
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


def test_one_wrong_line_and_nothing_is_issued(office):
    said = office.issue(GOOD + "Phạm Hương,31/2/2012,7A2\n,2012,7A2\n", fails=True)
    assert "dòng 4, cột Ngày sinh" in said
    assert "line 4, column birth: no such day" in said
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


def test_what_a_pass_cannot_hold(tmp_path):
    signer = issuer.create(tmp_path / "issuer", "Phường Tân Phú")
    text = (
        "name,birth,group\nLê Ba,2012,7A2\n王小明,2012,7A2\nLê Ba,2012,組\n"
        + "Ệ" * 100
        + ",2012,7A2\n"
    )
    found = people.read(text.encode(), Path(), DAYS)
    assert found.mistakes == []
    where = [(m.line, m.column) for m in issuing.check(found.people, signer)]
    assert where == [(3, "name"), (4, "group"), (5, "name")]


def test_a_long_group_goes_into_several_files(office, monkeypatch):
    monkeypatch.setattr(issuing, "_PAGES_A_FILE", 1)
    rows = "".join(f"Vũ {chr(65 + n)},2012,{'A' if n % 8 else 'B'}\n" for n in range(8))
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
