"""`kioskctl cue`: lets a technician see, and hear, each answer without a visitor."""

from __future__ import annotations

import argparse
import os

from kiosk.clock import boottime
from kiosk.config import load
from kiosk.credentials.policy import REASONS
from kiosk.cues import Outlet, Trial, socket_path
from kiosk.errors import CueError

USUAL = {"pass": "accepted", "warn": "unknown-key", "fail": "forged"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The outcome to show, and why."""
    parser.add_argument("outcome", choices=list(USUAL))
    parser.add_argument(
        "--reason",
        choices=sorted(REASONS),
        metavar="REASON",
        help=f"the reason on the screen: {', '.join(sorted(REASONS))}",
    )
    parser.set_defaults(misused=parser.error)


def run(args: argparse.Namespace) -> int:
    """Raises CueError when the panel's daemon did not take the cue."""
    reason = args.reason or USUAL[args.outcome]
    if args.outcome == "pass" and reason != "accepted":
        args.misused(f"pass does not go with {reason}: it is shown for accepted alone")
    if args.outcome == "fail" and reason == "accepted":
        args.misused("fail does not go with accepted: who is accepted is not turned away")
    directory = load(args.config).paths.run
    outlet = Outlet(directory, "feedback", "ctl")
    try:
        trial = Trial(number=os.getpid(), at=boottime(), outcome=args.outcome, reason=reason)
        if not outlet.send(trial):
            raise CueError(
                f"nobody took the cue at {socket_path(directory, 'feedback')}: is kiosk-feedback"
                " running (systemctl status kiosk-feedback), may this user write there (sudo)?"
            )
    finally:
        outlet.close()
    print(f"sent to the panel: {args.outcome}, {reason}")
    return 0
