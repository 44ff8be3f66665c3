"""Whether the external scanner opens. What it reads is not asked for."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.reader import ReaderError
from kiosk import hardware
from kiosk.config import NONE, Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.outbox import scanner_at_work


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """Opens it and closes it again; not while the scanner holds it."""
    options = config.reader
    open_reader = hardware.reader(config)
    if options.driver == NONE:
        yield fine("no external scanner is configured")
        return
    if scanner_at_work(config.paths.outbox):
        yield fine("in use by the scanner")
        return
    try:
        open_reader().close()
    except ReaderError as error:
        yield wrong(str(error), "plug it in, correct reader.device, or end what uses it")
        return
    yield fine(f"{options.device} opens as {options.driver}")
