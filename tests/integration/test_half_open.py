"""A line that falls silent without an end: how soon kiosk and centre notice, and when not."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doors import Centre, Door
from rig import Broker, until
from ways import Relay

from kiosk import wire
from kiosk.config import load
from kiosk.uplink.connection import WILL_DELAY_S, sign_of_life_s
from provisioning.authority import enrol

SWEEP_S = 10.0  # Mosquitto looks for silent clients every 5 s; and this machine may be busy


@pytest.fixture
def relay(broker: Broker, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(broker.port, tmp_path / "relay.log")
    relay.start()
    yield relay
    relay.signal(signal.SIGCONT)
    relay.close()


@pytest.fixture
def far(fleet: Path, relay: Relay, tmp_path: Path) -> Iterator[Door]:
    """A kiosk behind the relay."""
    site = enrol(fleet, f"far-{relay.port}", "Xa", f"localhost:{relay.port}", tmp_path / "far")
    door = Door(site, tmp_path / "door")
    yield door
    door.close()


def states(centre: Centre) -> list[str]:
    payloads = [p for topic, p, _ in centre.heard if topic.endswith("/up/state")]
    return [wire.decode(p, wire.State).st for p in payloads]


def online(door: Door) -> Callable[[], bool]:
    return lambda: bool(door.state and door.state.online)


def test_a_gap_of_20_s_is_noticed_in_time_and_a_kiosk_that_lives_is_not_called_dead(
    far: Door, centre: Centre, relay: Relay
) -> None:
    centre.is_("online")
    far.start()
    until(lambda: states(centre) and far.state and far.state.centre, "connected")
    keepalive_s = far.config.broker.keepalive_s
    relay.signal(signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: far.says("no sign of life"), "the kiosk notices")
    noticed_s = time.monotonic() - began
    assert noticed_s <= 1.5 * keepalive_s + 2  # the cue to the panel comes once a second
    far.visit()
    time.sleep(max(0.0, 20 - (time.monotonic() - began)))
    relay.signal(signal.SIGCONT)
    until(online(far), "it is back")
    centre.answer(centre.batch())
    until(far.empty, "the segment is dropped")
    time.sleep(max(0.0, WILL_DELAY_S + SWEEP_S - (time.monotonic() - began)))
    assert "lost" not in states(centre)
    assert states(centre)[-1] == "online"


def test_a_kiosk_that_is_dead_is_known_as_such(far: Door, centre: Centre, relay: Relay) -> None:
    """Its power fails, so nothing says goodbye, to the broker or to the kernel's peer."""
    far.start()
    until(lambda: states(centre) == ["online"], "connected")
    relay.signal(signal.SIGSTOP)
    far.kill()
    began = time.monotonic()
    until(lambda: states(centre)[-1] == "lost", "the centre is told", timeout_s=60)
    took_s = time.monotonic() - began
    silence_s = 1.5 * sign_of_life_s(far.config.broker.keepalive_s)
    assert WILL_DELAY_S <= took_s <= silence_s + WILL_DELAY_S + SWEEP_S


def test_with_the_defaults_a_dead_kiosk_is_known_within_90_s_and_a_live_one_has_20_s() -> None:
    keepalive_s = load([]).broker.keepalive_s
    sign_s = sign_of_life_s(keepalive_s)
    assert 1.5 * sign_s + WILL_DELAY_S + SWEEP_S <= 90
    assert 2 * sign_s <= 1.5 * keepalive_s  # the kiosk's own limit: a ping, and its answer
    assert WILL_DELAY_S > 20
