"""`kioskctl policy`: checks a policy; explains an answer, rule by rule, in plain words.

The explanation tells what a certificate attests, so it is for whoever may see that.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from kiosk.credentials.policy import Explained, Policy, words
from kiosk.credentials.policy.words import Language
from kiosk.ctl import rules
from kiosk.ctl.words import count, language
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import Credential, Visit
from kiosk.screens import texts

_LABELS = {
    "policy": ("Quy tắc", "policy"),
    "code": ("Mã", "code"),
    "answer": ("Trả lời", "answer"),
    "panel": ("Màn hình", "panel"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and what with."""
    parser.description = (
        "policy: `check FILE` tells every mistake in a policy and ends with 0 when there is none."
        " `explain` judges one payload from standard input as verify does, tells of each rule"
        " whether it holds, and why, and ends with 0 when the answer is pass."
    )
    parser.add_argument("action", choices=["check", "explain"])
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the policy to check")
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    parser.add_argument(
        "--lang", choices=["vi", "en"], default=language(), help="default: by the locale"
    )
    parser.add_argument("--direction", choices=["in", "out"], default="in", help="default: in")
    parser.add_argument(
        "--inside", type=_people, default=0, metavar="N", help="as if N were inside (default: 0)"
    )
    parser.add_argument(
        "--clock",
        choices=["synced", "floor", "unknown"],
        help="as if the clock were set, at least as late as it shows, or not known at all",
    )
    rules.arguments(parser)
    parser.set_defaults(misused=parser.error)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the rules cannot be read."""
    if (args.file is None) == (args.action == "check"):
        args.misused("expected `check FILE`, or `explain` and perhaps --policy FILE")
    return _check(args) if args.action == "check" else _explain(args)


def _check(args: argparse.Namespace) -> int:
    try:
        policy = rules.read_policy(args.file)
    except ConfigError as error:
        print(*error.problems, sep="\n")
        print(count(len(error.problems), "mistake"))
        return 1
    print(f"{args.file}: no mistakes")
    print(f"version      {policy.version or '-'}")
    print(f"title        {policy.title.vi or '-'} / {policy.title.en or '-'}")
    for text in (policy.explanation.vi, policy.explanation.en):
        print(f"explanation  {text or '-'}")
    print(f"accepted     {', '.join(policy.accept) or 'nothing'}")
    print(f"colours      {', '.join(f'{c} = {e}' for c, e in policy.colours.items()) or 'none'}")
    return 0


def _explain(args: argparse.Namespace) -> int:
    by = rules.load_rules(args)
    if args.clock:
        by = by._replace(now=msgspec.structs.replace(by.now, clock=args.clock))
    shown, explained = by.explain(rules.read_payload(), Visit(args.direction, args.inside))
    if args.json:
        print(json.dumps(_told(shown, explained, by.policy)))
    else:
        _print(shown, explained, by.policy, args.lang)
    return 0 if explained.verdict.outcome == "pass" else 1


def _told(
    shown: Credential | CredentialError, explained: Explained, policy: Policy
) -> dict[str, Any]:
    verdict = explained.verdict
    panel = _panel(explained)
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
    shown: Credential | CredentialError, explained: Explained, policy: Policy, lang: Language
) -> None:
    title = policy.title.vi if lang == "vi" else policy.title.en
    _line("policy", f"{title or '-'}{f' ({policy.version})' if policy.version else ''}", lang)
    _line("code", shown.format, lang)
    for finding in explained.findings:
        holds, why = words.truth(finding.holds, lang), words.sentence(finding, lang)
        said = f" -> {words.term(finding.answer, lang)}: {finding.reason}" if finding.reason else ""
        print(f"  {holds:<8} {words.term(finding.rule, lang)}: {why}{said}")
    verdict = explained.verdict
    colour = f", {words.term(verdict.colour, lang)}" if verdict.colour else ""
    reason = words.meaning(verdict.reason, lang)
    _line("answer", f"{words.term(verdict.outcome, lang)}{colour}: {reason}", lang)
    panel = _panel(explained)
    _line("panel", f"{panel.vi} / {panel.en}", lang)


def _line(label: str, text: str, lang: Language) -> None:
    vi, en = _LABELS[label]
    print(f"{vi if lang == 'vi' else en:<10} {text}")


def _panel(explained: Explained) -> texts.Text:
    return texts.REASONS[explained.verdict.reason]


def _people(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of people")
    return int(text)
