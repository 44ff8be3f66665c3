"""`python -m central.ingest --config FILE`: one ingest worker."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from central.ingest import config
from central.ingest.session import Session
from central.ingest.store import Store
from central.ingest.worker import Worker
from kiosk.errors import ConfigError

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: restarting does not help


def main() -> None:
    """Runs until SIGTERM; exits 78 when the configuration or the database is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m central.ingest",
        description="Writes check-ins from the broker into the tracing database.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    file = parser.parse_args().config
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        worker = _wire(config.load(file))
        while not stopping.is_set():
            worker.turn()
        worker.finish()
    except ConfigError as error:
        for problem in error.problems:
            logging.getLogger("central.ingest").error("configuration: %s", problem)
        sys.exit(EXIT_CONFIG)


def _wire(given: config.Setup) -> Worker:
    broker, batch = given.config.broker, given.config.batch
    shares = config.shares(given.keys)
    session = Session(broker.host, given.tls, given.name, shares, batch.messages, given.risk_keys)
    return Worker(session, Store(given.engine), given.keys, batch)


if __name__ == "__main__":
    main()
