"""An office from day to day: a class is not doubled, what is lost is replaced, and it is said."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from PIL import Image
from test_passes import FAR, GOOD, office

from central.passes import issuer
from central.passes.__main__ import main

__all__ = ["office"]  # a fixture


def test_a_class_is_not_issued_twice_unless_it_is_meant(office):
    office.issue()
    text = "name,birth,group\nNGUYỄN THỊ NGỌC ÁNH,4/3/2012,8A2\nLê Ba,,8A2\n"
    said = office.issue(text, fails=True)
    assert "dòng 2: đã có thẻ 1 còn giá trị / line 2: has pass 1, which is still valid" in said
    assert "replace" in said
    assert "line 3" not in said
    assert len(office.entries()) == 2
    assert office.files() == ["passes-1-1.pdf", "passes-2-2.pdf"]

    said = office.issue(text, "--again")
    assert "line 2: new number 3; the same person has 1," in said
    assert "line 3" not in said
    office.run("revoke", 1, 3, "--why", "lost")
    assert "line 2: new" not in office.issue("name,birth,group\nNguyễn Thị Ngọc Ánh,2012-03-04,8A2")


def test_a_lost_pass_is_replaced_in_one_step(office):
    office.issue()
    said = office.run("replace", 1, "--why", "mất thẻ", f"--out={office.out}")
    assert "thẻ 1: đã thu hồi, thay bằng thẻ 3 / 1: revoked, now 3" in said
    assert "trust --out" in said
    old, _, new = office.entries()
    assert old["revoked_why"] == "mất thẻ"
    same = ("name", "birth", "group", "valid_until")
    assert [new[key] for key in same] == [old[key] for key in same]
    assert new["revoked_at"] is None
    assert "passes-3-3.pdf" in office.files()
    said = office.run("replace", 1, "--why", "again", f"--out={office.out}", fails=True)
    assert "the same person has 3, still valid" in said
    assert len(office.entries()) == 3
    office.run("revoke", 3, "--why", "gone")
    office.run("replace", 3, "--why", "found", f"--out={office.out}", "--until=1/6/2191")
    assert office.entries()[3]["valid_until"] == "2191-06-01"
    assert office.entries()[2]["revoked_why"] == "gone"


def test_a_replacement_that_fails_changes_nothing(office, tmp_path):
    office.issue()
    before = office.entries(), office.files()
    words = ("replace", 1, 2, "--why", "lost", f"--out={office.out}")
    (office.out / "passes-4-4.pdf").write_bytes(b"in the way of the second one")
    assert "not overwritten" in office.run(*words, fails=True)
    (office.out / "passes-4-4.pdf").unlink()
    assert "number 9" in office.run(*words[:2], 9, *words[3:], fails=True)
    assert "--photo" in office.run(*words, f"--photo={tmp_path}/one.jpg", fails=True)
    alone = ("replace", 1, *words[3:])
    assert "no such file" in office.run(*alone, f"--photo={tmp_path}/one.jpg", fails=True)
    assert "--until is before" in office.run(*alone, "--until=1/1/2020", fails=True)
    assert (office.entries(), office.files()) == before


def test_a_replacement_may_bring_a_photo(office, tmp_path):
    office.issue()
    Image.new("L", (300, 400)).save(tmp_path / "one.png")
    words = ("--why", "lost", f"--out={office.out}", f"--photo={tmp_path}/one.png")
    office.run("replace", 2, *words)
    assert b"/Image" in (office.out / "passes-3-3.pdf").read_bytes()


def test_ranges_and_groups_are_revoked_at_once(office):
    rows = "".join(f"Vũ {chr(65 + n) * 2},2012,{'7A' if n < 4 else '7B'}\n" for n in range(6))
    office.issue("name,birth,group\n" + rows)
    said = office.run("revoke", "2-3", 3, 6, "--why", "lost")
    assert [line.partition(":")[0] for line in said.splitlines()[:3]] == ["2", "3", "6"]
    office.run("revoke", "--group", "7A", "--why", "moved")
    why = [entry["revoked_why"] for entry in office.entries()]
    assert why == ["moved", "lost", "lost", "moved", None, "lost"]
    assert "has: 7A, 7B" in office.run("revoke", "--group", "7A", "--why", "x", fails=True)
    assert "has: 7A, 7B" in office.run("list", "--group", "7C", fails=True)
    for wrong in ((), (5, "--group", "7B")):
        assert "or --group" in office.run("revoke", *wrong, "--why", "x", fails=True)
    assert "number 7" in office.run("revoke", "5-7", "--why", "x", fails=True)
    assert office.entries()[4]["revoked_why"] is None


@pytest.mark.parametrize("number", ["7A", "20-14", "1-999999", "-3", "1-2-3", ""])
def test_what_is_no_number_of_a_pass(office, number, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["revoke", "--why=x", "--", number])
    assert caught.value.code == 2
    assert "14-20" in capsys.readouterr().err


def test_days_are_given_as_people_write_them(office, capsys):
    office.run("issue", f"--csv={office.csv(GOOD)}", f"--out={office.out}", "--until=31/5/2190")
    assert office.entries()[0]["valid_until"] == FAR
    for wrong in ("31/5/27", "2190-02-30", "tomorrow"):
        with pytest.raises(SystemExit) as caught:
            main(["issue", "--csv=x", "--out=y", f"--until={wrong}"])
        assert caught.value.code == 2
        assert "--until" in capsys.readouterr().err


def test_the_first_time_it_says_that_no_door_knows_the_issuer(office):
    assert "no door knows it yet" in office.issue()
    assert "no door" not in office.issue("name,birth,group\nLê Ba,2012,7A2\n")


def test_names_that_are_one_without_diacritics_are_told(office):
    rows = "Nguyễn Văn Hùng,5/9/2014,3A\nNguyễn Văn Hưng,5/9/2014,3B\nLê Ba,5/9/2014,3A\n"
    said = office.issue("name,birth,group\n" + rows)
    assert "line 2: same birth, and same name but for diacritics, as line 3;" in said
    assert "line 3: same birth, and same name but for diacritics, as line 2;" in said
    assert "line 4" not in said
    said = office.issue("name,birth,group\nNguyễn Văn Hứng,2014-09-05,3C\nLê Bà,2014,3A\n")
    assert "as pass 1, 3;" in said or "as pass 1, 2;" in said
    assert "line 3" not in said
    assert "Nguyễn" not in said
    office.run("revoke", "1-4", "--why", "moved")
    assert "same birth" not in office.issue("name,birth,group\nNguyễn Văn Hựng,2014-09-05,3C\n")


def test_what_is_left_out_of_a_table_is_told(office):
    office.issue("Danh sách\nSTT,name,birth,group\n1,Lê Ba,2012,7A2\nTổng số: 1\n")
    assert "cột không dùng / columns not used: 1 (STT)" in office.noticed
    assert "lines that are no people: 1, 4" in office.noticed


def test_a_reader_that_leaves_is_no_error(office):
    with issuer.register(office.folder) as register, register.changing():
        for _ in range(3000):
            register.add("Vũ An", "2012", "7A", ("2026-09-01", FAR), datetime.now(UTC))
    # Unbuffered, Python drops what did not fit into a pipe, and nothing is noticed.
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    for words in (("list", "--json"), ("list",)):
        command = [sys.executable, "-m", "central.passes", f"--issuer={office.folder}", *words]
        pipe = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered
        )
        pipe.stdout.read(10)
        pipe.stdout.close()
        said = pipe.stderr.read()
        pipe.stderr.close()
        assert (pipe.wait(60), said) == (1, b"")


def test_every_message_is_vietnamese_first(office, capsys):
    """But for what argparse and the operating system say."""
    said = [office.run("init", "--name", "X", fails=True), office.issue()]
    said += [office.issue(fails=True), office.issue("", fails=True), office.run("list")]
    said += [office.run("revoke", 9, "--why", "x", fails=True), office.run("revoke", 2, "--why=x")]
    said += [office.run("trust", f"--out={office.out}/t"), office.run("check", office.out / "t")]
    for line in "".join(said).splitlines():
        if " / " in line:
            vietnamese, _, english = line.partition(" / ")
            assert not vietnamese.isascii(), line
            assert english
        else:
            assert line.startswith(("number", "số", "1", "2", " ", str(office.out))), line
    with pytest.raises(SystemExit):
        main(["issue", "--help"])
    assert "cấp thêm cho người đang có thẻ" in capsys.readouterr().out
