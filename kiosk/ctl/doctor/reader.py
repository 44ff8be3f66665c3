"""Whether the external scanner opens. What it reads is not asked for."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.reader import ReaderError
from kiosk import hardware
from kiosk.config import NONE, Config
from kiosk.ctl.doctor import standing
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.outbox import scanner_at_work

REMEDY = "plug it in, correct reader.device, or end what uses it"
INSTALL = "install it, then start the scanner anew"
SET = "set the scanner as docs/operating.md says, and let it read a code"


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """Opens it and closes it again; while the scanner holds it, what that says."""
    options = config.reader
    open_reader = hardware.reader(config)
    if options.driver == NONE:
        yield fine("no external scanner is configured")
        return
    if scanner_at_work(config.paths.outbox):
        yield from standing.in_use(config.paths.run, "scanner", standing.READER, _remedy)
        return
    try:
        open_reader().close()
    except ReaderError as error:
        yield wrong(str(error), _remedy("reader-absent", str(error)))
        return
    yield fine(f"{options.device} opens as {options.driver}")


def _remedy(code: str, why: str) -> str:
    if code == "reader-unread":
        return SET
    return INSTALL if "cannot be imported" in why else REMEDY
