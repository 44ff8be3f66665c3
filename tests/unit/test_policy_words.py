"""A policy in words, and why it answers as it does, in both languages."""

from __future__ import annotations

import re
import string
from datetime import datetime
from pathlib import Path

import pytest
import segno

from kiosk.credentials import parse
from kiosk.credentials.formats import FORMATS
from kiosk.credentials.policy import REASONS, Policy, explain, judge, parse_policy, words
from kiosk.credentials.policy.doubts import doubts
from kiosk.credentials.policy.explaining import RULES
from kiosk.credentials.policy.kinds import COLOUR, KINDS, LIMITS, QUESTIONS, ROLES
from kiosk.credentials.policy.phrases import PHRASES
from kiosk.credentials.policy.problems import in_vietnamese
from kiosk.credentials.policy.rules import Finding
from kiosk.credentials.policy.sentences import SENTENCES, tell
from kiosk.credentials.products import CODES
from kiosk.credentials.trust import TrustList
from kiosk.ctl import main
from kiosk.errors import CredentialError
from kiosk.model import VIETNAM, ClockState, Credential, Event, Instant, Visit

TREE = Path(__file__).parents[2]
SHIPPED = (TREE / "config/policy.toml").read_text()
KHANH_HOA = (TREE / "config/policies/khanh-hoa.toml").read_text()
SECTIONS = """
[needs]
one_of = ["certificate", "declaration"]
unmasked = true
[questions]
formats = ["cccd"]
symptoms = "fail"
contact = "warn"
[limits]
min_interval_s = 9
max_occupancy = 5
declaration_max_age_h = 24
[hours]
every_day = ["06:00-11:30", "13:00-24:00"]
sunday = []
[direction]
out = "record"
"""
CARD = Credential(format="cccd", role="identity", subject="vn-id:001099000001")
LANGUAGES: tuple[words.Language, ...] = ("vi", "en")


def instant(hour: int = 12, day: int = 25, clock: ClockState = "synced") -> Instant:
    """In November 2026, of which the 25th is a Wednesday."""
    at = datetime(2026, 11, day, hour, tzinfo=VIETNAM)
    return Instant(int(at.timestamp() * 1000), clock, "boot", 0)


def certificate(*events: Event) -> Credential:
    return Credential(format="hc1", role="certificate", signed="valid", events=events)


def vaccination(date: str, dose: int, product: str = "pfizer") -> Event:
    return Event(kind="vaccination", date=date, dose=dose, product=product)


def said(
    shown: Credential | CredentialError,
    policy: Policy,
    rule: str,
    *,
    now: Instant | None = None,
    visit: Visit | None = None,
) -> list[tuple[str, str, str]]:
    """Mark and sentence in both languages, of each finding of a rule."""
    _, findings = explain(shown, policy, now or instant(), "none", visit or Visit("in"))
    return [
        (f.holds, words.sentence(f, "vi"), words.sentence(f, "en"))
        for f in findings
        if f.rule.startswith(rule)
    ]


def test_every_phrase_is_there_in_both_languages() -> None:
    assert set(words.REASONS_VI) == set(REASONS)
    fields = string.Formatter()
    for name, both in (PHRASES | SENTENCES).items():
        vi, en = ({field for _, field, _, _ in fields.parse(text) if field} for text in both)
        assert vi == en, name
        assert all(both), name
    # A finding that gives cause for a reason is told by the phrase of that name.
    assert set(REASONS) <= {"accepted", "not-green"} | set(PHRASES)


def test_every_kind_of_code_has_a_name_and_a_role() -> None:
    assert set(words.FORMATS) == {name for f in FORMATS for name in f.NAMES}
    assert set(ROLES) == set(KINDS)
    for payload in (
        b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|",
        "001093029317||Nguyễn Văn A|18011987|Nam|Hà Nội|01012021".encode(),
        b"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=123456",
    ):
        shown = parse(payload, TrustList())
        assert ROLES[shown.format] == shown.role
        assert shown.valid_from is None or shown.role != "declaration"  # see doubts


@pytest.mark.parametrize("clock", ["synced", "floor", "unknown"])
@pytest.mark.parametrize("text", [KHANH_HOA, KHANH_HOA + SECTIONS, SHIPPED])
def test_an_explanation_is_whole_in_both_languages(text: str, clock: ClockState) -> None:
    policy = parse_policy(text.encode())
    people = [
        CARD,
        Credential(format="vn_personal", role="declaration", valid_from=0.0),
        Credential(format="vn_personal", role="declaration", claims={"document_masked": True}),
        certificate(),
        certificate(vaccination("2026-11-20", 3), Event(kind="recovery", date="2026-12-01")),
        certificate(Event(kind="test", date="2026-11-25T10:00:00+07:00", method="pcr")),
        Credential(format="hc1", role="certificate", signed="invalid", valid_until=0.0),
        Credential(format="made-up", role="identity"),
    ]
    others: list[Credential | CredentialError] = [
        Credential(format="place", role="place"),
        Credential(format="unknown", role="other"),
        CredentialError("hc1", "not base45"),
    ]
    colours = {f"[[colour]] {n} {rule.name}" for n, rule in enumerate(policy.colour, 1)}
    for one in [*people, *others]:
        for visit in (Visit("in", 9, 1), Visit("in", 1, 99), Visit("out", 1, 1), Visit("unknown")):
            now = instant(clock=clock)
            verdict, findings = explain(one, policy, now, "clear", visit)
            assert verdict == judge(one, policy, now, "clear", visit)
            for finding in findings:
                for language in LANGUAGES:
                    told = words.sentence(finding, language)
                    assert told and "{" not in told
                    assert words.rule(finding, language)
            if one in people:  # every rule is told, asked or not
                told_of = {finding.rule for finding in findings}
                assert told_of >= set(RULES) - {"[[colour]]", "[colours]"}
                assert "[[colour]]" in told_of or told_of >= colours


def test_marks_are_true() -> None:
    policy = parse_policy((KHANH_HOA + SECTIONS).encode())
    for shown, rule, visit, mark in (
        (CARD, "signature", "in", "not-asked"),
        (CARD, "validity", "in", "not-asked"),
        (CARD, "risk list", "in", "not-asked"),
        (CARD, "[[colour]]", "in", "not-asked"),
        (CARD, "[limits] declaration_max_age_h", "in", "not-asked"),
        (CARD, "[limits] min_interval_s", "in", "not-asked"),
        (CARD, "[hours]", "out", "not-asked"),
        (CARD, "[limits] max_occupancy", "out", "not-asked"),
        (CARD, "[direction] out", "in", "not-asked"),
        (CARD, "[direction] out", "out", "yes"),
        (CARD, "[needs] one_of", "in", "no"),
        (certificate(), "[[colour]] 1 ", "in", "no"),
        (certificate(), "signature", "in", "yes"),
    ):
        marks = [mark for mark, _, _ in said(shown, policy, rule, visit=Visit(visit))]
        assert marks == [mark], (rule, visit)
    undated = Credential(format="vn_personal", role="declaration")
    ((mark, vi, _),) = said(undated, policy, "[limits] declaration_max_age_h")
    assert (mark, vi) == (
        "unknown",
        "mã không ghi giờ khai báo, nên không biết đã quá 24 giờ chưa",
    )


def test_an_estimated_dose_is_never_told_as_a_fact() -> None:
    policy = parse_policy(KHANH_HOA.encode())
    ((mark, vi, en),) = said(certificate(vaccination("2026-11-15", 3)), policy, "[[colour]] 1 ")
    assert mark == "yes"
    assert vi == (
        "chỉ ghi mũi 3, cách đây 10 ngày; mũi 2 ước tính cách đây ít nhất 24 ngày, cần ít nhất"
        " 14 ngày"
    )
    assert "dose 2 is estimated to lie at least 24 days back, needed 14 or more" in en


def test_products_are_told_as_found_and_as_listed() -> None:
    text = KHANH_HOA.replace("doses_at_least = 2", 'doses_at_least = 2\nproducts = ["abdala"]')
    policy = parse_policy(text.encode())
    other = said(certificate(vaccination("2026-08-01", 2)), policy, "[[colour]] 1 ")
    assert other == [
        (
            "no",
            "mã ghi vắc-xin pfizer; quy tắc tính abdala",
            "attested is pfizer; the rule counts abdala",
        )
    ]
    listed = said(certificate(vaccination("2026-08-01", 2, "abdala")), policy, "[[colour]] 1 ")
    assert [mark for mark, _, _ in listed] == ["yes", "yes"]


@pytest.mark.parametrize(
    ("event", "rule", "vi"),
    [
        (None, 1, "mã không ghi số mũi tiêm, cần 2 mũi"),
        (Event(kind="recovery", date="2026-11-20"), 2, "cách đây 5 ngày, cần 11 đến 180 ngày"),
        (
            Event(kind="test", date="2026-11-23T08:30:00+07:00", method="pcr"),
            4,
            "xét nghiệm âm tính (PCR) lấy mẫu cách đây 51,5 giờ, tối đa 72 giờ",
        ),
        (
            Event(kind="test", date="2026-11-26T08:30:00+07:00", method="pcr"),
            4,
            "mẫu lấy sau thời điểm xét",
        ),
        (vaccination("2026-11-26", 2), 1, "ngày tiêm ghi sau thời điểm xét"),
    ],
)
def test_what_a_certificate_attests_in_vietnamese(event: Event | None, rule: int, vi: str) -> None:
    policy = parse_policy(KHANH_HOA.encode())
    shown = certificate(event) if event else certificate()
    ((_, told, _),) = said(shown, policy, f"[[colour]] {rule} ")
    assert told.endswith(vi)


@pytest.mark.parametrize(
    ("day", "hour", "vi", "en"),
    [
        (25, 12, "Thứ Tư 25/11/2026, 12:00; mở cửa 06:00-11:30, 13:00-24:00", "Wednesday 25 Nov"),
        (29, 12, "Chủ nhật 29/11/2026, 12:00; hôm nay nghỉ", "Sunday 29 November 2026, 12:00; c"),
    ],
)
def test_hours_are_told_with_their_day(day: int, hour: int, vi: str, en: str) -> None:
    policy = parse_policy((KHANH_HOA + SECTIONS).encode())
    ((mark, told, english),) = said(CARD, policy, "[hours]", now=instant(hour, day))
    assert (mark, told) == ("no", vi)
    assert english.startswith(en)


def test_the_colour_is_told_with_its_reason() -> None:
    assert words.meaning("not-green", "vi", "yellow") == "Kết quả theo màu của chứng nhận: vàng."
    assert words.meaning("not-green", "en", "yellow").endswith("colour: yellow.")


@pytest.mark.parametrize(
    ("problem", "vi"),
    [
        ("date of birth is not a date of the calendar", "ngày sinh không có trong lịch"),
        ("date of birth (dob) is not YYYY-MM-DD, YYYY or empty", "ngày sinh sai định dạng"),
        (
            "date of issue is outside the years 1850 to 2199",
            "ngày cấp nằm ngoài các năm 1850 đến 2199",
        ),
        ("sex is neither Nam nor Nữ", "giới tính sai định dạng"),
        ("name is empty", "thiếu tên"),
        ("9 members, expected 7 or 11", "có 9 trường, cần 7 hoặc 11"),
        ("a critical COSE header is absent", "cấu trúc không đúng chuẩn của loại mã này"),
        ("n is absent or not text", "cấu trúc không đúng chuẩn của loại mã này"),
    ],
)
def test_problems_of_a_payload_have_no_english_in_them(problem: str, vi: str) -> None:
    assert in_vietnamese(problem) == vi
    finding = explain(
        CredentialError("cccd", problem), parse_policy(SHIPPED.encode()), instant()
    ).findings[0]
    assert words.sentence(finding, "vi") == f"mã bị hỏng hoặc sai định dạng: {vi}"
    assert problem in words.sentence(finding, "en")


# A whole policy


def test_a_policy_is_told_in_sentences() -> None:
    policy = parse_policy((KHANH_HOA + SECTIONS).encode())
    for language in LANGUAGES:
        lines = [line for _, lines in tell(policy, language) for line in lines]
        assert all(line and "{" not in line for line in lines)
        for kind in policy.accept:
            assert sum(f"[{kind}]" in line for line in lines) == 1
        for reason in ("forged", "at-risk", "malformed"):
            assert any(f"({reason})" in line for line in lines)
    vi = "\n".join(line for _, lines in tell(policy, "vi") for line in lines)
    for sentence in (
        "mã QR cá nhân quốc gia [vn_personal]: cho qua, dùng làm khai báo",
        "Cửa cần một trong: chứng nhận, khai báo; nếu thiếu: lưu ý",
        "1. xanh: có ít nhất 2 mũi; mũi 2 đã qua ít nhất 14 ngày",
        "2. xanh: đã khỏi bệnh, dương tính lần đầu cách đây 11 đến 180 ngày",
        "4. vàng: xét nghiệm âm tính (PCR), lấy mẫu trong 72 giờ",
        "5. vàng: mã là thẻ COVID của New Zealand",
        "Màu đỏ: chưa cho vào",
        "Chủ nhật: nghỉ",
        "Không ghi nhận: mã hỏng hoặc sai định dạng, mã địa điểm, mã không nhận dạng được.",
    ):
        assert sentence in vi


@pytest.mark.parametrize(
    ("old", "new", "en"),
    [
        ("", "", ""),
        ("version = 1", "", "no [policy] version: it cannot be signed"),
        ('forged = "fail"', 'forged = "pass"', 'forged = "pass" lets in: The signature does'),
        ('at-risk = "fail"', 'at-risk = "pass"', 'at-risk = "pass" lets in'),
        ('at-risk = "fail"', 'at-risk = "fail"\nfollow-up = "pass"', 'follow-up = "pass" lets'),
        ("[record]", "[limits]\ndeclaration_max_age_h = 24\n[record]", "never does anything"),
        (
            'hcmc = "pass"',
            'hcmc = { answer = "pass", for = ["identity"] }',
            "",
        ),
        ("[accept]", "[hours]\nevery_day = []\n[accept]", "Nobody can pass"),
        ("[accept]", '[needs]\none_of = ["declaration"]\n[accept]', ""),
        (
            '[accept]\nvn_personal = "pass"\n',
            '[needs]\none_of = ["declaration"]\n[accept]\n',
            "",
        ),
    ],
)
def test_what_is_hardly_meant_is_told(old: str, new: str, en: str) -> None:
    text = KHANH_HOA.replace(old, new, 1) if old else KHANH_HOA
    policy = parse_policy(text.encode())
    told = doubts(policy, "en")
    assert len(told) == len(doubts(policy, "vi")) == bool(en)
    assert not en or en in told[0]


def test_a_door_that_nobody_can_pass_is_told() -> None:
    accepted = re.compile('^([a-z0-9_]+) = "pass"$', re.MULTILINE)
    head, tail = KHANH_HOA.split("[[colour]]", 1)
    wary = accepted.sub(r'\1 = "warn"', head) + "[[colour]]" + tail
    assert "Nobody can pass" in doubts(parse_policy(wary.encode()), "en")[0]
    certificates = re.sub(r"^(vn_|cccd|can_|bhyt|door|hcmc).*\n", "", head, flags=re.MULTILINE)
    policy = f"{certificates}[[colour]]{tail}"
    assert not doubts(parse_policy(policy.encode()), "en")
    red = policy.replace('green = "pass"', 'green = "warn"')
    assert "Nobody can pass" in doubts(parse_policy(red.encode()), "en")[0]
    needing = policy.replace("[accept]", '[needs]\none_of = ["declaration"]\n[accept]')
    told = doubts(parse_policy(needing.encode()), "en")
    assert ["Nobody can pass" in told[0], "asks for declaration" in told[1]] == [True, True]


def test_a_finding_of_no_known_rule_has_a_name() -> None:
    assert words.rule(Finding("[answer] malformed", "no", "malformed"), "vi") == "Loại mã [accept]"


# The handbook


def test_the_handbook_names_every_key_word_and_product() -> None:
    handbook = (TREE / "docs/policy.md").read_text()
    vietnamese, english = handbook.split("\n## The rules of a door\n")
    names = [*KINDS, *REASONS, *COLOUR, *LIMITS, *QUESTIONS, *CODES]
    names += ["every_day", "unmasked", "one_of"]
    for half in (vietnamese, english):
        missing = [n for n in names if not re.search(rf"[`\"]{n}\b", half)]
        assert set(missing) <= {"name", "accepted"}, missing


def test_the_example_in_the_handbook_is_what_the_program_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = tmp_path / "anh-ma-qr.png"
    segno.make(b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|").save(picture, scale=6)
    example = (TREE / "docs/policy.md").read_text().split("```\n$ ")[1].split("\n```")[0]
    command, _, shown = example.replace("\\\n", "").partition("\n")
    words = [str(picture) if word == picture.name else word for word in command.split()[1:]]
    monkeypatch.chdir(TREE)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if str(tmp_path) not in line] == shown.splitlines()
