"""How an operator's commands go out to many kiosks, and what is told of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.fleet import commanding, reasons
from central.fleet.campaign import Campaign
from central.fleet.line import Heard, Sent
from central.fleet.orders import Order, Orders, make
from kiosk import wire
from kiosk.errors import ConfigError

TREE = Path(__file__).parents[2]
KIDS = [f"gate-{n}" for n in range(10)]


class Line:
    """A broker in the test's hand."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self._waiting: list[Heard] = []

    def publish(self, topic: str, payload: bytes, **_more: Any) -> Sent:
        self.sent.append((topic, payload))
        return Sent()

    def turn(self, _wait_s: float) -> list[Heard]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def online(self, *kids: str) -> None:
        for kid in kids:
            state = wire.encode(wire.State("online", f"sid-{kid}"))
            self._waiting.append(Heard(wire.up(kid, "state"), state, True, b""))

    def answer(self, order: Order, st: wire.Status, id: str | None = None, **more: Any) -> None:
        command = order.command
        response = wire.Response(
            id=command.id if id is None else id,
            name=command.name,
            st=st,
            at_ms=1,
            clock="synced",
            reason=more.get("reason", ""),
        )
        heard = Heard(
            more.get("topic", wire.up(command.kid, "rsp")),
            wire.encode(response),
            more.get("retained", False),
            command.id.encode(),
        )
        self._waiting.append(heard)

    def junk(self, topic: str, payload: bytes) -> None:
        self._waiting.append(Heard(topic, payload, False, b""))


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def orders(line: Line) -> Orders:
    found: Any = line
    return Orders(found)


def identify(kid: str) -> Order:
    return make(kid, "identify", {}, 600, None)


def campaign(orders: Orders, at_a_time: int = 3, stop_after: int = 2) -> Campaign:
    return Campaign(orders, identify, KIDS, at_a_time, stop_after)


def test_only_so_many_at_a_time(line: Line, orders: Orders) -> None:
    line.online(*KIDS)
    orders.turn(0)
    sending = campaign(orders)
    sending.turn(0)
    assert len(line.sent) == 3
    while not sending.over:
        before = len(line.sent)
        line.answer(sending.courses[before - 3].order, "done")
        sending.turn(0)
        sending.turn(0)
        assert len(line.sent) <= before + 1
        if not sending.unsent:
            for course in sending.courses:
                line.answer(course.order, "done")
    assert [course.kid for course in sending.courses] == KIDS


def test_nobody_else_gets_it_once_it_goes_wrong(line: Line, orders: Orders) -> None:
    line.online(*KIDS)
    orders.turn(0)
    sending = campaign(orders)
    sending.turn(0)
    for course in sending.courses:
        line.answer(course.order, "failed")
    sending.turn(0)
    sending.turn(0)
    assert sending.stopped and sending.over
    assert len(line.sent) == 3
    assert sending.unsent == KIDS[3:]


def test_who_is_away_keeps_nobody_waiting(line: Line, orders: Orders) -> None:
    line.online(*KIDS[5:])
    orders.turn(0)
    sending = campaign(orders, at_a_time=1)
    sending.turn(0)
    assert len(line.sent) == 6


def test_what_was_not_readable_is_known_by_its_correlation(line: Line, orders: Orders) -> None:
    course = orders.send(identify("gate-1"))
    line.answer(course.order, "rejected", id="")
    orders.turn(0)
    assert course.over and not course.done


def test_nobody_answers_for_another_and_nothing_retained_counts(line: Line, orders: Orders) -> None:
    course = orders.send(identify("gate-1"))
    line.answer(course.order, "done", topic=wire.up("gate-2", "rsp"))
    line.answer(course.order, "done", retained=True)
    line.junk(wire.up("gate-1", "rsp"), b"\xff")
    line.junk("kiosk/1/_all/up/rsp", b"{}")
    orders.turn(0)
    assert course.responses == []


def test_a_course_goes_forward_only(line: Line, orders: Orders) -> None:
    course = orders.send(identify("gate-1"))
    for st in ("accepted", "accepted", "running", "accepted", "done", "failed", "running"):
        line.answer(course.order, st)  # type: ignore[arg-type]
    orders.turn(0)
    assert [r.st for r in course.responses] == ["accepted", "running", "done"]


@pytest.mark.parametrize(
    ("kid", "name", "args"),
    [
        ("gate-1", "Re boot", {}),
        ("gate-1", "identify", {"k": "x" * 9000}),
        ("gate-1", "identify", {f"k{n}": "x" for n in range(17)}),
        ("gate-1", "identify", {f"k{n}": "x" * 8000 for n in range(4)}),
        ("g" * 65, "identify", {}),
        ("gate-1", "reboot", {}),
    ],
)
def test_what_no_kiosk_could_take_is_not_sent(kid: str, name: str, args: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        make(kid, name, args, 600, None)


def test_a_misspelt_command_is_not_told_to_be_signed() -> None:
    with pytest.raises(ConfigError, match=r"no such command.*there are: identify, selftest"):
        make("gate-1", "identfy", {}, 600, None)
    with pytest.raises(ConfigError, match="must be signed: add --key"):
        make("gate-1", "reboot", {}, 600, None)


def told(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> str:
    commanding._tell(campaign, False)
    return capsys.readouterr().out


def test_what_is_wrong_with_an_argument_comes_with_those_there_are(
    line: Line, orders: Orders, capsys: pytest.CaptureFixture[str]
) -> None:
    order = make("gate-1", "restart", {"daemon": "x"}, 600, Ed25519PrivateKey.generate())
    line.online("gate-1")
    one = Campaign(orders, lambda _kid: order, ["gate-1"], 1, 1)
    one.turn(0)
    line.answer(order, "rejected", reason="bad-args")
    one.turn(0)
    assert "daemon=scanner|feedback|uplink|all" in told(one, capsys)


@pytest.mark.parametrize(
    ("lifetime_s", "says"), [(600, "it waits at the broker"), (-1, "it has expired")]
)
def test_a_command_waits_no_longer_than_its_lifetime(
    orders: Orders, capsys: pytest.CaptureFixture[str], lifetime_s: float, says: str
) -> None:
    order = make("gate-1", "identify", {}, lifetime_s, None)
    one = Campaign(orders, lambda _kid: order, ["gate-1"], 1, 1)
    one.turn(0)
    assert says in told(one, capsys)


def said(file: Path) -> Iterator[str]:
    """Every reason that a file of the kiosk gives."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        constants = [a.value for a in node.args if isinstance(a, ast.Constant)]
        if name in ("Failed", "Rejected", "no") and node.args:
            yield from constants[:1]
        if name == "_end":
            yield from constants[1:2]
        for keyword in node.keywords:
            if keyword.arg in ("no", "reason") and isinstance(keyword.value, ast.Constant):
                yield keyword.value.value


def test_every_reason_of_a_kiosk_has_its_words() -> None:
    files = [*(TREE / "kiosk/commands").rglob("*.py"), TREE / "kiosk/uplink/commands.py"]
    found = {str(reason) for file in files for reason in said(file)} - {""}
    assert {"expired", "no-daemon", "behind", "no-memory", "unexpected"} <= found
    assert found - set(reasons.VIETNAMESE) == set()
    assert set(reasons.VIETNAMESE) - found <= {"interrupted"}
    assert reasons.words("new-one", "in English") == "new-one: in English"
