"""Commands that reach a kiosk: what is carried out, once, and what never is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk import durable, signed, wire
from kiosk.commands import action as actions
from kiosk.commands import dispatch as dispatching
from kiosk.commands.action import Args, Failed, Kiosk, Result
from kiosk.commands.dispatch import Dispatch
from kiosk.commands.memory import KEPT, SKEW_MS, Memory
from kiosk.config import load
from kiosk.model import ClockState, Instant
from kiosk.relay import Passed

FLEET, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEYS = signed.keys_by_id([FLEET.public_key()])
NOW_MS = 1_795_000_000_000
MINUTE_MS = 60_000
SID = "5d1c5d1c5d1c5d1c"


def made(name: str = "reboot", **changes: Any) -> wire.Command:
    fields: dict[str, Any] = {
        "id": os.urandom(8).hex(),
        "kid": "gate-1",
        "name": name,
        "issued_ms": NOW_MS,
        "expires_ms": NOW_MS + 10 * MINUTE_MS,
    }
    return wire.Command(**{**fields, **changes})


def by(key: Ed25519PrivateKey, command: wire.Command) -> bytes:
    return signed.sign(key, "command", command.issued_ms, wire.encode(command))


class Deed:
    """An action that the test looks at. `hold` makes it wait."""

    Args = Args
    LIMIT_S = 5.0

    def __init__(self) -> None:
        self.done: list[wire.Command] = []
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None
        self.then: Callable[[], None] | None = None

    def act(self, _args: Args, kiosk: Kiosk) -> Result:
        self.go.wait(10)
        self.done.append(kiosk.command)
        if self.error is not None:
            raise self.error
        return Result("so it is", {"n": len(self.done)}, self.then)


class Bench:
    """A dispatch over a real memory, whose actions the test looks at."""

    def __init__(self, folder: Path, deed: Deed) -> None:
        site = folder / "site.toml"
        site.write_text('[kiosk]\nid = "gate-1"\n')
        self.path = folder / "commands.json"
        self.deed = deed
        self.wall_ms, self.clock = NOW_MS, "synced"
        self.keys = KEYS
        self._kiosk = Kiosk(load([site]), [], self.now, lambda _s: None)
        self.boots("boot-1")

    def now(self) -> Instant:
        clock: ClockState = self.clock  # type: ignore[assignment]
        return Instant(self.wall_ms, clock, "boot-1", 1000)

    def ends(self) -> None:
        """The daemon ends in peace, not by a power cut."""
        self.memory.close()

    def boots(self, boot_id: str) -> None:
        """The daemon starts."""
        self.memory = Memory(self.path)
        self.dispatch = Dispatch(self.memory, self.keys, self._kiosk, boot_id)

    def send(self, payload: bytes, name: str = "reboot", sid: str = SID) -> list[wire.Response]:
        """What is said of it until nothing more is done."""
        self.dispatch.passed(Passed(name=name, payload=payload, correlation=b"c", sid=sid))
        return self.said()

    def said(self) -> list[wire.Response]:
        due = time.monotonic() + 10
        while True:
            self.dispatch.turn()
            if not self.dispatch.busy:
                break
            assert time.monotonic() < due
            time.sleep(0.01)
        return self.take()

    def take(self) -> list[wire.Response]:
        told = list(self.dispatch.untold.values())
        for one in told:
            self.dispatch.taken(one.number)
        return [wire.decode(one.response, wire.Response) for one in told]


@pytest.fixture
def deed(monkeypatch: pytest.MonkeyPatch) -> Deed:
    deed = Deed()
    known = actions.action

    def find(name: str) -> Any:
        return deed if known(name) is not None else None

    monkeypatch.setattr(dispatching, "action", find)
    return deed


@pytest.fixture
def bench(tmp_path: Path, deed: Deed) -> Iterator[Bench]:
    yield Bench(tmp_path, deed)
    deed.go.set()


def course(responses: list[wire.Response]) -> list[str]:
    return [f"{r.st} {r.reason}".strip() for r in responses]


def test_what_the_fleet_signed_is_done_and_told_step_by_step(bench: Bench) -> None:
    order = made()
    responses = bench.send(by(FLEET, order))
    assert course(responses) == ["accepted", "running", "done"]
    assert {r.id for r in responses} == {order.id}
    assert responses[-1].result == {"n": 1}
    assert bench.deed.done == [order]


def test_what_cannot_harm_needs_no_signature_and_touches_no_card(bench: Bench) -> None:
    assert course(bench.send(wire.encode(made("identify")), "identify"))[-1] == "done"
    assert not bench.path.exists()


def altered(payload: bytes) -> bytes:
    return payload.replace(b'"reboot"', b'"rebout"')


def with_longer_life(payload: bytes) -> bytes:
    late = str(NOW_MS + 10 * MINUTE_MS).encode()
    return payload.replace(late, str(NOW_MS + 11 * MINUTE_MS).encode())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (wire.encode(made()), "unsigned"),
        (by(STRANGER, made()), "bad-signature"),
        (altered(by(FLEET, made())), "bad-signature"),
        (with_longer_life(by(FLEET, made())), "bad-signature"),
        (by(FLEET, made())[:-1], "bad-signature"),
        (signed.sign(FLEET, "policy", 1, wire.encode(made())), "bad-signature"),
        (by(FLEET, made(kid="gate-2")), "wrong-kiosk"),
        (by(FLEET, made("logs")), "wrong-topic"),
        (by(FLEET, made(expires_ms=NOW_MS + 48 * 60 * MINUTE_MS)), "lifetime"),
        (by(FLEET, made(expires_ms=NOW_MS)), "lifetime"),
        (by(FLEET, made(issued_ms=NOW_MS + 6 * MINUTE_MS)), "not-yet"),
        (by(FLEET, made(args={"now": "yes"})), "bad-args"),
        (signed.sign(FLEET, "command", 1, b"{}"), "unreadable"),
        (signed.sign(FLEET, "command", 1, b"\xff" * 10), "unreadable"),
        (b"", "unreadable"),
        (b"[" * 5000, "unreadable"),
        (b"x" * (wire.MAX_COMMAND_BYTES + 1), "too-large"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_and_not_done(
    bench: Bench, payload: bytes, reason: str
) -> None:
    assert course(bench.send(payload)) == [f"rejected {reason}"]
    assert bench.deed.done == []
    assert not bench.path.exists()


def test_an_unknown_command_is_refused_with_what_is_known(bench: Bench) -> None:
    (answer,) = bench.send(by(FLEET, made("dance")), "dance")
    assert (answer.st, answer.reason) == ("rejected", "unknown-command")
    assert "reboot" in answer.detail


def test_without_a_key_of_the_fleet_nothing_that_can_harm_is_done(bench: Bench) -> None:
    bench.keys = {}
    bench.boots("boot-1")
    assert course(bench.send(by(FLEET, made()))) == ["rejected bad-signature"]
    assert course(bench.send(wire.encode(made("selftest")), "selftest"))[-1] == "done"


def test_a_command_that_is_too_late_is_expired(bench: Bench) -> None:
    bench.wall_ms = NOW_MS + 10 * MINUTE_MS
    assert course(bench.send(by(FLEET, made()))) == ["expired expired"]
    bench.clock = "floor"  # it is at least so late
    assert course(bench.send(by(FLEET, made(sid=SID)))) == ["expired expired"]
    assert bench.deed.done == []


@pytest.mark.parametrize("clock", ["floor", "unknown"])
def test_with_an_unset_clock_only_what_is_for_this_connection_is_new(
    bench: Bench, clock: str
) -> None:
    bench.clock, bench.wall_ms = clock, NOW_MS - 400 * 24 * 60 * MINUTE_MS
    assert course(bench.send(by(FLEET, made()))) == ["rejected clock-unset"]
    assert course(bench.send(by(FLEET, made(sid="0" * 16)))) == ["rejected clock-unset"]
    assert course(bench.send(by(FLEET, made()), sid="")) == ["rejected clock-unset"]
    assert bench.deed.done == []
    assert course(bench.send(by(FLEET, made(sid=SID))))[-1] == "done"


def test_delivered_again_it_is_answered_and_not_done_again(bench: Bench) -> None:
    payload = by(FLEET, made())
    bench.send(payload)
    assert course(bench.send(payload)) == ["done"]
    bench.boots("boot-1")
    assert course(bench.send(payload)) == ["done", "done"]  # its end, in case it was not heard
    bench.ends()
    bench.boots("boot-1")
    assert course(bench.send(payload)) == ["done"]
    bench.wall_ms += 60 * MINUTE_MS
    assert course(bench.send(payload)) == ["done"]
    assert len(bench.deed.done) == 1


def test_delivered_again_while_it_runs_or_waits_it_is_done_once(bench: Bench) -> None:
    bench.deed.go.clear()
    first, second = by(FLEET, made()), by(FLEET, made())
    for payload in (first, second, first, second):
        bench.dispatch.passed(Passed(name="reboot", payload=payload, sid=SID))
        bench.dispatch.turn()
    bench.deed.go.set()
    assert course(bench.said()).count("done") == 2
    assert len(bench.deed.done) == 2


def test_the_same_id_with_another_content_is_refused(bench: Bench) -> None:
    order = made()
    bench.send(by(FLEET, order))
    other = msgspec.structs.replace(order, expires_ms=order.expires_ms + 1)
    assert course(bench.send(by(FLEET, other))) == ["rejected id-reused"]
    assert len(bench.deed.done) == 1


def test_a_reboot_that_is_delivered_again_after_it_is_done_once(bench: Bench) -> None:
    payload = by(FLEET, made())
    bench.deed.go.clear()  # it never comes back: the kiosk goes down under it
    bench.dispatch.passed(Passed(name="reboot", payload=payload, correlation=b"c", sid=SID))
    for _ in range(20):
        bench.dispatch.turn()
        time.sleep(0.01)
    assert course(bench.take()) == ["accepted", "running"]
    bench.boots("boot-2")
    assert course(bench.take()) == ["done"]
    assert course(bench.send(payload)) == ["done"]
    bench.ends()
    bench.boots("boot-3")
    assert bench.take() == []  # the broker has it
    assert course(bench.send(payload)) == ["done"]
    assert bench.deed.done == []


def test_what_a_power_cut_interrupted_is_told_as_failed(bench: Bench) -> None:
    bench.deed.go.clear()
    payload = by(FLEET, made("rotate-key"))
    bench.dispatch.passed(Passed(name="rotate-key", payload=payload, sid=SID))
    for _ in range(20):
        bench.dispatch.turn()
        time.sleep(0.01)
    bench.boots("boot-2")
    assert course(bench.take()) == ["failed interrupted"]
    assert course(bench.send(payload, "rotate-key")) == ["failed interrupted"]


def test_ids_are_few_and_a_forgotten_one_is_never_new(bench: Bench) -> None:
    first = by(FLEET, made(issued_ms=NOW_MS - MINUTE_MS))
    bench.send(first)
    for number in range(KEPT):
        assert course(bench.send(by(FLEET, made(issued_ms=NOW_MS + number))))[-1] == "done"
    bench.boots("boot-1")
    for clock in ("synced", "floor"):
        bench.clock = clock
        assert course(bench.send(first, sid=SID))[-1].startswith("rejected")
    assert len(bench.deed.done) == KEPT + 1
    assert bench.path.stat().st_size < 32 * 1024


def test_a_forgotten_one_is_not_new_for_a_kiosk_that_has_lost_the_time_either(
    bench: Bench,
) -> None:
    first = by(FLEET, made(issued_ms=NOW_MS - MINUTE_MS, sid=SID))
    bench.send(first)
    for number in range(KEPT):
        bench.send(by(FLEET, made(issued_ms=NOW_MS + number)))
    bench.clock, bench.wall_ms = "unknown", 0
    assert course(bench.send(first)) == ["rejected replayed"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0" * 500, None])
def test_after_damage_nothing_that_may_have_been_done_is_done_again(
    bench: Bench, damage: bytes | None
) -> None:
    payload = by(FLEET, made())
    bench.send(payload)
    written = bench.path.read_bytes()
    flipped = written[:-9] + bytes([written[-9] ^ 1]) + written[-8:]
    bench.path.write_bytes(flipped if damage is None else damage)
    bench.boots("boot-1")
    bench.clock = "floor"
    for _ in range(2):  # without a clock it stays so
        assert course(bench.send(payload, sid=SID)) == ["rejected clock-unset"]
        fresh = by(FLEET, made(sid=SID))
        assert course(bench.send(fresh)) == ["rejected memory-damaged"]
    assert course(bench.send(wire.encode(made("identify")), "identify"))[-1] == "done"
    bench.clock = "synced"
    assert course(bench.send(payload)) == ["rejected memory-damaged"]
    assert course(bench.send(payload)) == ["rejected replayed"]
    bench.wall_ms += SKEW_MS + MINUTE_MS
    later = made(issued_ms=bench.wall_ms, expires_ms=bench.wall_ms + MINUTE_MS)
    assert course(bench.send(by(FLEET, later)))[-1] == "done"
    assert [command.id for command in bench.deed.done[2:]] == [later.id]


def test_with_a_full_card_nothing_that_can_harm_is_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    payload = by(FLEET, made())
    with monkeypatch.context() as patched:
        patched.setattr(durable, "replace", full)
        assert course(bench.send(payload)) == ["accepted", "rejected no-memory"]
        assert bench.deed.done == []
    assert course(bench.send(payload))[-1] == "done"


def test_a_flood_is_refused_and_what_was_accepted_is_done(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.deed.go.clear()
    for _ in range(200):
        bench.dispatch.passed(Passed(name="reboot", payload=by(FLEET, made()), sid=SID))
    bench.dispatch.turn()
    bench.deed.go.set()
    bench.said()
    assert caplog.text.count("command refused") == dispatching.REFUSALS_MAX
    assert len(bench.deed.done) == dispatching.WAITING_MAX
    assert len(bench.dispatch.untold) <= dispatching.UNTOLD_MAX


def test_a_command_that_waits_too_long_behind_others_expires(bench: Bench) -> None:
    bench.deed.go.clear()
    for _ in range(2):
        bench.dispatch.passed(Passed(name="reboot", payload=by(FLEET, made()), sid=SID))
        bench.dispatch.turn()
    bench.wall_ms += 11 * MINUTE_MS
    bench.deed.go.set()
    ends = course(bench.said())
    assert "expired expired" in ends
    assert len(bench.deed.done) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Failed("no-panel", "nobody"), "no-panel"),
        (OSError(5, "Input/output error"), "system"),
        (ValueError("0901234567"), "unexpected"),
    ],
)
def test_what_goes_wrong_is_told_without_foreign_words(
    bench: Bench, error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.deed.error = error
    (*_, last) = bench.send(by(FLEET, made()))
    assert (last.st, last.reason, last.result) == ("failed", reason, {})
    assert "0901234567" not in last.detail + caplog.text


def test_what_ends_the_uplink_follows_when_the_end_is_told(bench: Bench) -> None:
    told_when: list[bool] = []
    bench.deed.then = lambda: told_when.append(not bench.dispatch.untold)
    bench.dispatch.passed(Passed(name="reboot", payload=by(FLEET, made()), sid=SID))
    for _ in range(50):
        bench.dispatch.turn()
        time.sleep(0.01)
    assert bench.deed.done and told_when == []
    assert course(bench.take())[-1] == "done"
    bench.dispatch.turn()
    assert told_when == [True]
    assert not bench.dispatch.busy


def test_what_hangs_is_given_up_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.deed.LIMIT_S = 0.1
    bench.deed.go.clear()
    assert course(bench.send(by(FLEET, made())))[-1] == "failed timed-out"
    bench.deed.LIMIT_S = 5.0
    other = by(FLEET, made())
    bench.dispatch.passed(Passed(name="reboot", payload=other, sid=SID))
    bench.dispatch.turn()
    bench.deed.go.set()
    assert course(bench.said())[-1] == "done"


def test_the_journal_says_who_commanded_what_and_how_it_ended(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    order = made()
    bench.send(by(FLEET, order))
    key = signed.key_id(FLEET.public_key())
    assert f"command accepted name=reboot id={order.id} key={key}" in caplog.text
    assert f"command ended name=reboot id={order.id} key={key} result=done" in caplog.text
    bench.send(by(STRANGER, made()), "x\ny" * 100)
    assert "command refused name='x\\ny" in caplog.text


def test_no_bit_of_a_signed_command_can_be_changed(bench: Bench) -> None:
    payload = by(FLEET, made())
    for at in range(0, len(payload), 7):
        bent = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        assert course(bench.send(bent))[-1].startswith("rejected")
    assert bench.deed.done == []
