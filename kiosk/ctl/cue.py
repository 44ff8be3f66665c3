"""`kioskctl cue`: lets a technician see, and hear, each answer without a visitor, and the screens
that somebody may ask for."""

from __future__ import annotations

import argparse
import os
from typing import get_args

from kiosk.clock import boottime
from kiosk.config import load
from kiosk.credentials.policy import REASONS
from kiosk.cues import Outlet, ScreenCue, Trial, socket_path
from kiosk.errors import CueError
from kiosk.model import Asked, Direction, Page

USUAL = {"pass": "accepted", "warn": "unknown-key", "fail": "forged"}
READY = "ready"  # ends a screen
_LONGEST_S = 3600


def arguments(parser: argparse.ArgumentParser) -> None:
    """An outcome to show, and why; or a screen, and for how long."""
    screens = get_args(Asked)
    parser.add_argument(
        "what",
        choices=[*USUAL, *screens, READY],
        help=f"an answer ({', '.join(USUAL)}), a screen ({', '.join(screens)}), or {READY}: the"
        " end of such a screen",
    )
    parser.add_argument(
        "--reason",
        choices=sorted(REASONS),
        metavar="REASON",
        help=f"the reason on an answer: {', '.join(sorted(REASONS))}",
    )
    parser.add_argument(
        "--direction", choices=get_args(Direction), help="which way a pass is (default: in)"
    )
    parser.add_argument(
        "--repeated", action="store_true", default=None, help="a pass that was noted before"
    )
    parser.add_argument(
        "--page", choices=get_args(Page), help="of the self-test; without it all, one by one"
    )
    parser.add_argument(
        "--percent", type=int, choices=range(101), metavar="0..100", help="done of an update"
    )
    parser.add_argument(
        "--for",
        type=float,
        dest="lasts_s",
        metavar="SECONDS",
        help=f"how long a screen stays (default: 30; at most {_LONGEST_S})",
    )
    parser.set_defaults(misused=parser.error)


def run(args: argparse.Namespace) -> int:
    """Raises CueError when the panel's daemon did not take the cue."""
    cue, said = _trial(args) if args.what in USUAL else _screen(args)
    directory = load(args.config).paths.run
    outlet = Outlet(directory, "feedback", "ctl")
    try:
        if not outlet.send(cue):
            raise CueError(
                f"nobody took the cue at {socket_path(directory, 'feedback')}: is kiosk-feedback"
                " running (systemctl status kiosk-feedback), may this user write there (sudo)?"
            )
    finally:
        outlet.close()
    print(f"sent to the panel: {said}")
    return 0


def _trial(args: argparse.Namespace) -> tuple[Trial, str]:
    for option, value in (("page", args.page), ("percent", args.percent), ("for", args.lasts_s)):
        if value is not None:
            args.misused(f"--{option} is for screens; {args.what} is an answer")
    reason = args.reason or USUAL[args.what]
    if args.what == "pass" and reason != "accepted":
        args.misused(f"pass does not go with {reason}: it is shown for accepted alone")
    if args.what == "fail" and reason == "accepted":
        args.misused("fail does not go with accepted: who is accepted is not turned away")
    for option, value in (("direction", args.direction), ("repeated", args.repeated)):
        if value is not None and args.what != "pass":
            args.misused(f"--{option} is for pass alone")
    trial = Trial(
        number=os.getpid(),
        at=boottime(),
        outcome=args.what,
        reason=reason,
        direction=args.direction or "in",
        repeated=bool(args.repeated),
    )
    return trial, f"{args.what}, {reason}"


def _screen(args: argparse.Namespace) -> tuple[ScreenCue, str]:
    for option, value, screen in (
        ("reason", args.reason, "an answer"),
        ("direction", args.direction, "pass"),
        ("repeated", args.repeated, "pass"),
        ("page", args.page, "self-test"),
        ("percent", args.percent, "updating"),
    ):
        if value is not None and args.what != screen:
            args.misused(f"--{option} is for {screen} alone")
    lasts_s = 30.0 if args.lasts_s is None else args.lasts_s
    if not 0 < lasts_s <= _LONGEST_S:
        args.misused(f"--for {lasts_s:g}: allowed is more than 0, at most {_LONGEST_S} seconds")
    cue = ScreenCue(
        number=os.getpid(),
        at=boottime(),
        screen=None if args.what == READY else args.what,
        page=args.page,
        percent=-1 if args.percent is None else args.percent,
        lasts_s=lasts_s,
    )
    return cue, args.what if cue.screen is None else f"{args.what}, for {lasts_s:g} s"
