"""Coming and going at a toggle door, with the real daemons, broker and centre. A press of the
button is told by us, in place of the panel's daemon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rig import until

from central.db import check_in, connect
from demo.crowd import Visitor, crowd_of
from demo.kiosk import Kiosk, section
from demo.scenes import draw
from demo.town import Town
from kiosk import clock
from kiosk.cues import ButtonCue, Outlet

pytestmark = pytest.mark.timeout(240)

MIN_STAY_S = 8.0
REPEAT_S = 2.5  # longer than scan.repeat_s, see demo.kiosk
ANYBODY = next(v for v in crowd_of(16, seed=5, now=time.time()).visitors if v.outcome == "pass")
QID = "162979000000000001"


def holding(payload: str) -> Visitor:
    return replace(ANYBODY, medium="phone", payload=payload.encode())


CARD = holding("099199000001|990000001|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021")
PHONE = holding(f"099199000001|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|<2")
CHILD = holding(f"|LE VAN CON|2015-09-05|1|162979000000000002|{QID}<1")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, ["gate-1"]) as town:
        (kiosk,) = town.kiosks
        file = kiosk.root / "toggle.toml"
        file.write_text(section("kiosk", direction="toggle", min_stay_s=MIN_STAY_S))
        kiosk.daemons["scanner"].command += ["--config", str(file)]
        restart(kiosk)
        yield town


def restart(kiosk: Kiosk) -> None:
    kiosk.daemons["scanner"].kill()
    (kiosk.run / "scanner.sock").unlink(missing_ok=True)
    kiosk.start()
    until((kiosk.run / "scanner.sock").exists, "the scanner listens")


def came(kiosk: Kiosk, visitor: Visitor) -> tuple[str, str]:
    """Direction and whether the answer repeats; leaves nobody before the camera."""
    answer = kiosk.ask(draw(visitor, seed=1), patience_s=20)
    kiosk.take_away()
    time.sleep(REPEAT_S)
    return answer["direction"], answer["repeated"]


def press(kiosk: Kiosk) -> None:
    button = Outlet(kiosk.run, "scanner", "feedback")
    until(
        lambda: button.send(ButtonCue(number=1, at=clock.boottime())),
        "the scanner hears of the button",
    )
    button.close()


@pytest.fixture
def kiosk(town: Town) -> Kiosk:
    (kiosk,) = town.kiosks
    return kiosk


@pytest.fixture
def rows(town: Town, tmp_path: Path) -> Callable[[int], list[tuple[str, str, str]]]:
    """Direction, subject and party of all rows at the centre, once there are so many."""

    def rows(count: int) -> list[tuple[str, str, str]]:
        assert town.wait_until_committed(count) == count
        engine = connect(f"sqlite:///{tmp_path}/tracing.sqlite")
        with engine.connect() as connection:
            found = connection.execute(check_in.select().order_by(check_in.c.scanned_at_ms)).all()
        engine.dispose()
        return [(row.direction, row.subject, row.party) for row in found]

    return rows


def test_in_again_out_and_unknown_after_a_restart(
    kiosk: Kiosk, rows: Callable[[int], list[tuple[str, str, str]]]
) -> None:
    press(kiosk)  # a scanner that was just started does not know who is inside
    assert came(kiosk, CARD) == ("out", "0")
    time.sleep(MIN_STAY_S)
    assert came(kiosk, CARD) == ("in", "0")
    assert came(kiosk, CARD) == ("in", "1")
    assert came(kiosk, PHONE) == ("in", "1"), "another code of the same person"
    time.sleep(MIN_STAY_S)
    assert came(kiosk, PHONE) == ("out", "0")
    restart(kiosk)
    assert came(kiosk, CARD) == ("unknown", "0")
    assert came(kiosk, CARD) == ("unknown", "1")
    found = rows(4)
    assert [direction for direction, _, _ in found] == ["out", "in", "out", "unknown"]
    assert {subject for _, subject, _ in found} == {"vn-id:099199000001"}
    until(lambda: len(kiosk.shown()) == 7, "the panel showed all of them")


def test_a_dependant_and_the_adult_reach_the_centre_as_a_party(
    kiosk: Kiosk, rows: Callable[[int], list[tuple[str, str, str]]]
) -> None:
    for visitor in (PHONE, CHILD):
        came(kiosk, visitor)
    (_, adult, party), (_, dependant, same) = rows(2)
    assert (adult, dependant) == ("vn-id:099199000001", "vn-qid:162979000000000002")
    assert party == same != ""
