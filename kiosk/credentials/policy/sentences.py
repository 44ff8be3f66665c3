"""A whole policy in sentences, so that whoever answers for it can read what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kiosk.credentials.policy.kinds import good_for
from kiosk.credentials.policy.phrases import Both
from kiosk.credentials.policy.rules import (
    DOSE_GAP_DAYS,
    OPTIONAL,
    PURPOSES,
    Ago,
    Among,
    ColourRule,
    Hours,
    Policy,
)
from kiosk.credentials.policy.words import DAYS, Language, meaning, of, term

SENTENCES: dict[str, Both] = {
    "kinds-heading": ("Loại mã được chấp nhận", "Kinds of codes"),
    "kind": ("{kind}: {answer}, dùng làm {purposes}", "{kind}: {answer}, good for {purposes}"),
    "kind-alone": ("{kind}: {answer}", "{kind}: {answer}"),
    "kind-other": ("Mã cá nhân loại khác: {answer}", "A personal code of another kind: {answer}"),
    "needs": (
        "Cửa cần một trong: {needs}; nếu thiếu: {answer}",
        "The door asks for one of: {needs}; else: {answer}",
    ),
    "unmasked": (
        "Mã che số giấy tờ hoặc ngày sinh: {answer}, cần thêm mã khác",
        "A code that masks number or date of birth: {answer}, another code is needed",
    ),
    "questions": (
        "Chưa có khai báo, sau {kinds}: máy hỏi hai câu, trả lời bằng nút, mỗi câu {seconds} giây;"
        " có triệu chứng: {symptoms}; có tiếp xúc: {contact}",
        "Without a declaration, after {kinds}: two questions are asked, answered with the button,"
        " {seconds} s each; yes to symptoms: {symptoms}; to contact: {contact}",
    ),
    "colours-heading": (
        "Màu, xét từ trên xuống, lấy quy tắc đầu tiên đạt",
        "Colours, from top to bottom, the first rule that holds",
    ),
    "no-colours": ("Chứng nhận không xét màu.", "Certificates have no colour."),
    "about": (" (dành cho {purposes})", " (about {purposes})"),
    "rest": ("mọi trường hợp còn lại", "everything else"),
    "formats": ("mã là {kinds}", "the code is {kinds}"),
    "doses": ("có ít nhất {least} mũi{products}", "doses{products}: {least} or more"),
    "dose-days": (
        "mũi {number} đã qua ít nhất {days} ngày",
        "dose {number} {days} days ago or more",
    ),
    "dose-last": ("mũi cuối chưa quá {days} ngày", "the last dose at most {days} days ago"),
    "gap-here": (
        "chỉ ghi mũi sau thì mỗi mũi trước tính lùi thêm {days} ngày",
        "where only a later dose is told, each before it counts as {days} days older",
    ),
    "gap": (
        "Mã chỉ ghi mũi sau thì mỗi mũi trước tính lùi thêm {days} ngày.",
        "Where only a later dose is told, each before it counts as {days} days older.",
    ),
    "recovered": (
        "đã khỏi bệnh, dương tính lần đầu cách đây {ago}",
        "recovered, first positive {ago} ago",
    ),
    "tested": (
        "xét nghiệm {result}{methods}, lấy mẫu trong {hours} giờ",
        "{result} test{methods}, sample taken within {hours} h",
    ),
    "effect": ("Màu {colour}: {effect}", "{colour}: {effect}"),
    "place-heading": ("Giờ mở cửa, lượt ra, giới hạn", "Opening hours, going out, limits"),
    "always-open": ("Không giới hạn giờ.", "Always open."),
    "no-hours": ("nghỉ", "closed"),
    "closed": ("Ngoài giờ: {answer}", "At other hours: {answer}"),
    "out-judge": ("Người ra được xét như người vào.", "Who goes out is judged like everybody."),
    "out-record": (
        "Người ra chỉ được ghi nhận, trừ người trong danh sách theo dõi và mã không ghi người nào.",
        "Who goes out is merely recorded, but for the risk list and codes without a person.",
    ),
    "min_interval_s": (
        "Cùng người, cùng chiều, chưa qua {most} giây: {answer}",
        "The same person in the same direction within {most} s: {answer}",
    ),
    "max_occupancy": (
        "Máy này đếm đủ {most} người bên trong: {answer}",
        "{most} people inside by the count of this kiosk: {answer}",
    ),
    "declaration_max_age_h": (
        "Khai báo đã quá {most} giờ: {answer}",
        "A declaration made more than {most} h ago: {answer}",
    ),
    "answers-heading": ("Trả lời khi có điều cần nói", "Answers when something is to be said"),
    "at-risk": ("Người thuộc diện {risk}.", "The person is on the list for {risk}."),
    "records-heading": ("Ghi nhận", "Records"),
    "everybody": (
        "Ai đưa mã cá nhân cũng được ghi nhận, dù kết quả thế nào.",
        "Everybody with a personal code is recorded, whatever the answer.",
    ),
    "recorded": ("Cũng ghi nhận: {what}.", "Recorded as well: {what}."),
    "not-recorded": ("Không ghi nhận: {what}.", "Not recorded: {what}."),
}
"""What a policy says, rule by rule."""


class Paragraph(NamedTuple):
    """Sentences under a heading."""

    heading: str
    lines: list[str]


def tell(policy: Policy, language: Language) -> list[Paragraph]:
    """All that a policy says."""
    say = _Said(language)
    parts = {
        "kinds": _kinds(policy, say),
        "colours": _colours(policy, say),
        "place": _place(policy, say),
        "answers": _answers(policy, say),
        "records": _records(policy, say),
    }
    return [Paragraph(say(f"{name}-heading"), list(lines)) for name, lines in parts.items()]


class _Said:
    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, phrase: str, **facts: object) -> str:
        return of(SENTENCES[phrase], self.language).format(
            **{name: term(value, self.language) for name, value in facts.items()}
        )


def _kinds(policy: Policy, say: _Said) -> Iterator[str]:
    for kind, answer in policy.accept.items():
        named = f"{term(kind, say.language)} [{kind}]"
        purposes = good_for(kind, policy)
        phrase = "kind" if purposes else "kind-alone"
        yield say(phrase, kind=named, answer=answer, purposes=purposes)
    yield say("kind-other", answer=policy.answer["not-accepted"])
    if policy.needs != PURPOSES:
        yield say("needs", needs=policy.needs, answer=policy.answer["more-needed"])
    if policy.unmasked:
        yield say("unmasked", answer=policy.answer["more-needed"])
    if asked := policy.questions:
        said = {"seconds": asked.timeout_s, "symptoms": asked.symptoms, "contact": asked.contact}
        yield say("questions", kinds=asked.formats, **said)


def _colours(policy: Policy, say: _Said) -> Iterator[str]:
    if not policy.colour:
        yield say("no-colours")
        return
    for number, rule in enumerate(policy.colour, 1):
        conditions = "; ".join(_conditions(rule, say)) or say("rest")
        about = "" if rule.purposes == ("certificate",) else say("about", purposes=rule.purposes)
        yield f"{number}. {term(rule.name, say.language)}{about}: {conditions}"
    if any(r.doses_at_least and r.dose_gap_days == DOSE_GAP_DAYS for r in policy.colour):
        yield say("gap", days=DOSE_GAP_DAYS)
    for name, effect in policy.colours.items():
        yield say("effect", colour=name, effect=effect)


def _conditions(rule: ColourRule, say: _Said) -> Iterator[str]:
    if rule.formats:
        yield say("formats", kinds=rule.formats)
    if rule.doses_at_least is not None:
        yield say("doses", least=rule.doses_at_least, products=Among(rule.products))
        if rule.dose_days_at_least:
            yield say("dose-days", number=rule.doses_at_least, days=rule.dose_days_at_least)
        if rule.dose_days_at_most is not None:
            yield say("dose-last", days=rule.dose_days_at_most)
        if rule.dose_gap_days != DOSE_GAP_DAYS:
            yield say("gap-here", days=rule.dose_gap_days)
    if rule.recovered_within_days is not None:
        yield say("recovered", ago=Ago(rule.recovered_days_at_least, rule.recovered_within_days))
    for result, hours in (
        ("negative", rule.test_negative_within_hours),
        ("positive", rule.test_positive_within_hours),
    ):
        if hours is not None:
            yield say("tested", result=result, methods=Among(rule.test_methods), hours=hours)


def _place(policy: Policy, say: _Said) -> Iterator[str]:
    if policy.hours is None:
        yield say("always-open")
    else:
        for day, spans in zip(DAYS[say.language], policy.hours, strict=True):
            yield f"{day}: {term(Hours(spans), say.language) if spans else say('no-hours')}"
        yield say("closed", answer=policy.answer["closed"])
    yield say(f"out-{policy.out}")
    for limit, reason in (
        ("min_interval_s", "too-soon"),
        ("max_occupancy", "full"),
        ("declaration_max_age_h", "declaration-too-old"),
    ):
        if most := getattr(policy, limit):
            yield say(limit, most=most, answer=policy.answer[reason])


def _answers(policy: Policy, say: _Said) -> Iterator[str]:
    for reason, answer in policy.answer.items():
        if reason not in OPTIONAL:  # those stand with the rule that asks for them
            yield f"{term(answer, say.language)} ({reason}): {meaning(reason, say.language)}"
    for risk, answer in policy.risk.items():
        yield f"{term(answer, say.language)} ({risk}): {say('at-risk', risk=risk)}"


def _records(policy: Policy, say: _Said) -> Iterator[str]:
    yield say("everybody")
    for phrase, wanted in (("recorded", True), ("not-recorded", False)):
        if what := [reason for reason, recorded in policy.record.items() if recorded is wanted]:
            yield say(phrase, what=what)
