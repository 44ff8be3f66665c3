"""Configuration from afar on a card that forgets what was not synced, cut at every change of it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from wanting import Kiosk, document

from bench._fork import bury, forked, kill
from bench._mount import LossyMount, Order, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
LONG_S = 3.0


@pytest.mark.parametrize("good", [True, False])
def test_a_cut_at_any_change_of_the_card_leaves_the_one_or_the_other(
    tmp_path: Path, good: bool
) -> None:
    (tmp_path / "card").mkdir()
    with closing(LossyMount(tmp_path / "card")) as mount:
        cut_everywhere(tmp_path, mount, good)


def cut_everywhere(tmp_path: Path, mount: LossyMount, good: bool) -> None:
    expected = (4, 4, "applied") if good else (3, 4, "rolled-back")
    wanted = document(4, "[panel]\nanswer_s = 9")
    over = tmp_path / "over"
    found, after = set(), 0
    while not over.exists():
        root = tmp_path / str(after)
        root.mkdir()
        mount.obey(Order("blank"))
        kiosk = Kiosk(root, mount.folder)
        kiosk.others_work_with = lambda version: good or version != 4
        kiosk.start()
        kiosk.publish(document(3, "[panel]\nanswer_s = 7"))
        assert kiosk.settle(30).status == "applied"

        def change(kiosk: Kiosk = kiosk) -> None:
            mount.leave()
            kiosk.start()
            kiosk.publish(wanted)
            kiosk.settle(100)
            over.touch()
            time.sleep(60)  # until it is killed

        kiosk.cut()
        mount.arm(Order("arm", after=after))
        child = forked(change)
        mount.held(LONG_S)
        kill(child)
        mount.obey(Order("fail-held"))
        bury(child, mount.wake)
        mount.obey(Order("cut", seed=after))
        lies = kiosk.card.in_force()
        found.add((lies.version, lies.on_trial))
        assert lies.version in (3, 4)
        assert lies.problems == []
        kiosk.publish(wanted)  # the broker says it again
        said = kiosk.settle(100)
        assert (said.version, said.desired, said.status) == expected, after
        after += 1
    assert after > 10, "changes that were cut"
    assert {(3, False), (4, True)} <= found
