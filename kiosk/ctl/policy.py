"""`kioskctl policy`: checks a policy and tells what it says; explains an answer, rule by rule.

The explanation tells what a certificate attests, so it is for whoever may see that.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from kiosk import screens
from kiosk.credentials.policy import Explained, Policy, words
from kiosk.credentials.policy.colour import Moment
from kiosk.credentials.policy.phrases import PHRASES
from kiosk.credentials.policy.words import Language
from kiosk.ctl import config_option, policy_check, rules
from kiosk.ctl.words import wrapped
from kiosk.errors import CredentialError
from kiosk.model import Credential, Declared, Direction, Instant, Risk, Visit

_LABELS = {
    "policy": ("Quy tắc", "policy"),
    "file": ("Tệp", "file"),
    "code": ("Mã", "code"),
    "at": ("Thời điểm", "moment"),
    "answer": ("Trả lời", "answer"),
    "recorded": ("Ghi nhận", "recorded"),
    "panel": ("Màn hình", "panel"),
}
_RECORDED = {True: ("có", "yes"), False: ("không", "no")}
_ANSWERING = ("accepted", "colour")  # phrases that tell the answer themselves
_LABEL, _MARK = 11, 13
"""Columns before the text."""

_DECLARED = {
    "nothing": Declared(False, False),
    "symptoms": Declared(True, False),
    "contact": Declared(False, True),
    "both": Declared(True, True),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and what with."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = (
        "every mistake in a policy, or what it says in plain sentences; ends with 0 when there"
        " is no mistake"
    )
    check = actions.add_parser("check", help=about, description=f"policy check: {about}.")
    policy_check.arguments(check)
    check.set_defaults(act=policy_check.run)
    about = (
        "the answer to a code, rule by rule: which hold, which do not, which were not asked, and"
        " why; ends with 0 when every answer is pass"
    )
    explain = actions.add_parser("explain", help=about, description=f"policy explain: {about}.")
    explain.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="PICTURE",
        help="PNG or JPEG of codes (default: one payload from standard input)",
    )
    explain.add_argument("--json", action="store_true", help="one JSON object a line for each code")
    explain.add_argument(
        "--lang", choices=["vi", "en"], default=_language(), help="default: by the locale"
    )
    explain.add_argument(
        "--direction", choices=get_args(Direction), default="in", help="default: in"
    )
    explain.add_argument(
        "--inside", type=_count, default=0, metavar="N", help="as if N were inside (default: 0)"
    )
    explain.add_argument(
        "--since",
        type=_count,
        metavar="SECONDS",
        help="as if the person had been recorded so long ago, in the same direction",
    )
    explain.add_argument(
        "--risk-level",
        choices=[level for level in get_args(Risk) if level != "none"],
        help="as if the risk list said so",
    )
    explain.add_argument(
        "--declared",
        choices=_DECLARED,
        help="as if the questions of the declaration had been answered: yes to this",
    )
    explain.add_argument(
        "--clock",
        choices=["synced", "floor", "unknown"],
        help="as if the clock were set, at least as late as it shows, or not known at all",
    )
    config_option(explain)
    rules.arguments(explain)
    explain.set_defaults(act=_explain)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the rules cannot be read."""
    status: int = args.act(args)
    return status


def _explain(args: argparse.Namespace) -> int:
    by = rules.load_rules(args)
    if args.clock:
        by = by._replace(now=msgspec.structs.replace(by.now, clock=args.clock))
    declared = _DECLARED[args.declared] if args.declared else None
    visit = Visit(args.direction, args.inside, args.since, declared)
    passed = True
    for number, (file, payload) in enumerate(_payloads(args.files)):
        if payload is None:
            passed = False
            continue
        shown, explained = by.explain(payload, visit, args.risk_level)
        passed = passed and explained.verdict.outcome == "pass"
        told = {"file": str(file)} if file else {}
        if args.json:
            print(json.dumps(told | _told(shown, explained, by.policy, args.direction)))
            continue
        if number:
            print()
        _print(told, shown, explained, by, args)
    return 0 if passed else 1


def _payloads(files: list[Path]) -> Iterator[tuple[Path | None, bytes | None]]:
    """Payloads, each with the picture it was in; None for what cannot be read, which is said."""
    if not files:
        yield None, rules.read_payload()
        return
    from kiosk.ctl import scan
    from kiosk.decode import Decoder

    decoder = Decoder()
    for file in files:
        try:
            found = scan.payloads(file, decoder)
        except scan.PictureError as error:
            print(f"{file}: {error}", file=sys.stderr)
            yield file, None
            continue
        if not found:
            print(f"{file}: {scan.NO_CODE}", file=sys.stderr)
            yield file, None
        for payload in found:
            yield file, payload
    decoder.close()


def _told(
    shown: Credential | CredentialError,
    explained: Explained,
    policy: Policy,
    direction: Direction,
) -> dict[str, Any]:
    verdict = explained.verdict
    panel = screens.words(verdict.outcome, verdict.reason, direction)
    return {
        "policy": {"version": policy.version, "vi": policy.title.vi, "en": policy.title.en},
        "format": shown.format,
        "outcome": verdict.outcome,
        "colour": verdict.colour,
        "reason": verdict.reason,
        "recorded": verdict.recorded,
        "panel": {"vi": panel.vi, "en": panel.en},
        "findings": [
            {
                "rule": finding.rule,
                "holds": finding.holds,
                "reason": finding.reason,
                "answer": finding.answer,
                "vi": words.sentence(finding, "vi"),
                "en": words.sentence(finding, "en"),
            }
            for finding in explained.findings
        ],
    }


def _print(
    told: dict[str, str],
    shown: Credential | CredentialError,
    explained: Explained,
    by: rules.Rules,
    args: argparse.Namespace,
) -> None:
    lang: Language = args.lang
    policy, verdict = by.policy, explained.verdict
    version = words.of((f", phiên bản {policy.version}", f", version {policy.version}"), lang)
    _line("policy", f"{policy.title.of(lang) or '-'}{version if policy.version else ''}", lang)
    for file in told.values():
        _line("file", file, lang)
    _line("code", words.term(shown.format, lang), lang)
    _line("at", _moment(by.now, lang), lang)
    unset = []
    for finding in explained.findings:
        if finding.phrase == "unset":
            unset.append(words.rule(finding, lang))
            continue
        said = f"{words.rule(finding, lang)}: {words.sentence(finding, lang)}"
        if finding.answer != "pass" and finding.phrase not in _ANSWERING:
            said += f" → {words.term(finding.answer, lang)}"
        print(wrapped(f"  {words.mark(finding.holds, lang):<{_MARK - 2}}", said))
    if unset:
        said = f"{words.of(PHRASES['unset'], lang)}: {', '.join(unset)}"
        print(wrapped(f"  {words.mark('not-asked', lang):<{_MARK - 2}}", said))
    shade = words.term(verdict.colour, lang)
    shade = words.of((f", màu {shade}", f", {shade}"), lang) if verdict.colour else ""
    _line("answer", f"{words.term(verdict.outcome, lang)}{shade} ({verdict.reason})", lang)
    leaving = next((f for f in explained.findings if f.phrase == "leaving"), None)
    if leaving and verdict.reason == "accepted":
        _line("", f"{words.sentence(leaving, lang).capitalize()}.", lang)
    else:
        _line("", words.meaning(verdict.reason, lang, verdict.colour), lang)
    _line("recorded", words.of(_RECORDED[verdict.recorded], lang), lang)
    panel = screens.words(verdict.outcome, verdict.reason, args.direction)
    _line("panel", f"{panel.vi} · {panel.en}", lang)


def _line(label: str, text: str, lang: Language) -> None:
    name = words.of(_LABELS[label], lang) if label else ""
    print(wrapped(f"{name:<{_LABEL}}", text))


def _moment(now: Instant, lang: Language) -> str:
    at = Moment.of(now)
    if at.local is None:
        return words.of(("máy chưa biết ngày giờ", "the kiosk does not know it"), lang)
    said = words.term(at.local, lang)
    return (
        said if at.clock == "synced" else words.of((f"từ {said} trở đi", f"{said} or later"), lang)
    )


def _language() -> Language:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "vi" if os.environ[name].startswith("vi") else "en"
    return "en"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
