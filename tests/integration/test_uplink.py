"""The uplink as a process, between a real outbox, a real broker and a real centre."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from doors import Centre, Door
from paho.mqtt.enums import CallbackAPIVersion
from rig import Broker, Database, Ingest, until

from central import db
from kiosk import wire
from kiosk.cues import AlertCue, Inlet, Outlet, RiskKeysCue
from kiosk.outbox import is_held
from provisioning.authority import enrol, init_fleet

# That the centre works with both databases is shown by its own tests.
once = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def committed(database: Database, expected: int) -> Callable[[], bool]:
    return lambda: database.count(db.check_in) == expected


@once
def test_records_reach_the_database_and_leave_the_card(
    door: Door, ingest: Ingest, database: Database
) -> None:
    door.visit(people=3)
    door.start()
    until(committed(database, 3), "the backlog is committed")
    until(door.empty, "the segment is dropped")
    until(lambda: is_held(door.run / "connected"), "the scanner sees the connection")
    door.visit(people=2)
    until(committed(database, 5), "the fresh segment is committed")
    until(door.empty, "the segment is dropped")
    assert len(re.findall(r"acknowledged name=\S+ accepted=3 refused=0", door.said())) == 1
    state = until(lambda: door.state if door.state and not door.state.pending else None, "cue")
    assert (state.online, state.centre, state.why) == (True, True, "")
    assert door.stop() == 0
    assert not is_held(door.run / "connected")


@once
def test_broker_absent_at_the_start(
    door: Door, ingest: Ingest, broker: Broker, database: Database
) -> None:
    broker.kill()
    door.visit()
    door.start()
    until(lambda: door.says("refused: no broker listens there"), "the reason is told")
    assert door.state is not None
    assert (door.state.online, door.state.pending) == (False, 1)
    assert not is_held(door.run / "connected")
    broker.start()
    until(committed(database, 1), "committed")
    until(door.empty, "the segment is dropped")


@once
def test_broker_killed_and_restarted_while_records_flow(
    door: Door, ingest: Ingest, broker: Broker, database: Database
) -> None:
    door.start()
    for round_ in range(1, 31):
        door.visit(people=2)
        time.sleep(0.05)
        if round_ % 10 == 0:
            broker.kill()
            door.visit(people=2)
            broker.start()
    until(committed(database, 66), "all are committed", timeout_s=40)
    until(door.empty, "every segment is dropped")


@once
def test_uplink_killed_again_and_again_loses_and_repeats_nothing(
    door: Door, ingest: Ingest, database: Database
) -> None:
    for _ in range(6):
        door.start()
        for _ in range(5):
            door.visit(people=2)
        committed_before = database.count(db.check_in)
        until(lambda n=committed_before: database.count(db.check_in) > n, "some flow")
        door.kill()
    door.start()
    until(door.empty, "every segment is dropped")
    assert database.count(db.check_in) == 60
    assert database.count(db.receipt) == 60
    assert database.count(db.dead_letter) == 0


def test_a_lost_answer_makes_it_send_again(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit(people=2)
    door.start()
    first = centre.batch()
    again = centre.batch()  # whoever was not answered sends less at once
    assert again.segment == first.segment
    assert again.records == first.records[:1]
    assert not door.empty()  # the broker took it twice, which is no receipt
    centre.answer(again, leave_out=1)
    assert centre.batch().records == again.records
    centre.answer(again)
    last = centre.batch()
    assert last.records == first.records[1:]
    centre.answer(last)
    until(door.empty, "the segment is dropped")


def test_an_answer_that_waited_at_the_broker_for_a_killed_uplink_counts(
    door: Door, centre: Centre
) -> None:
    centre.is_("online")
    door.visit()
    door.start()
    batch = centre.batch()
    door.kill()
    centre.answer(batch)
    while not centre.batches.empty():
        centre.batches.get()
    door.start()
    until(door.empty, "the segment is dropped")
    assert centre.batches.empty()


def test_refused_records_are_the_centres_and_leave_the_card(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit(people=2)
    door.start()
    centre.answer(centre.batch(), refuse="seq-reused")
    until(door.empty, "the segment is dropped")
    until(lambda: "record refused seq=2 reason=seq-reused" in door.said(), "it is logged")
    raised = until(lambda: centre.alerts("records-refused")[1:], "and told")[0]
    assert (raised.raised, raised.severity) == (True, "critical")
    assert raised.detail == "2 of 2 records refused: 2 seq-reused"
    door.visit()
    centre.answer(centre.batch())
    until(lambda: len(centre.alerts("records-refused")) == 3, "and taken back")
    assert [a.raised for a in centre.alerts("records-refused")] == [False, True, False]


def test_a_card_that_lets_nothing_go_is_one_alert_and_nothing_is_sent_again(
    door: Door, centre: Centre
) -> None:
    centre.is_("online")
    for _ in range(3):
        door.visit()
    door.start()
    batches = [centre.batch() for _ in range(3)]
    names = [b.segment for b in batches]
    door.signal(signal.SIGSTOP)  # it sees the end of this, not the way there
    for name in names[:2]:  # as a card that became read-only, and for root too
        path = door.outbox / "sealed" / name
        path.unlink()
        (path / "in the way").mkdir(parents=True)
    door.signal(signal.SIGCONT)
    for batch in batches:
        centre.answer(batch)
    until(lambda: door.segments.waiting() == names[:2], "the third is dropped all the same")
    until(lambda: door.state and not door.state.pending, "all are answered")
    until(lambda: door.says("cannot remove"), "the panel is told")
    until(lambda: centre.alerts("outbox-unreadable")[1:], "the centre is told")
    time.sleep(3)  # three times the wait for an answer
    assert centre.batches.empty()
    assert [a.raised for a in centre.alerts("outbox-unreadable")] == [False, True]
    assert door.said().count("cannot remove") == 1
    for name in names[:2]:
        (door.outbox / "sealed" / name / "in the way").rmdir()
        (door.outbox / "sealed" / name).rmdir()
    until(lambda: len(centre.alerts("outbox-unreadable")) == 3, "taken back")
    assert not centre.alerts("outbox-unreadable")[-1].raised


def test_what_lies_in_quarantine_is_told_until_somebody_took_it(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit(people=3)
    (name,) = door.segments.waiting()
    path = door.outbox / "sealed" / name
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"00000000 {}"
    path.write_bytes(b"\n".join(lines))
    door.start()
    batch = centre.batch()
    assert [r.seq for r in batch.records] == [1, 3]
    centre.answer(batch)
    until(door.empty, "the segment is set aside")
    alerts = until(lambda: centre.alerts("segment-quarantined")[1:], "the centre is told")
    assert (alerts[0].raised, alerts[0].detail[:22]) == (True, "files in quarantine: 1")
    assert "kioskctl outbox export DIR --delete" in door.said()
    (door.outbox / "quarantine" / name).unlink()
    until(lambda: len(centre.alerts("segment-quarantined")) == 3, "taken back")
    assert not centre.alerts("segment-quarantined")[-1].raised


def test_a_worker_that_is_online_in_name_only_is_told_as_absent(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit()
    door.start()
    until(lambda: door.state and door.state.centre, "it is believed at first")
    assert is_held(door.run / "connected")
    until(lambda: door.says("the centre does not answer"), "not after three time-outs")
    assert door.state is not None
    assert (door.state.online, door.state.centre) == (True, False)
    assert not is_held(door.run / "connected")
    centre.answer(centre.batch())
    until(lambda: door.state and door.state.centre, "an answer is believed")
    until(door.empty, "the segment is dropped")


def test_alerts_of_other_daemons_are_repeated_to_a_new_connection_alone(
    door: Door, centre: Centre, broker: Broker
) -> None:
    ours = door.config.broker
    other = mqtt.Client(CallbackAPIVersion.VERSION2, door.config.kiosk.id, protocol=mqtt.MQTTv5)
    other.tls_set(str(ours.ca), str(ours.certificate), str(ours.key))
    outlet = Outlet(door.run, "uplink", "scanner")
    door.start()
    until(lambda: centre.last("state", wire.State), "birth")
    cue = AlertCue(number=1, at=1.0, code="camera-absent", severity="critical", raised=True)
    for _ in range(5):
        assert outlet.send(cue)
    until(lambda: centre.alerts("camera-absent"), "the alert")
    assert outlet.send(msgspec.structs.replace(cue, raised=False))
    assert outlet.send(cue)
    until(lambda: len(centre.alerts("camera-absent")) == 3, "each change of it")
    other.connect("localhost", broker.port)  # which ends the kiosk's connection
    until(lambda: other.loop(0.1) or len(centre.alerts("camera-absent")) == 4, "what lasts, anew")
    time.sleep(0.5)
    assert [a.raised for a in centre.alerts("camera-absent")] == [True, False, True, True]
    outlet.close()


def test_keys_of_the_risk_list_are_handed_on_again_and_again_and_taken_back(
    door: Door, centre: Centre, broker: Broker
) -> None:
    first, second = bytes(range(32)), bytes(32)
    scanner = Inlet(door.run, "scanner")

    def handed() -> list[list[bytes]]:
        return [cue.keys for cue in scanner.drain() if isinstance(cue, RiskKeysCue)]

    centre.risk_keys(wire.encode(wire.RiskKeys([first])))
    door.start()
    assert until(handed, "what was retained") == [[first]]
    scanner.close()
    (door.run / "scanner.sock").unlink()
    scanner = Inlet(door.run, "scanner")  # as a scanner that started anew
    assert until(handed, "the same again")[-1] == [first]
    centre.risk_keys(b"{}")  # understood by nobody: what is known stays
    until(lambda: "not understood" in door.said(), "a warning")
    centre.risk_keys(wire.encode(wire.RiskKeys([second, first])))
    assert until(handed, "two of them")[-1] == [second, first]
    broker.kill()
    until(lambda: door.says("refused"), "offline")
    assert until(handed, "offline as well")[-1] == [second, first]
    broker.start()
    until(lambda: door.state and door.state.online, "back again")
    centre.risk_keys(b"")
    assert until(lambda: [keys for keys in handed() if not keys], "taken back") == [[]]
    assert first.hex() not in door.said()
    assert base64.b64encode(first).decode() not in door.said()
    scanner.close()


@pytest.mark.parametrize("name", ["connected", "uplink.sock"])
def test_a_run_directory_at_fault_is_told_in_words(door: Door, name: str) -> None:
    (door.run / name / "in the way").mkdir(parents=True)
    door.start()
    assert door.wait() == 1
    assert f"{door.run / name}: " in door.said()
    assert "Traceback" not in door.said()


def test_while_the_centre_is_away_records_stay_and_then_drain(door: Door, centre: Centre) -> None:
    centre.is_("away")
    door.visit()
    door.start()
    until(lambda: door.says("centre away"), "the panel is told")
    assert door.state is not None
    assert door.state.online
    assert not is_held(door.run / "connected")
    time.sleep(0.5)
    assert centre.batches.empty()
    centre.is_("online")
    centre.answer(centre.batch())
    until(door.empty, "the segment is dropped")
    centre.is_("away")
    until(lambda: door.says("centre away"), "the panel is told again")


def test_birth_alerts_telemetry_and_goodbye(door: Door, centre: Centre) -> None:
    centre.is_("online")
    outlet = Outlet(door.run, "uplink", "scanner")
    door.visit()
    door.start()
    until(lambda: centre.last("state", wire.State), "birth")
    assert centre.last("state", wire.State).st == "online"
    info = until(lambda: centre.last("info", wire.Info), "birth document")
    assert info.sid == centre.last("state", wire.State).sid
    assert (info.place, info.direction) == ("Chợ Bến Thành", "in")
    telemetry = until(lambda: centre.last("tele", wire.Telemetry), "telemetry")
    assert (telemetry.pending_segments, telemetry.clock) == (1, "synced")
    cue = AlertCue(number=1, at=1.0, code="camera-absent", severity="critical", raised=True)
    assert outlet.send(cue)
    (alert,) = until(lambda: centre.alerts("camera-absent"), "the alert")
    assert (alert.severity, alert.raised) == ("critical", True)
    outlet.close()
    assert door.stop() == 0
    until(lambda: centre.last("state", wire.State).st == "off", "goodbye")


def test_a_certificate_of_another_fleet_is_refused_in_words(
    broker: Broker, tmp_path: Path, fleet: Path, enrolled: Callable[[], Path]
) -> None:
    init_fleet(tmp_path / "others", ["localhost"])
    site = enrol(tmp_path / "others", "gate-x", "Elsewhere", broker.address, tmp_path / "gate-x")
    shutil.copy(fleet / "ca.crt", site.parent / "ca.crt")
    door = Door(site, tmp_path / "door")
    door.visit()
    door.start()
    until(
        lambda: door.says("did not issue this kiosk's certificate") or door.says("closed"),
        "the reason is told",
    )
    time.sleep(1)
    assert not door.empty()
    door.close()


def test_a_broker_of_another_authority_is_not_trusted(
    door: Door, broker: Broker, tmp_path: Path
) -> None:
    init_fleet(tmp_path / "others", ["localhost"])
    good = door.config.broker.ca.read_bytes()
    door.config.broker.ca.write_bytes((tmp_path / "others" / "ca.crt").read_bytes())
    door.visit()
    door.start()
    until(lambda: door.says("another authority"), "the reason is told")
    assert not door.empty()
    door.config.broker.ca.write_bytes(good)
    until(lambda: door.state and door.state.online, "mended without a restart")


@once
def test_without_certificate_files_it_stays_up_and_names_them(
    door: Door, ingest: Ingest, database: Database
) -> None:
    key = door.config.broker.key
    key.rename(key.with_suffix(".away"))
    door.visit()
    door.start()
    until(lambda: door.says(f"broker.key: cannot read {key}"), "the file is named")
    key.with_suffix(".away").rename(key)
    until(committed(database, 1), "committed")


def test_without_an_outbox_it_stays_up_says_so_and_recovers(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit()
    away = door.outbox.with_name("away")
    door.outbox.rename(away)
    door.start()
    until(lambda: door.says("does the outbox exist") or door.says("outbox, may"), "told")
    (alert,) = until(lambda: centre.alerts("outbox-unreadable"), "the centre is told")
    assert alert.raised
    away.rename(door.outbox)
    centre.answer(centre.batch())
    until(door.empty, "the segment is dropped")
    until(lambda: len(centre.alerts("outbox-unreadable")) == 2, "and told again")
    assert not centre.alerts("outbox-unreadable")[-1].raised


def test_a_message_of_the_broker_that_makes_no_sense_is_ignored(door: Door, centre: Centre) -> None:
    centre.is_("online")
    topic = wire.down(door.config.kiosk.id, "ack")
    door.start()
    until(lambda: door.state and door.state.centre, "connected")
    for payload in (b"", b"null", b'{"segment":', b"\xff" * 100, b"[" * 5000):
        centre._client.publish(topic, payload, 1).wait_for_publish(10)
    door.visit()
    centre.answer(centre.batch())
    until(door.empty, "the segment is dropped")
    assert "not understood" in door.said()


def test_a_refused_publish_is_told(door: Door, centre: Centre, broker: Broker, tmp_path) -> None:
    acl = tmp_path / "broker" / "acl"
    kept = [line for line in acl.read_text().splitlines() if "pattern write" not in line]
    acl.write_text("\n".join(kept) + "\n")
    broker.kill()
    broker.start()
    door.visit()
    door.start()
    until(lambda: "broker refused state: not authorised" in door.said(), "it is logged")
    assert not door.empty()
