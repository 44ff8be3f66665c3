"""`python -m kiosk.scanner`: wires camera, external scanner, decoder, rules, outbox, cues."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from kiosk import clock, hardware
from kiosk.config import Config
from kiosk.credentials import parse
from kiosk.credentials.policy import judge
from kiosk.cues import ButtonCue, FeedbackState, Inlet, Outlet, RiskKeysCue, ScannerState
from kiosk.decode import Decoder
from kiosk.desired import Files
from kiosk.device import Device
from kiosk.documents import newest
from kiosk.errors import (
    ConfigError,
    DocumentError,
    HardwareError,
    SealError,
)
from kiosk.faults import Faults, standing_file
from kiosk.model import Frame
from kiosk.outbox import Outbox
from kiosk.scanner.direction import Directions
from kiosk.scanner.exposure import Bracketing
from kiosk.scanner.external import External, fault_codes
from kiosk.scanner.eye import FAULTS as EYE_FAULTS
from kiosk.scanner.eye import CameraHangs, Eye, NoEye
from kiosk.scanner.hangs import EXIT_CAMERA, Report, now
from kiosk.scanner.hangs import FAULTS as HANG_FAULTS
from kiosk.scanner.pace import Pace
from kiosk.scanner.party import Parties
from kiosk.scanner.pipeline import Parts, Pipeline
from kiosk.scanner.questions import Dialogue
from kiosk.scanner.risk import FAULTS as RISK_FAULTS
from kiosk.scanner.risk import Risks
from kiosk.scanner.rules import FAULTS as RULE_FAULTS
from kiosk.scanner.rules import Rules
from kiosk.scanner.showings import Showings
from kiosk.scanner.store import FAULTS as STORE_FAULTS
from kiosk.scanner.store import SealTimer, Store
from kiosk.scanner.view import FAULTS as VIEW_FAULTS
from kiosk.scanner.view import View
from kiosk.scanner.visits import Visits
from kiosk.seal import SegmentSeal, load_public, new_segment
from kiosk.service import Service, run
from kiosk.signed import Keys, read_keys

log = logging.getLogger("kiosk.scanner")

FRAME_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 0.1
"""While a question stands: the button must not wait long for a frame, or a reader."""
HEARTBEAT_S = 1.0
WAKE_S = 2.0
"""What moves after so long at rest is told at once: the panel may be dimmed."""


def main(config: Config, service: Service) -> None:
    """Runs until SIGTERM. Left-overs are sealed before the camera is touched.

    Exits `EXIT_CAMERA` when only a new process can help the camera."""
    begin = _sealing(config)
    keys = _fleet_keys(config)
    rules = _rules(config, keys)
    panel = Outlet(config.paths.run, "feedback", "scanner")
    uplink = Outlet(config.paths.run, "uplink", "scanner")
    open_camera, open_reader = hardware.camera(config), hardware.reader(config)
    known = EYE_FAULTS | STORE_FAULTS | HANG_FAULTS | VIEW_FAULTS
    known |= RISK_FAULTS | RULE_FAULTS | fault_codes(alone=open_camera is None)
    standing = standing_file(config.paths.run, "scanner")
    faults = Faults(uplink.send, clock.boottime, known, log, standing)
    report = Report(config.paths.state / "camera-hangs.json", faults, now())
    risks = Risks(newest(config, "risk", keys), faults, clock.boottime)
    store = Store(
        lambda: Outbox(config.paths.outbox, config.outbox.segment_records, begin),
        faults,
        clock.boottime,
    )
    store.keep_open()
    inlet = Inlet(config.paths.run, "scanner")  # now that no other scanner is at work
    timer = SealTimer(store, config.outbox.seal_after_s, config.paths.run / "connected")
    timer.start()
    door = config.kiosk
    directions = Directions(door.direction, door.min_stay_s, door.day_starts_h, clock.boottime())
    decoder = Decoder()
    dialogue = Dialogue(rules.policy, panel.send)
    visits = Visits(rules.policy, door.day_starts_h)
    parts = Parts(
        look=decoder.look,
        parse=lambda payload: parse(payload, rules.trust),
        judge=lambda shown, at, risk, visit: judge(shown, rules.policy, at, risk, visit),
        risk=risks.of,
        hit=risks.hit,
        send=panel.send,
        now=clock.Clock(config.clock.source, config.paths.run).now,
        boottime=clock.boottime,
        showings=Showings(config.scan.hold_s, config.scan.repeat_s),
        put_failed=store.put_failed,
        directions=directions,
        parties=Parties(),
        visits=visits,
        dialogue=dialogue,
    )
    pipeline, bracketing = Pipeline(parts), Bracketing()

    def hear() -> None:
        for cue in inlet.drain():
            if isinstance(cue, RiskKeysCue):
                risks.keys(cue.keys)
            elif isinstance(cue, ButtonCue):
                pipeline.press(cue)
            elif isinstance(cue, FeedbackState):
                dialogue.heard(cue)
        dialogue.turn(clock.boottime())

    def read(payload: bytes, at: float) -> None:
        hear()  # a press while it was waited for the code
        pipeline.read(payload, at)

    def see(frame: Frame) -> None:
        # A function of its own: what it saw is not referenced while the next frame is awaited.
        sight = pipeline.turn(frame)
        view.turn(frame.grey, frame.at, pipeline.scans)
        eye.expose(bracketing.turn(sight, frame.at))

    reader = Device("reader", open_reader, faults)
    external = External(reader, read, faults, clock.boottime, service.stopping.wait)
    # While there is no frame to wait for, the wait is for the external scanner.
    eye = (
        NoEye(faults, external.turn)
        if open_camera is None
        else Eye(open_camera, faults, clock.boottime, external.turn)
    )
    view, pace = View(faults), Pace()
    hung = False
    numbers = count(1)
    heartbeat_at = leaving = moved_at = 0.0
    service.ready("looking")
    while not (hung or service.stopping.is_set()):
        parts.outbox = store.keep_open()
        risks.turn()
        if not dialogue.stands and rules.turn(clock.boottime(), decoder.moved_at, faults):
            dialogue.judge_by(rules.policy)
            visits.judge_by(rules.policy)
        try:
            frame = eye.frame(ANSWER_TIMEOUT_S if dialogue.stands else FRAME_TIMEOUT_S)
        except CameraHangs:
            frame, hung, heartbeat_at = None, True, 0.0
        hear()
        if frame is not None:
            see(frame)
        external.turn()
        pace.turn(frame is not None, pipeline.scans, clock.boottime())
        if timer.failure is not None:
            raise timer.failure
        faults.remind()
        panel.flush()
        uplink.flush()
        at = clock.boottime()
        stirs = decoder.moved_at - moved_at >= WAKE_S
        if stirs or at - heartbeat_at >= HEARTBEAT_S or directions.leaving(at) != leaving:
            heartbeat_at, leaving, moved_at = at, directions.leaving(at), decoder.moved_at
            report.turn(time.time())
            panel.send(
                ScannerState(
                    number=next(numbers),
                    at=at,
                    faults=faults.active,
                    leaving_until=leaving,
                    moved_at=moved_at,
                )
            )
            service.status(
                scans=pipeline.scans,
                rejected=pipeline.rejected,
                decode_ms=round(pipeline.decode_ms, 1),
                dropped=external.dropped,
                frames=pace.frames,
                last_scan_s=pace.last_scan_s(at),
                epoch=store.outbox.epoch if store.outbox else "-",
                next_seq=store.outbox.next_seq if store.outbox else "-",
                faults=",".join(faults.active) or "none",
                warnings=",".join(faults.warnings) or "none",
                risk=risks.state,
                questions=dialogue.state(at),
                panel=panel.problem or "ok",
            )
        service.alive()
    timer.stop()
    external.close()
    inlet.close()
    if store.outbox is not None:
        store.outbox.close()
    if hung:
        logging.shutdown()
        os._exit(EXIT_CAMERA)  # a regular end would wait for the camera's library
    eye.close()


def _fleet_keys(config: Config) -> Keys:
    if not config.judge.fleet_keys:
        log.warning("judge.fleet_keys is empty: policy, trust and risk list are taken unsigned")
    try:
        return read_keys(config.judge.fleet_keys, _content)
    except DocumentError as error:
        raise ConfigError([str(error)]) from error


def _rules(config: Config, keys: Keys) -> Rules:
    try:
        return Rules(newest(config, "policy", keys), newest(config, "trust", keys))
    except DocumentError as error:
        files = Files.below(config.paths.state)
        if files.document("policy").exists() or files.document("trust").exists():
            raise  # the uplink fetches it anew; a restart will find it
        raise ConfigError([str(error)]) from error
    except OSError as error:
        raise _unreadable(error) from error


def _sealing(config: Config) -> Callable[[str, int], SegmentSeal]:
    if not config.kiosk.id or not (config.seal.recipients or config.seal.keys):
        raise ConfigError(
            ["not enrolled: kiosk.id and seal.recipients are empty; enrol this kiosk first"]
        )
    try:
        recipients = [load_public(_content(path)) for path in config.seal.recipients]
        recipients += [load_public(pem.encode()) for pem in config.seal.keys]
    except SealError as error:
        raise ConfigError([f"seal.recipients, seal.keys: {error}"]) from error
    return partial(new_segment, recipients, config.kiosk.id)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> ConfigError | HardwareError:
    wrong = f"cannot read {error.filename}: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR):
        return ConfigError([wrong])
    return HardwareError(wrong)  # a tired card; a restart may help


if __name__ == "__main__":
    run("scanner", "Reads codes, judges them, stores sealed check-ins.", main)
