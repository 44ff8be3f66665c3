"""Invented visitors with names and numbers that stand nowhere else, and how each of these may be
spelled: for tests that search everything a kiosk writes or remembers."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

import cbor2

from demo.abroad import Everybody, everybody
from demo.crowd import Visitor
from demo.issuers import transliterate
from kiosk.credentials import listing, parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.lists import parse_trust

_FAMILY = ["Nguyễnthừa", "Trầnquảng", "Huỳnhđoàn", "Phạmthượng", "Đặngkhương", "Võtruyền"]
_GIVEN = ["Ngọcánhdương", "Quỳnhhươngly", "Đứctrườngan", "Thảonguyêný", "Xuânđượmhồ", "Mỹlệthuỳ"]
_WINDOW = 28
_PUBLIC = ("hcmc",)  # begins with words that stand in the program; its secret is looked for


class Stranger(NamedTuple):
    """`payload` of their code; `secrets` are names and numbers that nobody may learn; `shown`
    is the abbreviated name, for the panel alone."""

    label: str
    payload: bytes
    secrets: tuple[str, ...]
    shown: str

    def visitor(self) -> Visitor:
        """The same, as the demo draws it."""
        return Visitor(self.label, "phone", self.payload, None, "", True, "", "")


class _People:
    """Nobody comes twice."""

    def __init__(self) -> None:
        self._number = 0

    def next(self) -> tuple[str, str, date, str]:
        """Family name, given names, date of birth, six digits."""
        n = self._number = self._number + 1
        letters = "".join("bcdghklmnpqrstvx"[int(c, 16)] for c in f"{n * 2654435761 % 2**24:06x}")
        family = f"{_FAMILY[n % len(_FAMILY)]}{letters[:3]}"
        given = f"Thị{letters[3:]}vânkhánh {_GIVEN[n % len(_GIVEN)]}{letters[1:4]}"
        born = date(1931, 3, 2) + timedelta(days=37 * n)
        return family, given, born, f"{(n * 730_021 + 111_111) % 10**6:06}"


def strangers(now: datetime | None = None) -> tuple[list[Stranger], bytes]:
    """One of each kind of code, and the trust list that believes those that are signed."""
    now = now or datetime.now(UTC)
    issuers = everybody(now - timedelta(days=90), now + timedelta(days=300))
    trust = listing.encode(issuers.listing)
    believed = parse_trust(trust)
    made = [
        Stranger(label, payload, secrets, parse(payload, believed).display)
        for label, payload, secrets in _codes(_People(), issuers, now)
    ]
    return made, trust


def _codes(
    people: _People, issuers: Everybody, now: datetime
) -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    start, end, first = now - timedelta(days=30), now + timedelta(days=90), date(2021, 8, 2)
    family, given, born, six = people.next()
    name = f"{family} {given}"
    capitals = transliterate(name).replace("<", " ")
    numbers = f"099031{six}", f"162979{six}012345", f"0110{six}"
    text = f"{numbers[0]}|{capitals}|{born}|0|{numbers[1]}|<2<00<{numbers[2]}"
    yield "vn_personal", text.encode(), (*_names(name), *numbers)

    family, given, born, six = people.next()
    name = f"{family} {given}"
    numbers = f"099031{six}", f"301{six}", f"{born:%d%m%Y}"
    home = "Ấp Trườnglưuthuỷ, Bến Tre"
    text = f"{numbers[0]}|{numbers[1]}|{name}|{numbers[2]}|Nữ|{home}|01062021"
    yield "cccd", text.encode(), (*_names(name), *numbers, "Trườnglưuthuỷ")

    family, given, born, six = people.next()
    name = f"{family} {given}"
    text = f"099031{six}||{name}|{born:%d%m%Y}|Nam|Thôn Vĩnhphướclộc|01072024||||"
    yield "can_cuoc_2024", text.encode(), (*_names(name), f"099031{six}", "Vĩnhphướclộc")

    family, given, born, six = people.next()
    name, parent = f"{family} {given}", "Lêcẩmnhungvũ Đàothịtrinh"
    code, home = f"DN4010110{six}", "Phường Tânthớihiệp".encode().hex()
    text = (
        f"{code}|{name.encode().hex()}|{born:%d/%m/%Y}|2|{home}|01 - 028|01/07/2023|-|31/07/2023|"
        f"01050{six}|{parent.encode().hex()}|4| 01/10/2027|0000000000000000-1202|4|{home}|$"
    )
    yield "bhyt", text.encode(), (*_names(name), *_names(parent), code, "Tânthớihiệp")

    token = f"7c9e66{people.next()[3]}-7425-40de-944b-e07fc1f90ae7"
    yield (
        "hcmc",
        f"https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id={token}".encode(),
        (token,),
    )

    family, given, born, _ = people.next()
    payload = issuers.dcc.issue(family, given, born, start, end)
    yield "hc1", payload, (*_names(f"{family} {given}"), str(born))

    family, given, born, _ = people.next()
    payload = issuers.cards.issue(family, given, born, [first, first], start)
    yield "shc", payload, (*_names(f"{family} {given}"), str(born))

    family, given, born, _ = people.next()
    payload = issuers.passes.wrap(
        cbor2.dumps(issuers.passes.content(family, given, born, start, end))
    )
    yield "nzcp", payload, (*_names(f"{family} {given}"), str(born))

    family, given, born, six = people.next()
    name = f"{transliterate(family)}  {transliterate(given).replace('<', ' ')}"
    passport = f"C7{six}"
    payload = issuers.seals.wrap(issuers.seals.vaccination(name, born, passport, [first, first]))
    yield "vds_nc", payload, (*_names(name), passport, str(born))

    family, given, born, six = people.next()
    name = f"{family} {given}"
    door_pass = Pass(
        id=int(six), name=name, birth=str(born), group="7A", first=now.date(), last=end.date()
    )
    yield "door_pass", encode(door_pass, issuers.doors), (*_names(name), str(born))

    family, given, born, six = people.next()
    text = f"MECARD:N:{family} {given};TEL:0110{six};NOTE:sinh {born};;"
    yield "unknown", text.encode(), (*_names(f"{family} {given}"), f"0110{six}")


def _names(name: str) -> tuple[str, ...]:
    """The whole, and each word that is long enough to stand for somebody."""
    words = [word for word in name.split() if len(word) >= 7]
    return (" ".join(name.split()), *words)


def broken(stranger: Stranger) -> list[Stranger]:
    """The same code, spoilt as hands, printers and bad scanners do it."""
    whole = stranger.payload
    third = len(whole) // 3
    spoilt = {
        "cut": whole[: 2 * third],
        "head": whole[:third],
        "doubled": whole + whole,
        "not UTF-8": whole[:third] + b"\xff\xfe" + whole[third:],
        "another letter": whole[:third] + b"~" + whole[third + 1 :],
        "a member more": whole.replace(b"|", b"||", 1) + b"|x",
        "no digits": whole.replace(b"1", b"l"),
        "NUL": whole[:third] + b"\0" + whole[third:],
        "lower": whole.lower(),
    }
    return [
        stranger._replace(label=f"{stranger.label}, {how}", payload=payload)
        for how, payload in spoilt.items()
        if payload != whole
    ]


class Spelling(NamedTuple):
    """`pattern` is looked for in bytes whose ASCII letters were made small if `folded`."""

    stranger: str
    secret: str
    how: str
    pattern: bytes
    folded: bool


def spellings(stranger: Stranger) -> Iterator[Spelling]:
    """All the ways in which something of a person may be written."""
    for secret in stranger.secrets:
        for how, pattern, folded in _written(secret):
            yield Spelling(stranger.label, secret, how, pattern, folded)
    # Of the payload, where it hides what it says: some windows of it.
    payload = b"" if stranger.label in _PUBLIC else stranger.payload
    payload = payload.partition(b',"sig":')[0]  # certificates stand in the trust list as well
    for at in range(8, len(payload) - _WINDOW, max(1, (len(payload) - _WINDOW) // 6)):
        window = payload[at : at + _WINDOW]
        yield Spelling(stranger.label, f"payload from {at}", "as it is", window.lower(), True)
        yield Spelling(stranger.label, f"payload from {at}", "hex", window.hex().encode(), True)


def _written(secret: str) -> Iterator[tuple[str, bytes, bool]]:
    plain = transliterate(secret).replace("<", " ") if not secret[0].isdigit() else secret
    forms = {
        "NFC": unicodedata.normalize("NFC", secret),
        "NFD": unicodedata.normalize("NFD", secret),
        "plain": plain,
        "ICAO": plain.replace(" ", "<"),
        "joined": plain.replace(" ", ""),
    }
    seen: set[bytes] = set()
    for form, text in forms.items():
        for case, cased in (("", text), ("capitals ", text.upper()), ("small ", text.lower())):
            for how, pattern, folded in _encoded(cased):
                if len(pattern) >= 8 and pattern not in seen:
                    seen.add(pattern)
                    yield f"{case}{form} {how}", pattern, folded


def _encoded(text: str) -> Iterator[tuple[str, bytes, bool]]:
    data = text.encode()
    # bytes.lower touches ASCII alone: what is not ASCII stands in each case of its own.
    yield "UTF-8", data.lower(), True
    yield "UTF-16", text.encode("utf-16-le"), False
    yield "UTF-32", text.encode("utf-32-le"), False
    yield "hex", data.hex().encode(), True
    yield "in a URL", quote(text).lower().encode(), True
    yield "in a form", quote(text).replace("%20", "+").lower().encode(), True
    yield "in JSON", json.dumps(text)[1:-1].lower().encode(), True
    yield "as Python shows bytes", repr(data)[2:-1].lower().encode(), True
    yield "as Python shows text", ascii(text)[1:-1].lower().encode(), True
    for shift in range(3):
        for name, coded in _base64(data, shift):
            yield f"{name} ({shift})", coded, False


def _base64(data: bytes, shift: int) -> Iterator[tuple[str, bytes]]:
    """The letters that stand there whatever comes before and behind."""
    whole = base64.b64encode(b"\0" * shift + data)
    first = -(-shift * 8 // 6) if shift else 0
    last = (shift + len(data)) * 8 // 6
    if (piece := whole[first:last]) and len(piece) >= 8:
        yield "base64", piece
        yield "base64url", piece.translate(bytes.maketrans(b"+/", b"-_"))


class Finder:
    """Finds what of these people stands in bytes."""

    def __init__(self, people: list[Stranger]) -> None:
        self.spellings = [one for person in people for one in spellings(person)]

    def found(self, data: bytes) -> list[Spelling]:
        folded = data.lower()
        return [one for one in self.spellings if one.pattern in (folded if one.folded else data)]
