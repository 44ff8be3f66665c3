"""`kioskctl doctor`: what is wrong with this kiosk, in sentences, with what to do.

Each part is one file with `check(config, advice) -> Iterator[Finding]`. Camera,
external scanner and panel are tried in a process of their own, since native drivers may hang
or crash.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

import msgspec

from kiosk.config import DEFAULTS, ETC, Config, load
from kiosk.config.desired import in_force
from kiosk.ctl import EXIT_CONFIG, EXIT_NO
from kiosk.ctl.doctor.advice import Advice, advice_for
from kiosk.ctl.doctor.daemons import panel_in_use
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.errors import ConfigError
from kiosk.outbox import scanner_at_work

PARTS = (
    "identity",
    "judging",
    "outbox",
    "daemons",
    "camera",
    "reader",
    "panel",
    "broker",
    "clock",
)
MAY_HANG = ("camera", "reader", "panel")
PATIENCE_S = 20.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """For machines, and for one part alone."""
    parser.add_argument("--json", action="store_true", help="a list of findings, for machines")
    parser.add_argument("--part", choices=PARTS, help="this part alone")
    parser.add_argument(
        "--by-daemons",
        action="store_true",
        help="try no camera, external scanner or panel by itself: what the daemons say of theirs",
    )


def run(args: argparse.Namespace) -> int:
    """0 only when nothing is wrong, 78 when the configuration is."""
    remedies = advice_for(args.config)
    try:
        config = load(args.config)
    except ConfigError as error:
        problems = [_misconfigured(problem, remedies) for problem in error.problems]
        _print({"configuration": problems}, args.json)
        return EXIT_CONFIG
    if args.part:
        findings = {args.part: list(_check(args.part, config, remedies))}
    else:
        findings = {"configuration": list(_configured(args.config))}
        for part in PARTS:
            _progress(f"looking at {part} ...", args.json)
            if args.by_daemons and part in MAY_HANG and not _in_use(part, config, remedies):
                findings[part] = [fine("not tried: no daemon has it in hand")]
            elif part in MAY_HANG:
                findings[part] = _apart(part, args.config)
            else:
                findings[part] = list(_check(part, config, remedies))
        _progress("", args.json)
    _print(findings, args.json)
    return 0 if all(f.ok for members in findings.values() for f in members) else EXIT_NO


def _check(part: str, config: Config, remedies: Advice) -> Iterator[Finding]:
    try:
        yield from importlib.import_module(f"{__name__}.{part}").check(config, remedies)
    except ConfigError as error:
        for problem in error.problems:
            yield wrong(problem, "correct it in the configuration")
    except OSError as error:
        yield wrong(f"cannot be looked at: {error}", "try with sudo")


def _in_use(part: str, config: Config, remedies: Advice) -> bool:
    if part == "panel":
        return panel_in_use(config.paths.run, remedies)
    return scanner_at_work(config.paths.outbox)


def _apart(part: str, config: list[Path] | None) -> list[Finding]:
    """One part, in a process that may hang or die."""
    files = [f"--config={path}" for path in config or []]
    command = [sys.executable, "-m", "kiosk.ctl", *files, "doctor", "--part", part, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return [
            wrong(
                f"the {part}'s driver does not come back within {PATIENCE_S:.0f} s",
                "switch the kiosk off and on; if it stays so, look at the cable, then change it",
            )
        ]
    try:
        answer = msgspec.json.decode(done.stdout, type=dict[str, list[Finding]])
    except msgspec.MsgspecError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        return [
            wrong(
                f"the {part}'s driver crashed ({how}): {last[0]}",
                "look whether the system's packages are complete; report it if they are",
            )
        ]
    return answer[part]


def _configured(paths: list[Path] | None) -> Iterator[Finding]:
    found = in_force(paths)
    layers = [DEFAULTS, *(paths or (ETC / "board.toml", ETC / "site.toml"))]
    sources = sorted(
        {setting.source for setting in found.settings},
        key=lambda source: layers.index(source) if source in layers else len(layers),
    )
    yield fine(f"from {', '.join(map(str, sources))}; later ones win")
    if found.version:
        trial = ", on trial" if found.on_trial else ""
        yield fine(f"the centre's configuration is version {found.version}{trial}")
    for problem in found.problems:
        yield wrong(
            f"the centre's configuration is passed over: {problem}",
            "let the centre send it again, or one with a higher version",
        )


def _misconfigured(problem: str, remedies: Advice) -> Finding:
    if problem.endswith(os.strerror(errno.ENOENT)):
        return wrong(problem, "name a file that is there: --config FILE")
    if problem.startswith(f"{ETC / 'site.toml'} is missing"):
        return wrong(problem, remedies.enrol)
    return wrong(problem, f"correct the file{remedies.again}")


def _progress(what: str, quiet: bool) -> None:
    if not quiet and sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)


def _print(findings: dict[str, list[Finding]], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(findings).decode())
        return
    for part, members in findings.items():
        name = part
        for finding, following in zip_longest(members, members[1:]):
            print(f"{name:<14}{'ok   ' if finding.ok else 'WRONG'}  {_wrapped(finding.what)}")
            # One remedy for several in a row is said once.
            if finding.remedy and (following is None or following.remedy != finding.remedy):
                print(f"{'':<21}-> {_wrapped(finding.remedy, 24)}")
            name = ""
    count = sum(not f.ok for members in findings.values() for f in members)
    print(f"\n{_summary(count)}")


def _wrapped(text: str, indent: int = 21) -> str:
    lines: Iterable[str] = textwrap.wrap(
        text, 100 - indent, break_long_words=False, break_on_hyphens=False
    )
    return f"\n{'':<{indent}}".join(lines)


def _summary(count: int) -> str:
    if count == 0:
        return "Nothing is wrong with this kiosk."
    return f"{count} {'thing is' if count == 1 else 'things are'} wrong with this kiosk."
