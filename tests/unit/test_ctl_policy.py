"""`kioskctl policy`, as a health officer meets it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_ctl import PERSONAL, quickly, site

from demo.crowd import make_crowd

__all__ = ["site"]  # the fixture

TREE = Path(__file__).parents[2]
KHANH_HOA = TREE / "config/policies/khanh-hoa.toml"
CARD = "099199000001|990000001|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021".encode()
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def explained(*words: object, stdin: bytes) -> tuple[int, dict[str, Any]]:
    done = quickly("policy", "explain", "--json", *words, stdin=stdin)
    told: dict[str, Any] = json.loads(done.out)
    return done.status, told


def test_check_tells_what_a_good_policy_is() -> None:
    done = quickly("policy", "check", KHANH_HOA)
    assert done.status == 0
    assert done.out.startswith(f"{KHANH_HOA}: no mistakes\nversion      1\n")
    assert "Thẻ màu Khánh Hòa / Pass colours of Khanh Hoa" in done.out
    assert "green = pass, yellow = warn, red = fail" in done.out


def test_check_tells_every_mistake_with_its_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    text = KHANH_HOA.read_text().replace("doses_at_least = 2", "doses_at_lest = 2")
    wrong.write_text(text.replace('yellow = "warn"', 'yellow = "orange"'))
    done = quickly("policy", "check", wrong)
    assert done.status == 1
    told = done.out.splitlines()
    assert (
        f'{wrong}: [[colour]] 1 doses_at_lest is not known; did you mean "doses_at_least"?' in told
    )
    assert (
        f"{wrong}: [colours] yellow = 'orange';"
        ' expected "pass" or "warn" or "fail" or "record"' in told
    )
    assert told[-1] == f"{len(told) - 1} mistakes"
    done = quickly("policy", "check", tmp_path / "absent.toml")
    assert (done.status, done.out.startswith(f"cannot read {tmp_path}")) == (1, True)


def test_check_and_explain_take_what_they_need(site: Path) -> None:
    assert quickly("policy", "check").status == 2
    assert quickly("policy", "explain", KHANH_HOA, "--config", site).status == 2
    assert quickly("policy", "explain", "--inside", "-1").status == 2


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
    assert vi.out.startswith("Quy tắc    Thẻ màu Khánh Hòa (1)\nMã         vn_personal\n")
    assert vi.out.endswith("Màn hình   Mời vào / Please enter\n")
    en = quickly(*by, "--lang", "en", stdin=PERSONAL)
    assert "\nanswer     pass: The code is accepted.\n" in en.out
    for private in ("NGUYEN", "0010930", "0123232422"):
        assert private not in vi.out + en.out


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
    hours = "".join(
        f'{day} = ["07:00-17:00"]\n'
        for day in (
            *("monday", "tuesday", "wednesday", "thursday"),
            *("friday", "saturday", "sunday"),
        )
    )
    policy.write_text(f"{KHANH_HOA.read_text()}\n[limits]\nmax_occupancy = 50\n[hours]\n{hours}")
    by = ("--config", site, "--policy", policy, "--at", "2026-11-25T08:00:00+07:00")

    def reason(*words: object) -> str:
        return str(explained(*by, *words, stdin=PERSONAL)[1]["reason"])

    assert reason() == "accepted"
    assert reason("--inside", 50) == "full"
    assert reason("--inside", 50, "--direction", "out") == "accepted"
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
    done = quickly("policy", "check", policy)
    assert "after cccd; symptoms = fail, contact = warn, 30 s each\n" in done.out
    by = ("--config", site, "--policy", policy)

    def answer(*words: object) -> tuple[str, str]:
        why = explained(*by, *words, stdin=CARD)[1]
        (said,) = [f["en"] for f in why["findings"] if f["rule"] == "[questions]"]
        return f"{why['outcome']} {why['reason']} {why['panel']['en']}", said

    told, said = answer()
    assert told == "warn more-needed Show one more code"
    assert said == (
        "no declaration yet: two questions are asked, answered with the button, 30 s each;"
        " yes to symptoms: fail, to contact: warn"
    )
    assert answer("--declared", "nothing")[0] == "pass declared Please enter"
    assert answer("--declared", "contact") == (
        "warn declared Please ask the desk",
        "answered: yes to contact",
    )
    assert answer("--declared", "both")[1] == "answered: yes to symptoms, contact"
    assert answer("--direction", "out")[0] == "pass accepted Goodbye"


def test_a_broken_code_is_explained_too(site: Path) -> None:
    status, why = explained("--config", site, stdin=b"HC1:not base45")
    assert (status, why["reason"], why["recorded"]) == (1, "malformed", False)
    (finding,) = why["findings"]
    assert finding["rule"] == "[answer] malformed"
