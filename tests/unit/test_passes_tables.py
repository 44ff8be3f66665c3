"""Tables as offices keep them, read for passes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from central.passes import people, photos, tables
from kiosk.errors import ConfigError

DAYS = people.Days(date(2026, 9, 1), date(2026, 9, 1), date(2027, 5, 31))
GOOD = "name,birth,group\nNguyễn Thị Ngọc Ánh,2012-03-04,7A2\nTrần Văn Bình,1950,7A3\n"


def table(text: str | bytes, folder: Path = Path(), **more: bool) -> people.People:
    data = text if isinstance(text, bytes) else text.encode()
    return people.read(data, folder, DAYS, **more)


def told(text: str) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.column) for mistake in table(text).mistakes]


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
        GOOD.replace("name,birth,group", "Họ và tên học sinh,Ngày sinh (dd/mm/yyyy),Lớp học"),
        GOOD.replace("name,birth,group", 'HỌ TÊN HS,"Ngày, tháng, năm sinh",Lớp'),
        "TRƯỜNG THCS TÂN PHÚ,,\nDANH SÁCH HỌC SINH; LỚP 7,,\n,,\n" + GOOD,
        GOOD + 'Tổng số: 2,,\n,,\n,"Hà Nội, ngày 5 tháng 9 năm 2026",\nHiệu trưởng,,\n',
        GOOD.replace("name,birth,group", "name,birth,group\nname,birth,group"),
        GOOD.replace("2012-03-04", "2012-03-04 00:00:00"),
        GOOD.replace("2012-03-04", "04/03/2012 12:00:00 AM"),
        GOOD.replace("2012-03-04", "4 / 3 / 2012"),
        "Họ đệm;Tên;Ngày sinh;Lớp\nNguyễn Thị Ngọc;Ánh;4/3/2012;7A2\nTrần Văn;Bình;1950;7A3\n",
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
    assert found.unused == {1: "STT"}
    (who,) = found.people
    assert (who.birth, who.first, who.last) == ("", date(2026, 10, 1), date(2026, 12, 31))


HEAD = "name,birth,group,valid_from,valid_until\n"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name,birth\nLê Ba,2012\n", [(1, "group")]),
        ("", [(1, "")]),
        ("Lê Ba,2012,7A2\nVũ An,2012,7A2\n", [(1, "")]),
        ("Tên,Ngày sinh,Lớp\nAn,2012,7A2\n", [(1, "family")]),
        ("Họ đệm,Ngày sinh,Lớp\nLê,2012,7A2\n", [(1, "given")]),
        ("Họ đệm,Tên,Ngày sinh,Lớp\nLê,,2012,7A2\n", [(2, "given")]),
        ("Họ và tên,,Ngày sinh,Lớp\nLê,Ba,2012,7A2\n", [(1, "name")]),
        ("Danh sách lớp 7A2\n\nHọ tên,Lớp\nLê Ba,7A2\n", [(3, "birth")]),
        ("name,birth,group,họ tên\n", [(1, "name")]),
        ("name,birth,group\n\n", [(1, "")]),
        (HEAD + "Lê Ba,2012,7A2,,,x\n", [(2, "")]),
        (HEAD + "Lê Ba,12/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,4-3/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,4/3/12,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,40972,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,4/3/0012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,2012-03-04 07:00:00,7A2\n", [(2, "birth")]),
        (HEAD + "=HYPERLINK(A1),2012,7A2\n", [(2, "name")]),
        (HEAD + "Lê Ba 😀,2012,7A2\n", [(2, "name")]),
        (HEAD + "Lê Ba 2,2012,7A2\n", [(2, "name")]),
        (HEAD + "-,2012,7A2\n", [(2, "name")]),
        (HEAD + "Lê Ba,2012,=7A2\n", [(2, "group")]),
        (HEAD + "Lê Ba,2012,7A2 ★\n", [(2, "group")]),
        (HEAD + "Tổng số: 2,2012,7A2\n", [(2, "name")]),
        (HEAD + "Hà,3/25/2012,7A2\nLê,3/4/2012,7A2\n", [(2, "birth"), (1, "birth")]),
        (HEAD + "Lê Ba,2/9/2026,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,0/9/2012,7A2\n", [(2, "birth")]),
        (HEAD + "Lê Ba,2012,7A2,1/13/2026,\n", [(2, "valid_from"), (1, "valid_from")]),
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


def said(text: str) -> str:
    return "\n".join(map(str, table(text).mistakes))


def test_a_missing_column_tells_what_was_found_and_what_is_allowed():
    words = said("Danh sách,,\nSTT,Họ tên,Khối\n1,Lê Ba,7\n")
    assert "bảng có: STT, Họ tên, Khối" in words
    assert "tiêu đề được dùng: Ngày sinh, Ngày tháng năm sinh, Năm sinh" in words
    assert "allowed: Lớp/Tổ, Lớp, Lớp học" in words
    assert "Lê Ba" not in words
    assert "Lê Ba" not in said("Lê Ba,2012,7A2\n")


@pytest.mark.parametrize(
    ("birth", "says"),
    [("4/3/12", "bốn chữ số"), ("40972", "số ngày của Excel"), ("30/2/2012", "trong lịch")],
)
def test_a_date_that_cannot_be_read_says_why(birth, says):
    assert says in said(f"{HEAD}Lê Ba,{birth},7A2\n")
    assert birth not in said(f"{HEAD}Lê Ba,{birth},7A2\n")


def test_american_dates_are_a_matter_of_the_whole_column():
    rows = "Lê A,3/25/2012,7A2\nLê B,3/4/2012,7A2\nLê C,12/31/2012,7A2\n"
    words = said(HEAD + rows)
    assert "dòng 1, cột Ngày sinh: 2 dòng chỉ đúng theo thứ tự tháng/ngày/năm" in words
    assert "format the whole column" in words
    assert "line 3" not in words


def test_lines_that_are_no_people_are_told():
    found = table("Trường THCS Tân Phú,,\n,,\n" + GOOD + ",Tổng cộng: 2,\n")
    assert found.skipped == [1, 6]
    assert [who.line for who in found.people] == [4, 5]


@pytest.mark.parametrize("name", ["Tống Văn An", "Tong So Anh", "Nam", "Nữ Thị An", "Ngày Thị Năm"])
def test_people_whose_names_look_like_a_sum_are_people(name):
    assert [who.name for who in table(f"{HEAD}{name},2012,7A2\n").people] == [name]


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
        (HEAD.encode() + b'"' + b"x" * 140_000, "line 2: a cell of more than 131072 characters"),
        (b"PK\x03\x04" + bytes(30), "CSV UTF-8"),
        (b"x" * (tables.MAX_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_table(data, says):
    with pytest.raises(ConfigError, match=says):
        table(data)


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
    rows = [f"Vũ {chr(65 + n)},2012,7A2,{name}" for n, name in enumerate(names)]
    found = table("name,birth,group,photo\n" + "\n".join(rows), tmp_path)
    assert [(m.line, m.column) for m in found.mistakes] == [(n, "photo") for n in (3, 4, 5, 6)]
    assert "good.png" not in str(found.mistakes[0])
    assert [who.photo for who in found.people] == [tmp_path / "good.png", None]


@given(st.text(alphabet="nameHọtêbirgoup,;\t\"'\n\r\0=0123456789/-\u200b😀 ", max_size=200))
def test_whatever_is_in_a_file_it_is_read_or_refused_with_words(text):
    for data in (text, GOOD + text, HEAD + text):
        try:
            found = table(data)
        except ConfigError as error:
            assert str(error)
        else:
            assert found.people or found.mistakes
