"""`kioskctl policy`, as a health officer meets it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from test_ctl import PERSONAL, quickly, site

from demo.crowd import make_crowd
from kiosk.signed import sign
from provisioning.certificates import public_pem

__all__ = ["site"]  # the fixture

TREE = Path(__file__).parents[2]
KHANH_HOA = TREE / "config/policies/khanh-hoa.toml"
CARD = "099199000001|990000001|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021".encode()
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def explained(*words: object, stdin: bytes) -> tuple[int, dict[str, Any]]:
    done = quickly("policy", "explain", "--json", *words, stdin=stdin)
    told: dict[str, Any] = json.loads(done.out)
    return done.status, told


def test_check_tells_what_a_policy_says_in_both_languages() -> None:
    done = quickly("policy", "check", KHANH_HOA)
    assert done.status == 0
    vietnamese, _, english = done.out.partition(f"\n{KHANH_HOA}: no mistakes\n")
    assert vietnamese.startswith(
        f"{KHANH_HOA}: không có lỗi\nChữ ký: chưa ký\n\nThẻ màu Khánh Hòa, phiên bản 1\n"
    )
    assert english.startswith("signature: not signed\n\nPass colours of Khanh Hoa, version 1\n")
    assert "\n  1. xanh: có ít nhất 2 mũi; mũi 2 đã qua ít nhất 14 ngày\n" in vietnamese
    assert "\n  red: fail\n" in english
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("order", [("{}", "--lang", "vi"), ("--lang", "vi", "{}")])
def test_words_may_stand_in_any_order(order: tuple[str, ...]) -> None:
    done = quickly("policy", "check", *(word.format(KHANH_HOA) for word in order))
    assert done.status == 0
    assert "Loại mã được chấp nhận" in done.out
    assert "Kinds of codes" not in done.out


@pytest.mark.parametrize("order", [("{}", "--json"), ("--json", "{}")])
def test_check_for_machines(order: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(KHANH_HOA.read_text().replace('forged = "fail"', 'forged = "pass"'))
    done = quickly("policy", "check", *(word.format(path) for word in order))
    told = json.loads(done.out)
    assert (done.status, told["mistakes"], told["version"]) == (0, [], 1)
    assert told["doubts"]["en"] == [
        'forged = "pass" lets in: The signature does not fit the content, or the signer may not'
        " sign such."
    ]
    assert told["says"]["vi"]["Ghi nhận"]
    path.write_text("[accept]")
    done = quickly("policy", "check", *(word.format(path) for word in order))
    assert done.status == 1
    mistake = json.loads(done.out)["mistakes"][0]
    assert mistake == {"vi": "thiếu mục [answer]", "en": "section [answer] is missing"}


def test_check_tells_every_mistake_with_its_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    text = KHANH_HOA.read_text().replace("doses_at_least = 2", "doses_at_lest = 2")
    wrong.write_text(text.replace('yellow = "warn"', 'yellow = "orange"'))
    for language, begin, told in (
        ("en", f"{wrong}: 2 mistakes\n- ", 'doses_at_lest is not known; did you mean "doses_at_'),
        ("vi", f"{wrong}: 2 lỗi\n- ", 'không có khóa [[colour]] 1 doses_at_lest; có phải "doses_'),
    ):
        done = quickly("policy", "check", wrong, "--lang", language)
        assert done.status == 1
        said = " ".join(done.out.split())
        assert done.out.startswith(begin)
        assert '[colours] yellow = "orange"; ' in said
        assert told in said
    done = quickly("policy", "check", tmp_path / "absent.toml")
    assert done.status == 78
    assert f"cannot read {tmp_path / 'absent.toml'}: No such file" in done.err


def test_check_reads_a_signed_policy_and_says_what_of_it_was_checked(tmp_path: Path) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    for name, private in (("fleet-sign.pub", key), ("other.pub", other)):
        (tmp_path / name).write_bytes(public_pem(private))
    document = tmp_path / "policy.signed"
    document.write_bytes(sign(key, "policy", 1, KHANH_HOA.read_bytes()))

    def said(*words: object) -> tuple[int, str]:
        done = quickly("policy", "check", document, "--lang", "en", *words)
        return done.status, done.out + done.err

    status, told = said()
    assert (status, "signature: there is one, not checked" in told) == (0, True)
    status, told = said("--key", tmp_path / "fleet-sign.pub")
    assert (status, "signature: it holds, and is of this key" in told) == (0, True)
    status, told = said("--key", tmp_path / "other.pub")
    assert (status, "it is signed with key" in told) == (1, True)
    status, told = said("--key", tmp_path / "absent.pub")
    assert (status, "cannot read" in told) == (78, True)
    status, told = said("--key", KHANH_HOA)
    assert (status, "not a public key in PEM" in told) == (78, True)
    document.write_bytes(sign(key, "policy", 2, KHANH_HOA.read_bytes()))
    status, told = said()
    assert (status, "version = 1, and it was signed as version 2" in told) == (1, True)
    document.write_bytes(sign(key, "trust", 1, b"{}"))
    status, told = said()
    assert (status, "a signed document of kind trust, expected policy" in told) == (1, True)
    document.write_bytes(KHANH_HOA.read_bytes())
    status, told = said("--key", tmp_path / "fleet-sign.pub")
    assert (status, "it is not signed" in told) == (1, True)


def test_check_and_explain_take_what_they_need(site: Path) -> None:
    assert quickly("policy").status == 2
    assert quickly("policy", "check").status == 2
    assert quickly("policy", "explain", "--inside", "-1").status == 2
    assert quickly("policy", "explain", "--since", "soon").status == 2
    assert quickly("policy", "explain", "--risk-level", "none").status == 2
    done = quickly("policy", "explain", KHANH_HOA, "--config", site)
    assert (done.status, "no picture that can be read" in done.err) == (1, True)


def test_the_configuration_may_be_named_at_any_level(site: Path) -> None:
    for words in (
        ("--config", site, "policy", "explain"),
        ("policy", "--config", site, "explain"),
        ("policy", "explain", "--config", site),
    ):
        done = quickly(*words, "--lang", "en", stdin=PERSONAL)
        assert (done.status, done.err) == (0, "")


def test_explain_agrees_with_verify_on_every_visitor(site: Path, tmp_path: Path) -> None:
    crowd = make_crowd(7, NOW.timestamp())
    trust = tmp_path / "trust.json"
    trust.write_bytes(crowd.trust)
    by = ("--config", site, "--trust", trust, "--policy", KHANH_HOA, "--at", NOW.isoformat())
    colours = set()
    for visitor in crowd.visitors:
        if visitor.payload is None:
            continue
        status, why = explained(*by, stdin=visitor.payload)
        done = quickly("verify", "--json", *by, stdin=visitor.payload)
        answer = json.loads(done.out)
        assert status == done.status
        for key in ("format", "outcome", "reason", "colour"):
            assert why[key] == answer[key]
        assert any(f["reason"] == why["reason"] for f in why["findings"]) or (
            why["reason"] == "accepted"
        )
        assert why["panel"]["vi"] and all(f["vi"] and f["en"] for f in why["findings"])
        colours.add(why["colour"])
    assert colours == {"", "green"}


def test_explain_in_both_languages_names_nobody(site: Path) -> None:
    by = ("policy", "explain", "--config", site, "--policy", KHANH_HOA)
    vi = quickly(*by, "--lang", "vi", stdin=PERSONAL)
    assert vi.status == 0
    assert vi.out.startswith(
        "Quy tắc    Thẻ màu Khánh Hòa, phiên bản 1\nMã         mã QR cá nhân quốc gia\nThời điểm"
    )
    assert "\n  không xét  Chữ ký: loại mã này không có chữ ký\n" in vi.out
    assert vi.out.endswith("Màn hình   Mời vào · Please enter\n")
    en = quickly(*by, "--lang", "en", stdin=PERSONAL)
    assert "\nanswer     pass (accepted)\n           The code is accepted.\n" in en.out
    for private in ("NGUYEN", "0010930", "0123232422"):
        assert private not in vi.out + en.out
    assert max(map(len, (vi.out + en.out).splitlines())) <= 80


def test_the_panel_line_is_what_the_panel_shows(site: Path, tmp_path: Path) -> None:
    """Who leaves is told goodbye, and no reason of those who come in."""
    policy = tmp_path / "policy.toml"
    policy.write_text(f'{KHANH_HOA.read_text()}\n[direction]\nout = "record"\n')
    by = ("--config", site, "--policy", policy)
    bad = b"001093029317||Nguy\xe1\xbb\x85n A|18011987|Nam|x|01012021"
    for direction, said in (("in", "Mời vào"), ("out", "Tạm biệt"), ("unknown", "Xin chào")):
        _, why = explained(*by, "--direction", direction, stdin=bad)
        assert why["panel"]["vi"] == said
    unlisted = policy.read_text().replace('cccd = "pass"\n', "")
    policy.write_text(unlisted)
    _, why = explained(*by, "--direction", "out", stdin=bad)
    assert (why["outcome"], why["reason"]) == ("pass", "accepted")
    (accept,) = (f for f in why["findings"] if f["rule"] == "[accept]")
    assert (accept["holds"], accept["reason"], accept["answer"]) == ("no", "", "pass")


def test_pictures_are_explained_one_by_one(site: Path, tmp_path: Path) -> None:
    picture, blank = tmp_path / "code.png", tmp_path / "blank.png"
    segno.make(PERSONAL).save(picture, scale=6, border=4)
    Image.new("L", (200, 200), 255).save(blank)
    done = quickly("policy", "explain", "--json", "--config", site, picture, blank, picture)
    assert done.status == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["file"], one["format"]) for one in told] == [(str(picture), "vn_personal")] * 2
    assert f"{blank}: no readable code" in done.err
    done = quickly("policy", "explain", "--config", site, "--lang", "en", picture)
    assert (done.status, f"\nfile       {picture}\n" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("locale", "first"),
    [
        ({"LANG": "vi_VN.UTF-8"}, "Quy tắc"),
        ({"LANG": "C.UTF-8"}, "policy"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "policy"),
        ({}, "policy"),
    ],
)
def test_the_language_is_that_of_the_locale(
    site: Path, monkeypatch: pytest.MonkeyPatch, locale: dict[str, str], first: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    done = quickly("policy", "explain", "--config", site, stdin=PERSONAL)
    assert done.out.split("  ")[0] == first


def test_what_is_not_in_the_code_can_be_supposed(site: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f"{KHANH_HOA.read_text()}\n[limits]\nmin_interval_s = 300\nmax_occupancy = 50\n"
        '[hours]\nevery_day = ["07:00-17:00"]\n'
    )
    by = ("--config", site, "--policy", policy, "--at", "2026-11-25T08:00:00+07:00")

    def reason(*words: object) -> str:
        return str(explained(*by, *words, stdin=PERSONAL)[1]["reason"])

    assert reason() == "accepted"
    assert reason("--inside", 50) == "full"
    assert reason("--inside", 50, "--direction", "out") == "accepted"
    assert reason("--since", 299) == "too-soon"
    assert reason("--since", 300) == "accepted"
    assert reason("--risk-level", "quarantine") == "at-risk"
    assert reason("--risk-level", "clear") == "accepted"
    assert reason("--clock", "unknown") == "clock-unknown"
    late = (datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=10)).isoformat()
    assert reason("--at", late) == "closed"


def test_the_questions_are_told_and_their_answers_can_be_supposed(
    site: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'{KHANH_HOA.read_text()}\n[needs]\none_of = ["declaration"]\n[questions]\n'
        'formats = ["cccd"]\nsymptoms = "fail"\ncontact = "warn"\ntimeout_s = 30\n'
    )
    done = quickly("policy", "check", policy, "--lang", "vi")
    assert "mỗi câu 30 giây; có triệu chứng: chưa cho vào; có tiếp xúc: lưu ý" in " ".join(
        done.out.split()
    )
    by = ("--config", site, "--policy", policy)

    def answer(*words: object) -> tuple[str, str]:
        why = explained(*by, *words, stdin=CARD)[1]
        (said,) = [f["en"] for f in why["findings"] if f["rule"] == "[questions]"]
        panel = why["panel"]["en"].replace("\N{NO-BREAK SPACE}", " ")
        return f"{why['outcome']} {why['reason']}: {panel}", said

    told, said = answer()
    assert told == "warn more-needed: Show one more code"
    assert said == (
        "no declaration yet: two questions are asked, answered with the button, 30 s each;"
        " yes to symptoms: fail, to contact: warn"
    )
    assert answer("--declared", "nothing")[0] == "pass declared: Please enter"
    assert answer("--declared", "contact") == (
        "warn declared: Please ask the desk",
        "answered: yes to contact",
    )
    assert answer("--declared", "both")[1] == "answered: yes to symptoms, contact"
    assert answer("--direction", "out")[0] == "pass accepted: Goodbye"


def test_a_broken_code_is_explained_too(site: Path) -> None:
    status, why = explained("--config", site, stdin=b"HC1:not base45")
    assert (status, why["reason"], why["recorded"]) == (1, "malformed", False)
    (finding,) = why["findings"]
    assert finding["rule"] == "[answer] malformed"
