"""`python -m central.ingest --config FILE`: one ingest worker, and what else takes check-ins."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from central.ingest import config, importing, letters
from central.ingest.session import Session
from central.ingest.store import Store, StoreError
from central.ingest.worker import Worker
from central.words import both
from kiosk.errors import ConfigError

EXIT_NO = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: restarting does not help
log = logging.getLogger("central.ingest")


def main() -> None:
    """The worker runs until SIGTERM. Exits 78 when the configuration or the database is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m central.ingest",
        description="Writes check-ins from the broker into the tracing database. `import` takes"
        " them from files that `kioskctl outbox export` made, `retry` from dead letters, after"
        " what was wrong with them has been mended; both may run beside the workers.",
    )
    parser.add_argument("command", nargs="?", choices=["import", "retry"], help="default: a worker")
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="import: files, or folders of files"
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--unsigned",
        action="store_true",
        help="import: also files that no kiosk has signed, on your word",
    )
    given = parser.parse_intermixed_args()
    if bool(given.paths) != (given.command == "import"):
        parser.error("expected `import PATH...`, or `retry` or nothing without a PATH")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        setup = config.load(given.config)
        if given.command == "retry":
            sys.exit(_retry(setup))
        if given.command == "import":
            sys.exit(_import(given.paths, given.unsigned, setup))
        _work(setup)
    except ConfigError as error:
        for problem in error.problems:
            log.error("configuration: %s", problem)
        sys.exit(EXIT_CONFIG)
    except StoreError as error:
        log.error("%s; call it again when the database answers", error)
        sys.exit(EXIT_NO)


def _work(given: config.Setup) -> None:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    broker, batch = given.config.broker, given.config.batch
    shares = config.shares(given.keys)
    session = Session(
        broker.host,
        given.tls,
        given.name,
        shares,
        batch.messages,
        given.risk_keys,
        given.config.pace.message(),
    )
    worker = Worker(session, Store(given.engine), given.keys, batch)
    while not stopping.is_set():
        worker.turn()
    worker.finish()


def _retry(given: config.Setup) -> int:
    done = letters.retry(Store(given.engine), given.keys)
    left = ", ".join(f"{count} {reason}" for reason, count in done.left.most_common())
    said = both(
        f"đã ghi {done.stored}, đã có {done.known}, vẫn bị từ chối",
        f"stored {done.stored}, known before {done.known}, still refused",
    )
    print(f"{said}: {left or '0'}")
    return EXIT_NO if done.left else 0


def _import(paths: list[Path], unsigned: bool, given: config.Setup) -> int:
    files = importing.files_of(paths)
    roots = config.roots(given.config.broker.ca)
    store = Store(given.engine)
    all_whole = True
    for file in files:
        taken = importing.take(file, roots, unsigned, store, given.keys)
        print(*taken.words(), sep="\n", flush=True)
        all_whole &= taken.whole
    return 0 if all_whole else EXIT_NO


if __name__ == "__main__":
    main()
