"""The rules as they are in memory, and what can be found by them. Names are those of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from kiosk.model import Outcome, Risk

REASONS: dict[str, str] = {
    "accepted": "The code is accepted.",
    "clock-unknown": "The kiosk does not know the date, so validity cannot be checked.",
    "too-soon": "The same person was recorded here a moment ago, in the same direction.",
    "more-needed": "The code is accepted, but this door needs another kind as well.",
    "declaration-too-old": "The declaration was made too long ago.",
    "declared": "The questions of the declaration were answered at this door.",
    "not-green": "The answer is that of the certificate's colour.",
    "full": "As many are inside as may be, by the count of this kiosk.",
    "closed": "The place is closed at this hour.",
    "unknown-key": "The signer is not on this kiosk's trust list.",
    "not-yet-valid": "The certificate, or the key that signed it, is not valid yet.",
    "expired": "The certificate, or the key that signed it, has expired.",
    "revoked": "The certificate, or the key that signed it, has been revoked.",
    "not-accepted": "A code of this kind is not accepted here.",
    "forged": "The signature does not fit the content, or the signer may not sign such.",
    "at-risk": "The person is on the risk list.",
    "place-code": "The code names a place; the visitor should show a personal code.",
    "unknown-code": "The code is of no kind that this kiosk knows; an identity card will do.",
    "malformed": "The code is of a known kind but damaged or badly made.",
}
"""Every reason a verdict can carry, with what it means. Of several that hold with equal
severity the later one is given."""

OPTIONAL: dict[str, Outcome] = {
    "too-soon": "warn",
    "more-needed": "warn",
    "declaration-too-old": "warn",
    "full": "warn",
    "closed": "warn",
}
"""Reasons that need no line in [answer], for each needs a rule of its own first."""

NO_PERSON = {"place": "place-code", "other": "unknown-code"}
WITHOUT_RECORD = (*NO_PERSON.values(), "malformed")

ELSEWHERE = ("accepted", "not-green", "declared")
"""Reasons answered in [accept], [colours] and [questions]; all others are in [answer]."""

Purpose = Literal["identity", "declaration", "certificate"]
PURPOSES: tuple[Purpose, ...] = ("identity", "declaration", "certificate")
Effect = Literal["pass", "warn", "fail", "record"]
"""What a colour does. "record": it is noted and changes nothing."""
Truth = Literal["yes", "no", "unknown"]
"""Whether a rule holds; "unknown" = it depends on a date that the kiosk does not know."""
Mark = Literal["yes", "no", "unknown", "not-asked"]
Span = tuple[int, int]
"""Minutes since midnight, the second one no longer within."""

DOSE_GAP_DAYS = 14
"""The shortest interval between two doses of the vaccines in use: of Abdala three doses are given
14 days apart (guidance of Vietnam's Ministry of Health, 2021), of CoronaVac two, 2 to 4 weeks
apart (WHO, interim recommendations of 24 May 2021)."""


class Words(msgspec.Struct, frozen=True):
    """The same in both languages; one may be left out."""

    vi: str = ""
    en: str = ""

    def of(self, language: Literal["vi", "en"]) -> str:
        """In one of them, in the other if need be."""
        return self.vi or self.en if language == "vi" else self.en or self.vi


class ColourRule(msgspec.Struct, frozen=True, kw_only=True, rename={"purposes": "for"}):
    """Gives the colour `name` to codes used `for` one of these purposes, when all conditions
    hold; None and empty = no such condition.

    `doses_at_least` n: n doses of these `products` (any, if empty) were given, the n-th at
    least `dose_days_at_least` days ago, the last at most `dose_days_at_most`. Where only a
    later dose is attested, the n-th was given at least `dose_gap_days` earlier for each dose
    between. `products` are names of `credentials.products`, or codes that it does not know.
    """

    name: str
    purposes: tuple[Purpose, ...] = ("certificate",)
    formats: tuple[str, ...] = ()
    doses_at_least: int | None = None
    products: tuple[str, ...] = ()
    dose_days_at_least: int = 0
    dose_days_at_most: int | None = None
    dose_gap_days: int = DOSE_GAP_DAYS
    recovered_within_days: int | None = None
    recovered_days_at_least: int = 0
    test_negative_within_hours: int | None = None
    test_positive_within_hours: int | None = None
    test_methods: tuple[str, ...] = ()

    @property
    def is_rest(self) -> bool:
        """Whether it holds for every code of its purposes."""
        return self == ColourRule(name=self.name, purposes=self.purposes)


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """After a code of these `formats`, which declares nothing, the questions of the declaration
    are asked, each for `timeout_s`; the others say what a yes to each is answered."""

    formats: tuple[str, ...]
    symptoms: Outcome
    contact: Outcome
    timeout_s: int = 20


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy file says.

    `accept`: format -> answer when nothing is wrong; `purposes`: format -> what it is good
    for, its role if not named; `needs`: one of these is asked of everybody; `unmasked`: so are
    number and birth in full. `answer`: reason -> answer; `risk`: what the risk list says ->
    answer, that of at-risk if not named; `record`: reasons without a person -> record all the
    same? `colours`: colour -> what it does. `hours`: spans per weekday, Monday first, None =
    always open. Who goes out is judged like everybody, or (`out` = "record") recorded with
    "pass". Limits of 0: none. `questions` None: nobody is asked.
    """

    accept: dict[str, Outcome]
    answer: dict[str, Outcome]
    record: dict[str, bool]
    version: int = 0
    title: Words = Words()
    explanation: Words = Words()
    purposes: dict[str, tuple[Purpose, ...]] = {}
    needs: tuple[Purpose, ...] = PURPOSES
    unmasked: bool = False
    risk: dict[Risk, Outcome] = {}
    colour: tuple[ColourRule, ...] = ()
    colours: dict[str, Effect] = {}
    hours: tuple[tuple[Span, ...], ...] | None = None
    out: Literal["judge", "record"] = "judge"
    min_interval_s: int = 0
    max_occupancy: int = 0
    declaration_max_age_h: int = 0
    questions: Questions | None = None


class Finding(msgspec.Struct, frozen=True):
    """One rule, asked of one code: whether it holds, and why (`phrase` is a word of
    `phrases.PHRASES`, `facts` fill it in). One that has a `reason` is cause for `answer`."""

    rule: str
    holds: Mark
    phrase: str
    facts: Mapping[str, object] = {}
    reason: str = ""
    answer: Outcome = "pass"


class Ago(msgspec.Struct, frozen=True):
    """A fact: so many days ago."""

    least: int
    most: int


class Among(msgspec.Struct, frozen=True):
    """A fact: one of these, any if there is none."""

    what: tuple[str, ...]


class Hours(msgspec.Struct, frozen=True):
    """A fact: when a day is open."""

    spans: tuple[Span, ...]


class Problem(msgspec.Struct, frozen=True):
    """A fact: what a format found wrong with a payload."""

    text: str


def rule_name(number: int, rule: ColourRule) -> str:
    """What the findings of a colour rule call it; they count from 1."""
    return f"[[colour]] {number} {rule.name}"
