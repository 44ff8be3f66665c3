"""kioskctl verify --lines: many payloads, by other programs."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ctl import NOW, PERSONAL, quickly, site
from test_ctl_judging import crowd, trust, verified, visitors

from demo.abroad import SealIssuer
from demo.crowd import Crowd
from demo.issuers import Issuer
from kiosk.ctl.lines import LINE_MAX

__all__ = ["crowd", "site", "trust"]  # fixtures

REFUSED = {
    "format": "unknown",
    "signature": "none",
    "valid": False,
    "outcome": "fail",
    "reason": "malformed",
    "colour": "",
    "issuer": "",
    "valid_from": None,
    "valid_until": None,
}


def lines(*words: object, stdin: list[Any]) -> tuple[int, list[Any]]:
    written = [json.dumps(line) if isinstance(line, dict) else line for line in stdin]
    text = b"\n".join(line.encode() if isinstance(line, str) else line for line in written)
    done = quickly("verify", "--lines", *words, stdin=text)
    return done.status, [json.loads(line) for line in done.out.splitlines()]


def test_many_payloads_line_by_line(site: Path, crowd: Crowd, trust: Path) -> None:
    people = list(visitors(crowd))
    payloads = [visitor.payload or b"" for visitor in people]
    asked = [
        {"id": str(n), "payload_b64": b64encode(payload).decode(), "at": NOW.isoformat()}
        for n, payload in enumerate(payloads)
    ]
    status, told = lines("--config", site, "--trust", trust, stdin=asked)
    assert status == 0
    assert [one.pop("id") for one in told] == [str(n) for n in range(len(asked))]
    for visitor, one in zip(people, told, strict=True):
        found = (one["format"], one["outcome"], one["reason"])
        assert found == (visitor.format, visitor.outcome, visitor.reason), visitor.label
        words = ("--config", site, "--trust", trust, "--at", NOW.isoformat())
        assert one == verified(*words, stdin=visitor.payload or b"")[1]


def test_a_line_may_name_the_only_signer(site: Path, trust: Path, crowd: Crowd) -> None:
    issuer = Issuer.new("VN", "ES256", NOW - timedelta(days=1), NOW + timedelta(days=1))
    seal = SealIssuer.new("UT", NOW - timedelta(days=1), NOW + timedelta(days=1))
    birth = date(1990, 5, 6)
    hc1 = issuer.issue("Le", "Ba", birth, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    proof = seal.wrap(seal.vaccination("LE  BA", birth, "B1", [birth]))
    asked = [
        {"id": n, "payload": payload.decode(), "at": NOW.isoformat()}
        | ({"certificate": b64encode(der).decode()} if der else {})
        for n, (payload, der) in enumerate(
            [
                (hc1, issuer.certificate),
                (hc1, b""),
                (hc1, seal.certificate),
                (proof, seal.authority),
                (proof, seal.certificate),
                (proof, issuer.certificate),
            ]
        )
    ]
    _, told = lines("--config", site, "--trust", trust, stdin=asked)
    assert [one["signature"] for one in told] == [
        *("valid", "unknown-key", "unknown-key"),
        *("valid", "valid", "unknown-key"),
    ]


@pytest.mark.parametrize(
    ("line", "id", "error"),
    [
        ("", None, "JSON"),
        ("{", None, "JSON"),
        ("[]", None, "object"),
        ('["id", 5]', None, "object"),
        ("[" * 60_000, None, "JSON"),
        ('{"payload": {"id": 5}}', None, "str"),
        ('{"id": 7}', 7, "either payload or payload_b64"),
        ('{"id": {}, "payload": 5}', {}, "str"),
        ('{"id": "a", "payload": "x", "payload_b64": "eA=="}', "a", "either"),
        ('{"id": "a", "payload_b64": "!"}', "a", "base64"),
        ('{"id": "a", "payload": "x", "certificate": "!"}', "a", "base64"),
        ('{"id": "a", "payload": "x", "certificate": "eA=="}', "a", "certificate: no certificate"),
        ('{"id": "a", "payload": "x", "certificate": ""}', "a", "certificate: no certificate"),
        ('{"id": "a", "payload": "x", "at": "yesterday"}', "a", "RFC 3339"),
        ('{"id": "a", "payload": "x", "at": "2026-01-01T00:00:00"}', "a", "offset"),
        ('{"id": "a", "payload": "x", "payload": "y"}', "a", "a key twice"),
        ('{"id": "a", "payload": "x", "id": "b"}', "a", "a key twice"),
        ('{"id": "a", "payload": "\\ud800"}', "a", "surrogate"),
        ('{"payload": "\\ud800", "id": "a"}', "a", "surrogate"),
        (b'{"id": "a", "payload": "\xff"}', "a", "JSON"),
        (b'{"payload": "\xff\\"}", "id": ["a", {"b": 1}] }', ["a", {"b": 1}], "JSON"),
        (b'{"id": "\xff", "payload": "x"}', None, "JSON"),
        ('{"id": "a", "payload": "cut o', "a", "JSON"),
        ('{"payload": "x", "id": "a"', "a", "JSON"),
        ('{"payload": "x", "id": 12', None, "JSON"),
        ('{"id": nul, "payload": "x"}', None, "JSON"),
        ('{"id": NaN, "payload": "x"}', None, "not finite"),
        ('{"id": "a", "payload": 1e999}', "a", "float"),
        ('{"id": "a", "payload": "x"} {"id": "b"}', "a", "JSON"),
        ('{"id": "a", "payload": ' + "1" * 5000 + "}", "a", "JSON"),
        ('{"id": "a", "payload": ' + "[" * 50_000 + "}", "a", "JSON"),
        ("\x00\x01", None, "JSON"),
    ],
)
def test_a_bad_line_is_answered_and_the_next_one_judged(
    site: Path, line: str | bytes, id: object, error: str
) -> None:
    good = {"id": "next", "payload": PERSONAL.decode()}
    status, (bad, next_one) = lines("--config", site, stdin=[line, good])
    assert status == 1
    assert error in bad.pop("error")
    assert bad == {"id": id} | REFUSED
    assert (next_one["id"], next_one["outcome"]) == ("next", "pass")


@pytest.mark.parametrize(
    "id",
    [
        *("0", "-7", "1e999", "123456789012345678901234567890", "1" * 5000, "0.1e-400", "null"),
        *('"\\ud800"', '"a\\"b"', '["a", {"b": [1]}]', '{"id": 2}', "true", '""', '"Ánh"'),
    ],
)
def test_an_id_comes_back_as_it_was_written(site: Path, id: str) -> None:
    personal = json.dumps(PERSONAL.decode())
    written = [
        f'{{"id": {id}, "payload": {personal}}}',
        f'{{"payload":{personal},"id":{id}}}',
        f'{{ "id" : {id} , "payload": 5}}',
    ]
    done = quickly("verify", "--lines", "--config", site, stdin="\n".join(written).encode())
    first, second, third = done.out.splitlines()
    for line in (first, second, third):
        assert line.startswith(f'{{"id": {id}, "format": ')
        json.loads(line, parse_int=str)
    assert '"outcome": "pass"' in first
    assert first == second
    assert '"error": ' in third


def test_an_oversized_payload_is_malformed_and_keeps_its_id(site: Path) -> None:
    for size in (5_000, 70_000, 1_000_000):
        for line in (
            {"id": "a", "payload": "x" * size},
            {"payload": "\\" * size, "id": "a"},
            {"id": "a", "payload_b64": b64encode(b"x" * size).decode()},
        ):
            if len(json.dumps(line)) >= LINE_MAX:
                continue
            status, (told,) = lines("--config", site, stdin=[line])
            assert (status, told.pop("id")) == (0, "a")
            assert "at most 4296" in told.pop("problem")
            assert told == REFUSED


@pytest.mark.parametrize("filling", ["x", '\\"', "\\\\", '","id":"b","', "é"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_line_without_end_is_malformed_and_keeps_its_id(
    site: Path, filling: str, is_first: bool
) -> None:
    members = [("id", "a"), ("payload", filling * (3_000_000 // len(filling)))]
    line = dict(members if is_first else reversed(members))
    good = {"id": "next", "payload": PERSONAL.decode()}
    status, (told, next_one) = lines("--config", site, stdin=[line, good])
    assert (status, told.pop("id"), next_one["id"]) == (1, "a", "next")
    assert told.pop("error") == f"more than {LINE_MAX} bytes in a line"
    assert told == REFUSED


@pytest.mark.parametrize(
    "line",
    [
        "[" * 3_000_000,
        " " * 3_000_000,
        '{"payload": [' + "1," * 1_500_000,
        '{"id": "' + "a" * 3_000_000 + '", "payload": "x"}',
        '{"id": ' + "1" * 3_000_000 + ', "payload": "x"}',
    ],
)
def test_a_line_without_end_in_which_no_id_can_be_told(site: Path, line: str) -> None:
    status, (told,) = lines("--config", site, stdin=[line])
    assert (status, told["id"], told["reason"]) == (1, None, "malformed")


@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line))
@settings(deadline=None)
def test_any_line_has_one_answer(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    site = tmp_path_factory.getbasetemp() / "any.toml"
    site.write_text('[kiosk]\nid = "gate-1"\n[clock]\nsource = "system"\n')
    for written in (
        b"." + line,
        b'{"id": "a", ' + line,
        b'{"payload": "' + line + b'", "id": "a"}',
    ):
        _, (told,) = lines("--config", site, stdin=[written])
        assert told["valid"] in (True, False)
        assert b'{"id": "a", ' not in written or told["id"] == "a"


def test_lines_judge_what_no_code_can_hold(site: Path) -> None:
    asked = [{"id": 1, "payload": ""}, {"id": 2, "payload": "x" * 5000}, {"id": 3, "payload": "x"}]
    status, told = lines("--config", site, stdin=asked)
    assert status == 0
    assert [one["reason"] for one in told] == ["malformed", "malformed", "unknown-code"]
    assert [one.get("problem") for one in told] == [
        "empty payload",
        "5000 bytes, at most 4296",
        None,
    ]


def test_lines_are_answered_as_they_come(site: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kiosk.ctl", "verify", "--lines", "--config", str(site)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for id in ("a", "b"):
            process.stdin.write(json.dumps({"id": id, "payload": PERSONAL.decode()}).encode())
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == id
        process.stdin.close()
        assert process.wait(30) == 0
