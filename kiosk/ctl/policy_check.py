"""`kioskctl policy check`: every mistake in a policy, or what it says, in both languages."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple, get_args

from kiosk.credentials.policy import Policy, PolicyError, parse_policy
from kiosk.credentials.policy.doubts import doubts
from kiosk.credentials.policy.rules import Words
from kiosk.credentials.policy.sentences import tell
from kiosk.credentials.policy.words import Language
from kiosk.ctl.words import count, wrapped
from kiosk.errors import ConfigError, DocumentError
from kiosk.signed import is_signed, open_signed, read_keys, unchecked

_BOTH: tuple[Language, ...] = get_args(Language)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which policy."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the policy, signed or not")
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    parser.add_argument(
        "--lang", choices=_BOTH, help="one language alone (default: Vietnamese, then English)"
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the fleet's public key (fleet-sign.pub), to check the signature of a signed policy",
    )


class _Checked(NamedTuple):
    """`policy` is None when there are mistakes."""

    policy: Policy | None
    mistakes: list[Words]
    signature: Words


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the file, or the key, cannot be read."""
    checked = _check(args.file, args.key)
    languages = [args.lang] if args.lang else list(_BOTH)
    if args.json:
        print(json.dumps(_told(checked), ensure_ascii=False))
    else:
        for number, language in enumerate(languages):
            if number:
                print()
            _print(args.file, checked, language)
    return 1 if checked.mistakes else 0


def _check(file: Path, key: Path | None) -> _Checked:
    try:
        data = file.read_bytes()
        keys = read_keys([key]) if key else {}
    except OSError as error:
        raise ConfigError([f"cannot read {error.filename}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([str(error).removeprefix("judge.fleet_keys: ")]) from error
    version, content, signature = 0, memoryview(data), Words("chưa ký", "not signed")
    try:
        if key:
            version, content = open_signed(data, "policy", keys)
            signature = Words("chữ ký đúng, của khóa này", "it holds, and is of this key")
        elif is_signed(data):
            version, content = unchecked(data, "policy")
            signature = Words(
                "có chữ ký, chưa kiểm (kiểm bằng --key fleet-sign.pub)",
                "there is one, not checked (check it with --key fleet-sign.pub)",
            )
    except DocumentError as error:
        wrong = Words(f"chữ ký không đúng: {error}", str(error))
        return _Checked(None, [wrong], signature)
    try:
        policy = parse_policy(bytes(content))
    except PolicyError as error:
        return _Checked(None, error.mistakes, signature)
    if version and policy.version != version:
        wrong = Words(
            f"[policy] version = {policy.version}, nhưng bản ký ghi {version}",
            f"[policy] version = {policy.version}, and it was signed as version {version}",
        )
        return _Checked(policy, [wrong], signature)
    return _Checked(policy, [], signature)


def _told(checked: _Checked) -> dict[str, Any]:
    def both(words: Words) -> dict[str, str]:
        return {"vi": words.vi, "en": words.en}

    told: dict[str, Any] = {
        "mistakes": [both(mistake) for mistake in checked.mistakes],
        "signature": both(checked.signature),
    }
    if (policy := checked.policy) is None:
        return told
    return told | {
        "version": policy.version,
        "title": both(policy.title),
        "doubts": {language: doubts(policy, language) for language in _BOTH},
        "says": {language: dict(tell(policy, language)) for language in _BOTH},
    }


def _print(file: Path, checked: _Checked, language: Language) -> None:
    def both(vi: str, en: str) -> str:
        return vi if language == "vi" else en

    policy, mistakes = checked.policy, checked.mistakes
    if mistakes:
        print(f"{file}: {both(f'{len(mistakes)} lỗi', count(len(mistakes), 'mistake'))}")
        for mistake in mistakes:
            print(wrapped("- ", mistake.of(language)))
        return
    print(f"{file}: {both('không có lỗi', 'no mistakes')}")
    if policy is None:
        return
    print(f"{both('Chữ ký', 'signature')}: {checked.signature.of(language)}")
    for doubt in doubts(policy, language):
        print(wrapped("! ", f"{both('Nên xem lại', 'Worth a look')}: {doubt}"))
    title = policy.title.of(language) or both("Quy tắc không tên", "A policy without a title")
    version = f", {both('phiên bản', 'version')} {policy.version}" if policy.version else ""
    print(f"\n{title}{version}")
    if text := policy.explanation.of(language):
        print(wrapped("", text))
    for heading, lines in tell(policy, language):
        print(f"\n{heading}")
        for line in lines:
            print(wrapped("  ", line, "    "))
