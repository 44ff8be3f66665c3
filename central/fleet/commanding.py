"""`python -m central.fleet command KID... NAME`: commands kiosks and waits for what they say."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from central import files
from central.fleet import reasons
from central.fleet.campaign import Campaign
from central.fleet.line import Line, LineError
from central.fleet.orders import KNOWN, Course, Order, Orders, load_key, make
from central.fleet.telling import presence, presence_in_words, show
from central.words import both
from kiosk import wire
from kiosk.errors import ConfigError

HEARD_S = 2.0
"""Retained messages come with the subscription; who has not been heard by then never was."""
NOT_ALL, UNANSWERED = 1, 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whom, what, and how long."""
    parser.epilog = "\n".join(
        [
            both("các lệnh", "commands") + ":",
            *(f"  {name:<20} {what}" for name, what in KNOWN.items()),
            "",
            both("kết thúc với", "ends with")
            + " 0: "
            + both("xong hết", "all done")
            + f", {NOT_ALL}: "
            + both("có máy không làm", "a kiosk did not")
            + f", {UNANSWERED}: "
            + both("chưa có câu trả lời cuối", "no final answer yet"),
        ]
    )
    parser.add_argument("kids", nargs="*", metavar="KID", help=both("máy nào", "which kiosks"))
    parser.add_argument("command", metavar="NAME", help=both("lệnh gì", "which command"))
    parser.add_argument(
        "--all", action="store_true", help=both("mọi máy từng kết nối", "all that ever connected")
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=both("tham số; VALUE có thể là @TỆP", "an argument; VALUE may be @FILE"),
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help=both(
            "khóa ký của hệ thống, fleet-sign.key", "the fleet's signing key, fleet-sign.key"
        ),
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=120.0,
        metavar="S",
        help=both("chờ trả lời bao lâu", "wait so long for answers") + " (%(default)s)",
    )
    parser.add_argument(
        "--expires",
        type=float,
        default=600.0,
        metavar="S",
        help=both("máy nhận muộn hơn thì bỏ", "void for a kiosk that gets it later")
        + " (%(default)s)",
    )
    parser.add_argument(
        "--at-a-time",
        type=_count,
        default=20,
        metavar="N",
        help=both("bao nhiêu máy cùng lúc", "so many kiosks at once") + " (%(default)s)",
    )
    parser.add_argument(
        "--stop-after",
        type=_count,
        default=3,
        metavar="N",
        help=both("dừng khi bấy nhiêu máy không làm được", "no further once so many did not do it")
        + " (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help=both("cho máy đọc", "for machines"))
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=both("chỉ cho biết máy nào", "only show which kiosks"),
    )
    parser.set_defaults(misused=parser.error)


def run(given: argparse.Namespace) -> int:
    """Raises ConfigError and LineError."""
    kids = None if given.all else list(dict.fromkeys(given.kids))
    if bool(given.kids) == given.all:
        given.misused(both("cần KID, hoặc --all", "either KID... or --all is needed"))
    if not 1 <= given.expires <= wire.MAX_LIFETIME_MS / 1000:
        given.misused(f"--expires {given.expires:g}; 1 .. {wire.MAX_LIFETIME_MS // 1000}")
    for kid in kids or []:
        if not wire.KID.fullmatch(kid):
            raise ConfigError([f"{kid!r}: " + both("không phải mã máy", "is no kiosk's id")])
    args = dict(_argument(text) for text in given.arg)
    key = load_key(given.key) if given.key else None

    def order(kid: str, sid: str = "") -> Order:
        return make(kid, given.command, args, given.expires, key, sid)

    order(kids[0] if kids else "x")  # what is wrong with it is told before anybody is asked
    line: Line = given.line()
    orders = Orders(line)
    line.open(orders.topics(kids))
    try:
        _listen(orders, kids)
        chosen = sorted(orders.states) if kids is None else kids
        if given.dry_run:
            _dry(orders, chosen, given)
            return 0
        campaign = Campaign(
            orders,
            lambda kid: order(kid, orders.sid(kid)),
            chosen,
            given.at_a_time,
            given.stop_after,
        )
        _follow(campaign, given.wait)
    finally:
        line.close()
    _tell(campaign, given.json)
    if campaign.courses and not campaign.unsent and all(c.done for c in campaign.courses):
        return 0
    return NOT_ALL if campaign.over else UNANSWERED


def _follow(campaign: Campaign, wait_s: float) -> None:
    """For `wait_s` after the last was sent. What has come stays, should the broker go."""
    due = time.monotonic() + wait_s
    try:
        while time.monotonic() < due and not campaign.over:
            if campaign.turn(0.2):
                due = time.monotonic() + wait_s
            if sys.stderr.isatty():
                over = sum(course.over for course in campaign.courses)
                total = len(campaign.courses) + len(campaign.unsent)
                print(f"\r\x1b[K{over}/{total} ...", end="", file=sys.stderr, flush=True)
    except LineError as error:
        print(error, file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _argument(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError([f"--arg {text!r}: " + both("phải là", "expected") + " KEY=VALUE"])
    if value.startswith("@"):
        try:
            value = files.read(Path(value[1:])).decode()
        except UnicodeDecodeError:
            raise ConfigError([f"{value[1:]}: " + both("không phải UTF-8", "not UTF-8")]) from None
    return key, value


def _listen(orders: Orders, kids: list[str] | None) -> None:
    due = time.monotonic() + HEARD_S
    while time.monotonic() < due and (kids is None or set(kids) - set(orders.states)):
        orders.turn(0.1)


def _dry(orders: Orders, kids: list[str], given: argparse.Namespace) -> None:
    if given.json:
        found = [{"kid": kid, "state": presence(orders.states.get(kid))} for kid in kids]
        print(msgspec.json.encode(found).decode())
        return
    table = Table(box=None, pad_edge=False)
    for title in (both("máy", "kiosk"), both("trạng thái", "state"), both("lệnh", "command")):
        table.add_column(title)
    for kid in kids:
        table.add_row(kid, presence_in_words(orders.states.get(kid)), given.command)
    show(table)


def _tell(campaign: Campaign, as_json: bool) -> None:
    if as_json:
        rows = [_plain(course) for course in campaign.courses]
        unsent = [{"kid": kid, "course": [], "reason": "not-sent"} for kid in campaign.unsent]
        print(msgspec.json.encode([*rows, *unsent]).decode())
        return
    table = Table(box=None, pad_edge=False)
    for title in (both("máy", "kiosk"), both("diễn biến", "course"), both("chi tiết", "detail")):
        table.add_column(title, overflow="fold")
    for course in campaign.courses:
        table.add_row(course.kid, _course(course), _detail(course))
    why = both("dừng vì máy khác không làm được", "stopped: others did not do it")
    for kid in campaign.unsent:
        table.add_row(kid, both("chưa gửi", "not sent"), why if campaign.stopped else "")
    show(table)
    for course in campaign.courses:
        if course.last is not None and course.last.result:
            print(f"\n{course.kid}:")
            print(_shown(course.last.result))


def _course(course: Course) -> str:
    steps = [response.st for response in course.responses]
    return " -> ".join(steps) or both("chưa trả lời", "no answer")


def _detail(course: Course) -> str:
    if course.sent.why:
        return both("broker không nhận", "the broker refuses it") + f": {course.sent.why}"
    last = course.last
    if last is None:
        if course.sent.nobody:
            return both(
                "không máy nào nghe; lệnh đã mất", "nobody listens there; the command is lost"
            )
        if course.order.command.expires_ms <= time.time_ns() // 1_000_000:
            return both("đã hết hạn", "it has expired")
        return both(
            "máy sẽ nhận khi kết nối, nếu chưa hết hạn", "it waits at the broker until it expires"
        )
    words = reasons.words(last.reason, last.detail)
    name = course.order.command.name
    if last.reason == "bad-args" and name in KNOWN:
        return f"{words}; {name}: {KNOWN[name]}"
    return words


def _plain(course: Course) -> dict[str, Any]:
    last = course.last
    return {
        "kid": course.kid,
        "id": course.order.command.id,
        "name": course.order.command.name,
        "course": [response.st for response in course.responses],
        "reason": course.sent.why or (last.reason if last else ""),
        "detail": last.detail if last else "",
        "result": last.result if last else {},
    }


def _shown(result: dict[str, Any]) -> str:
    """Lines as lines, findings as the doctor tells them, the rest as JSON."""
    if set(result) == {"lines"}:
        return "\n".join(str(line) for line in result["lines"])
    if set(result) == {"findings"}:
        return "\n".join(_findings(result["findings"]))
    if set(result) == {"csr"}:
        return str(result["csr"])
    return msgspec.json.format(msgspec.json.encode(result)).decode()


def _findings(parts: dict[str, Any]) -> Iterator[str]:
    for part, members in parts.items():
        for one in members:
            yield f"{part:<14}{'ok   ' if one['ok'] else 'WRONG'}  {one['what']}"
            if one["remedy"]:
                yield f"{'':<21}-> {one['remedy']}"


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}; expected 1, 2, 3 ..")
