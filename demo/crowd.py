"""The visitors of the demonstration: invented people, each with one code to hold up.

Every visitor carries the answer the kiosk should give. Identity numbers begin with 099,
which no province has, and telephone numbers with 011, which no network has, so that no
payload can belong to anybody.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count, cycle, islice
from typing import Literal

from demo.issuers import Issuer, transliterate, trust_json
from kiosk.model import Outcome

Medium = Literal["phone", "card", "paper", "none"]

_FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Võ", "Đặng", "Bùi", "Đỗ", "Ngô"]
_MIDDLE = {
    "Nam": ["Văn", "Hữu", "Đức", "Minh", "Quốc", "Xuân", "Thành", "Ngọc"],
    "Nữ": ["Thị", "Ngọc", "Thu", "Kim", "Phương", "Mỹ", "Thanh", "Bích"],
}
_GIVEN = ["An", "Ánh", "Bình", "Cường", "Dũng", "Đạt", "Giang", "Hạnh", "Hiếu", "Hòa", "Khuê"]
_GIVEN += ["Lộc", "Mẫn", "Nghĩa", "Phúc", "Quỳnh", "Sỹ", "Thảo", "Thịnh", "Trí", "Uyên", "Vỹ", "Ý"]
_HAMLETS = ["Thôn 2", "Ấp Tân Hòa", "Tổ 7", "Khu phố 3", "Số 12 Phố Huế", "Xóm Đoài"]
_COMMUNES = ["Ea Kao, Buôn Ma Thuột, Đắk Lắk", "Tân Hào, Giồng Trôm, Bến Tre"]
_COMMUNES += ["Phường Trường Thọ, Thủ Đức, TP Hồ Chí Minh", "Tân Phú, Vĩnh Tường, Vĩnh Phúc"]
_STRANGERS = ["MARTA EXAMPLE", "JOHN SAMPLE", "AIKO SPECIMEN", "PIERRE MODELE", "OLGA OBRAZETS"]


@dataclass(frozen=True)
class Visitor:
    """`payload` is what the code holds, None when nothing is held up that could be read;
    `outcome` is then None too, since the kiosk says nothing. `subject` is
    empty where the code names nobody."""

    label: str
    medium: Medium
    payload: bytes | None
    outcome: Outcome | None
    reason: str
    recorded: bool
    format: str
    subject: str


@dataclass(frozen=True)
class Crowd:
    """`trust` is the trust list that the kiosks need, as JSON."""

    visitors: list[Visitor]
    trust: bytes


def make_crowd(seed: int, now: float) -> Crowd:
    """One visitor of each kind. The same seed gives the same people with fresh signatures.

    `now` is in seconds since 1970 UTC; certificates are valid or expired at that time.
    """
    return crowd_of(len(_KINDS), seed, now)


def crowd_of(n: int, seed: int, now: float) -> Crowd:
    """`n` different visitors, all kinds in turn."""
    town = _Town(seed, now)
    return Crowd([kind(town) for kind in islice(cycle(_KINDS), n)], town.trust)


@dataclass(frozen=True)
class _Person:
    family: str
    given: str
    sex: Literal["Nam", "Nữ"]
    born: date
    id_number: str
    qid: str
    phone: str

    @property
    def name(self) -> str:
        return f"{self.family} {self.given}"

    @property
    def capitals(self) -> str:
        return transliterate(self.name).replace("<", " ")

    @property
    def sex_digit(self) -> int:
        return 1 if self.sex == "Nam" else 2


class _Town:
    """Where people and issuers come from; nobody comes twice."""

    def __init__(self, seed: int, now: float) -> None:
        self.random = random.Random(seed)
        self.now = datetime.fromtimestamp(int(now), UTC)
        # Six digits, none twice: the step has no factor in common with a million.
        self._serials = count(self.random.randrange(10**6), 610_339)
        start, end = self.now - timedelta(days=900), self.now + timedelta(days=900)
        self.vietnam = Issuer.new("VN", "PS256", start, end)
        self.france = Issuer.new("FR", "ES256", start, end)
        self.stranger = Issuer.new("XX", "ES256", start, end)
        self.forger = self.france.impostor()
        self.trust = trust_json([self.vietnam, self.france])

    def person(self, min_age: int = 18, max_age: int = 80) -> _Person:
        rnd, serial = self.random, next(self._serials) % 10**6
        sex: Literal["Nam", "Nữ"] = rnd.choice(("Nam", "Nữ"))
        days = rnd.randint(min_age * 366, max_age * 365)
        born = self.now.date() - timedelta(days=days)
        century_and_sex = (born.year // 100 - 19) * 2 + (sex == "Nữ")
        return _Person(
            family=rnd.choice(_FAMILY),
            given=f"{rnd.choice(_MIDDLE[sex])} {rnd.choice(_GIVEN)}",
            sex=sex,
            born=born,
            id_number=f"099{century_and_sex}{born:%y}{serial:06d}",
            qid=f"162979{serial:012d}",
            phone=f"0110{serial:06d}",
        )

    def certificate(self, issuer: Issuer, issued: timedelta, valid: timedelta) -> tuple[bytes, str]:
        """Payload and subject of a person's vaccination certificate."""
        person = self.person()
        issued_at = self.now - issued
        payload = issuer.issue(
            person.family, person.given, person.born, issued_at, issued_at + valid
        )
        return payload, f"name:{transliterate(person.name)}:{person.born}"


def _personal_qr(label: str, medium: Medium) -> Callable[[_Town], Visitor]:
    def kind(town: _Town) -> Visitor:
        p = town.person()
        ext = f"<{p.sex_digit}<<{p.phone}"
        fields = [p.id_number, p.capitals, p.born.isoformat(), "0", p.qid, ext]
        return _welcome(label, medium, fields, "vn_personal", f"vn-id:{p.id_number}")

    return kind


def _masked(town: _Town) -> Visitor:
    """As the apps show it by default: half of the number, day and month hidden."""
    p = town.person()
    ext = f"<{p.sex_digit}<<{p.phone}"
    masked_id, masked_birth = f"******{p.id_number[6:]}", f"{p.born.year}-**-**"
    fields = [masked_id, p.capitals, masked_birth, "0", p.qid, ext]
    return _welcome("personal QR, masked", "phone", fields, "vn_personal", f"vn-qid:{p.qid}")


def _on_behalf(town: _Town) -> Visitor:
    """A child without papers, declared by an adult."""
    child, adult = town.person(4, 12), town.person()
    ext = f"{adult.qid}<{child.sex_digit}<<{adult.phone}"
    fields = ["", child.capitals, child.born.isoformat(), "1", child.qid, ext]
    subject = f"vn-qid:{child.qid}"
    return _welcome("personal QR, on behalf", "phone", fields, "vn_personal", subject)


def _passport(town: _Town) -> Visitor:
    p = town.person()
    number = f"X{p.id_number[-7:]}"
    name = town.random.choice(_STRANGERS)
    born = p.born.isoformat()
    fields, subject = [number, name, born, "0", p.qid, ""], f"passport:{number}:{born}"
    return _welcome("personal QR, passport", "phone", fields, "vn_personal", subject)


def _id_card(label: str, more: list[str], format: str) -> Callable[[_Town], Visitor]:
    def kind(town: _Town) -> Visitor:
        p = town.person()
        home = f"{town.random.choice(_HAMLETS)}, {town.random.choice(_COMMUNES)}"
        issued = town.now.date() - timedelta(days=town.random.randint(30, 600))
        fields = [p.id_number, "", p.name, f"{p.born:%d%m%Y}", p.sex, home, f"{issued:%d%m%Y}"]
        return _welcome(label, "card", fields + more, format, f"vn-id:{p.id_number}")

    return kind


def _welcome(label: str, medium: Medium, fields: list[str], format: str, subject: str) -> Visitor:
    payload = "|".join(fields).encode()
    return Visitor(label, medium, payload, "pass", "accepted", True, format, subject)


def _valid_es256(town: _Town) -> Visitor:
    payload, subject = town.certificate(town.france, timedelta(days=90), timedelta(days=365))
    return Visitor("HC1, ES256", "phone", payload, "pass", "accepted", True, "hc1", subject)


def _valid_ps256(town: _Town) -> Visitor:
    payload, subject = town.certificate(town.vietnam, timedelta(days=60), timedelta(days=365))
    return Visitor("HC1, PS256", "phone", payload, "pass", "accepted", True, "hc1", subject)


def _expired(town: _Town) -> Visitor:
    payload, subject = town.certificate(town.france, timedelta(days=400), timedelta(days=365))
    return Visitor("HC1, expired", "paper", payload, "fail", "expired", True, "hc1", subject)


def _forged(town: _Town) -> Visitor:
    payload, subject = town.certificate(town.forger, timedelta(days=30), timedelta(days=365))
    return Visitor("HC1, forged", "phone", payload, "fail", "forged", True, "hc1", subject)


def _unknown_issuer(town: _Town) -> Visitor:
    payload, subject = town.certificate(town.stranger, timedelta(days=30), timedelta(days=365))
    label = "HC1, unknown issuer"
    return Visitor(label, "phone", payload, "warn", "unknown-key", True, "hc1", subject)


def _place_code(town: _Town) -> Visitor:
    place = uuid.UUID(int=town.random.getrandbits(128), version=4)
    payload = f"https://kbyt.khambenh.gov.vn/qr/{place}".encode()
    return Visitor("place code", "paper", payload, "warn", "place-code", False, "place", "")


def _web_link(town: _Town) -> Visitor:
    payload = f"https://shop.example/menu?table={town.random.randrange(10**6)}".encode()
    return Visitor("web link", "phone", payload, "warn", "unknown-code", False, "unknown", "")


def _no_code(_: _Town) -> Visitor:
    return Visitor("no code", "none", None, None, "", False, "", "")


_KINDS: list[Callable[[_Town], Visitor]] = [
    _personal_qr("personal QR", "phone"),
    _id_card("CCCD", [], "cccd"),
    _valid_es256,
    _masked,
    _place_code,
    _id_card("Can cuoc 2024", ["", "", "", ""], "can_cuoc_2024"),
    _on_behalf,
    _expired,
    _passport,
    _no_code,
    _valid_ps256,
    _personal_qr("personal QR on paper", "paper"),
    _forged,
    _web_link,
    _unknown_issuer,
]
