"""`python -m central.fleet serve`: announces the documents in a folder, and gives kiosks what they
ask for of them.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from pathlib import Path

from central.fleet.documents import HERE, Documents, Stamp, announcement, stamp
from central.fleet.line import Line, LineError
from central.words import both
from kiosk import wire
from kiosk.errors import DocumentError, WireError

log = logging.getLogger("central.fleet")

LOOK_EVERY_S = 2.0
AGAIN_CAP_S = 10.0
PART_EXPIRY_S = 120
REQUESTS = f"{wire.ROOT}/+/up/doc"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which folder."""
    parser.add_argument(
        "--documents",
        type=Path,
        default=HERE,
        metavar="DIR",
        help=both("thư mục tài liệu", "folder of the documents") + " (%(default)s)",
    )


def run(given: argparse.Namespace) -> int:
    """Until it is ended. Raises ConfigError when it cannot begin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    documents = Documents(given.documents)
    failures, told = 0, ""
    while True:
        line: Line = given.line()
        try:
            line.open([REQUESTS])
            failures, told = 0, ""
            log.info("serving %s as %s", documents.folder, line.name)
            _serve(line, documents)
        except LineError as error:
            if str(error) != told:
                log.warning("%s", error)
            told = str(error)
        finally:
            line.close()
        failures += 1
        time.sleep(random.uniform(0, min(AGAIN_CAP_S, 0.5 * 2 ** min(failures, 10))))


def _serve(line: Line, documents: Documents) -> None:
    """Raises LineError when the connection ends."""
    announced: dict[str, Stamp] = {}
    look_at = 0.0
    asked: dict[str, wire.DocumentRequest] = {}  # by kiosk: the last one is what it still wants
    while True:
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + LOOK_EVERY_S
            _announce(line, documents, announced)
        for heard in line.turn(0.0 if asked else 0.2):
            try:
                request = wire.decode(heard.payload, wire.DocumentRequest)
                asked[wire.kid_of(heard.topic)] = request
            except WireError as error:
                log.warning("request not understood: %s", error)
        for kid in list(asked)[:1]:  # one at a time: each waits for as long as any other
            request = asked.pop(kid)
            part = wire.Part(request.kind, request.version, request.offset)
            line.publish(part.topic(kid), documents.part(request), expiry_s=PART_EXPIRY_S)


def _announce(line: Line, documents: Documents, announced: dict[str, Stamp]) -> None:
    """What lies there and was not announced on this connection, as it is now."""
    for topic, file in documents.announcements():
        try:
            now = stamp(file)
            if announced.get(topic) == now:
                continue
            line.publish(topic, announcement(file), retain=True)
        except (OSError, DocumentError) as error:
            log.error("%s is not announced: %s", file, error)
            continue
        announced[topic] = now
        log.info("announced %s", file)
