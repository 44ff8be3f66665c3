"""kioskctl verify: what codes are, as the door would judge them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_ctl import NOW, PERSONAL, kioskctl, quickly, site

from demo.crowd import Crowd, Visitor, make_crowd
from demo.issuers import Issuer
from kiosk import clock
from kiosk.credentials.listing import Issuer as IssuerLine
from kiosk.credentials.listing import Listing, Revoked, encode
from kiosk.ctl import rules

__all__ = ["site"]  # a fixture


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return make_crowd(7, NOW.timestamp())


@pytest.fixture
def trust(crowd: Crowd, tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    path.write_bytes(crowd.trust)
    return path


def visitors(crowd: Crowd) -> Iterator[Visitor]:
    return (visitor for visitor in crowd.visitors if visitor.payload is not None)


def verified(*words: object, stdin: bytes) -> tuple[int, dict[str, Any]]:
    done = quickly("verify", "--json", *words, stdin=stdin)
    answer: dict[str, Any] = json.loads(done.out)
    return done.status, answer


def test_an_unsigned_declaration_passes(site: Path) -> None:
    assert verified("--config", site, stdin=PERSONAL + b"\n") == (
        0,
        {
            "format": "vn_personal",
            "signature": "none",
            "valid": True,
            "outcome": "pass",
            "reason": "accepted",
            "colour": "",
            "issuer": "",
            "valid_from": None,
            "valid_until": None,
        },
    )


def test_every_visitor_gets_the_answer_of_the_door(site: Path, crowd: Crowd, trust: Path) -> None:
    seen = set()
    for visitor in visitors(crowd):
        words = ("--config", site, "--trust", trust, "--at", NOW.isoformat())
        status, answer = verified(*words, stdin=visitor.payload or b"")
        found = (answer["format"], answer["outcome"], answer["reason"])
        assert found == (visitor.format, visitor.outcome, visitor.reason), visitor.label
        assert status == (0 if visitor.outcome == "pass" else 1)
        seen.add((answer["signature"], answer["valid"]))
    assert {("valid", True), ("valid", False), ("invalid", False), ("none", True)} <= seen


def test_the_moment_the_trust_list_and_the_policy_can_be_others(
    site: Path, crowd: Crowd, trust: Path, tmp_path: Path
) -> None:
    signed = next(v for v in visitors(crowd) if v.format == "hc1" and v.outcome == "pass")
    payload = signed.payload or b""
    here = ("--config", site, "--trust", trust)
    status, answer = verified(*here, "--at", NOW.isoformat(), stdin=payload)
    assert (status, answer["signature"], answer["valid"]) == (0, "valid", True)
    assert answer["issuer"]
    until = datetime.fromisoformat(answer["valid_until"])
    assert datetime.fromisoformat(answer["valid_from"]) < NOW < until

    late = (until + timedelta(seconds=1)).isoformat()
    status, answer = verified(*here, "--at", late, stdin=payload)
    assert (status, answer["reason"], answer["valid"]) == (1, "expired", False)

    status, answer = verified("--config", site, "--at", NOW.isoformat(), stdin=payload)
    assert (answer["signature"], answer["reason"]) == ("unknown-key", "unknown-key")
    assert (status, answer["valid"]) == (1, False)

    policy = tmp_path / "policy.toml"
    shipped = Path(__file__).parents[2] / "config" / "policy.toml"
    policy.write_text(shipped.read_text().replace('hc1 = "pass"', 'hc1 = "warn"'))
    status, answer = verified(*here, "--policy", policy, "--at", NOW.isoformat(), stdin=payload)
    assert (status, answer["outcome"], answer["valid"]) == (1, "warn", True)


@pytest.mark.parametrize(
    ("payload", "format", "reason"),
    [
        (b"", "unknown", "malformed"),
        (b"\n", "unknown", "malformed"),
        (b"x" * 7000, "unknown", "malformed"),
        (b"x" * 200_000, "unknown", "malformed"),
        (b"\xff\xfe\x00", "unknown", "unknown-code"),
        (b"https://example.org/", "unknown", "unknown-code"),
        (b"HC1:not base45", "hc1", "malformed"),
    ],
    ids=["empty", "newline", "7kB", "200kB", "bytes", "link", "broken"],
)
def test_what_is_no_credential_is_not_valid(
    site: Path, payload: bytes, format: str, reason: str
) -> None:
    status, answer = verified("--config", site, stdin=payload)
    assert status == 1
    assert (answer["format"], answer["reason"]) == (format, reason)
    assert (answer["valid"], answer["signature"]) == (False, "none")
    assert ("problem" in answer) == (reason == "malformed")


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "nothing came on standard input"),
        (b"\n", "nothing came on standard input"),
        (b"x" * 4297, "more than 4296 bytes, which is more than any known format has"),
        (b"x" * 4297 + b"\n", "more than 4296 bytes, which is more than any known format has"),
        (b"x" * 7000, "more than 4296 bytes, which is more than any known format has"),
        (b"x" * 200_000, "more than 4296 bytes, which is more than any known format has"),
    ],
    ids=["empty", "newline", "one more", "one more, newline", "7kB", "200kB"],
)
def test_what_no_code_can_hold_is_called_so(site: Path, payload: bytes, problem: str) -> None:
    done = quickly("verify", "--config", site, stdin=payload)
    assert done.status == 1
    first, second, third, *_ = done.out.splitlines()
    assert first == "FAIL: This cannot be what a code holds."
    assert second == f"problem      {problem}"
    assert third == "format       unknown"
    _, answer = verified("--config", site, stdin=payload)
    assert answer["problem"] == problem


def test_the_longest_code_is_still_looked_into(site: Path) -> None:
    for payload in (b"x" * 4296, b"x" * 4296 + b"\n"):
        _, answer = verified("--config", site, stdin=payload)
        assert answer["reason"] == "unknown-code"


def test_verify_reads_the_bytes_of_its_standard_input(site: Path) -> None:
    done = kioskctl("verify", "--json", "--config", site, stdin=PERSONAL + b"\n")
    assert (done.status, json.loads(done.out)["outcome"]) == (0, "pass")
    done = kioskctl("verify", "--json", "--config", site, stdin=b"\xff\n")
    assert (done.status, json.loads(done.out)["format"]) == (1, "unknown")


def test_the_answer_in_words_names_nobody(site: Path) -> None:
    done = kioskctl("verify", "--config", site, stdin=PERSONAL)
    assert done.status == 0
    assert done.out.startswith("PASS: The code is accepted.\nformat       vn_personal\n")
    for private in ("NGUYEN", "0010930", "0123232422"):
        assert private not in done.out + done.err
    done = kioskctl("verify", "--config", site, stdin=b"HC1:not base45")
    assert done.out.startswith("FAIL: ")
    assert "\nproblem      " in done.out


def of_today(issuer: Issuer) -> bytes:
    """A certificate that is valid today."""
    today = datetime.now(UTC)
    hour, birth = timedelta(hours=1), date(1990, 5, 6)
    return issuer.issue("Le", "Ba", birth, today - hour, today + hour)


def test_off_a_kiosk_the_clock_of_the_computer_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ETC", tmp_path)
    monkeypatch.setattr(clock, "_SYNCHRONIZED", tmp_path / "never")
    year = timedelta(days=365)
    issuer = Issuer.new("VN", "ES256", datetime.now(UTC) - year, datetime.now(UTC) + year)
    trust = tmp_path / "signer.der"
    trust.write_bytes(issuer.certificate)
    done = quickly("verify", "--trust", trust, stdin=of_today(issuer))
    assert (done.status, done.out.splitlines()[0]) == (0, "PASS: The code is accepted.")
    assert done.err == (
        "kioskctl: not on a kiosk and no --config: the defaults apply, and the clock of this"
        " computer is believed\n"
    )
    # A kiosk's own configuration says what its clock is worth.
    site = tmp_path / "site.toml"
    site.write_text('[kiosk]\nid = "gate-1"\n')
    done = quickly("verify", "--config", site, "--trust", trust, stdin=of_today(issuer))
    remedy = "remedy       set the clock of this computer, or name the moment: --at TIME"
    assert done.out.startswith("WARN: The kiosk does not know the date")
    assert remedy in done.out.splitlines()


def test_times_are_told_by_both_clocks(site: Path) -> None:
    issuer = Issuer.new("VN", "ES256", NOW, NOW + timedelta(days=1))
    start, end = datetime(2026, 1, 1, 17, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)
    payload = issuer.issue("Le", "Ba", date(1990, 5, 6), start, end)
    done = quickly("verify", "--config", site, "--at", NOW.isoformat(), stdin=payload)
    assert "valid from   2026-01-01T17:00:00Z (2026-01-02 00:00:00 in Vietnam)\n" in done.out
    assert "valid until  9999-12-31T23:00:00Z\n" in done.out


def test_a_revoked_code_is_validly_signed_and_not_valid(site: Path, tmp_path: Path) -> None:
    issuer = Issuer.new("VN", "ES256", NOW - timedelta(days=1), NOW + timedelta(days=1))
    payload = issuer.issue("Le", "Ba", date(1990, 5, 6), NOW, NOW + timedelta(days=1))
    trust = tmp_path / "trust.json"
    believed = [IssuerLine(kid=issuer.kid, certificate=issuer.certificate)]
    gone = [Revoked(format="hc1", kid=issuer.kid)]
    for issuers, signature in ((believed, "valid"), ([], "unknown-key")):
        trust.write_bytes(encode(Listing(issuers, gone)))
        words = ("--config", site, "--trust", trust, "--at", NOW.isoformat())
        status, answer = verified(*words, stdin=payload)
        assert (status, answer["signature"], answer["valid"]) == (1, signature, False)
        assert (answer["outcome"], answer["reason"]) == ("fail", "revoked")


@pytest.mark.parametrize("time", ["2026-11-22t08:00:00z", "2026-11-22T07:59:60Z"])
def test_times_are_those_of_rfc_3339(site: Path, time: str) -> None:
    assert verified("--config", site, "--at", time, stdin=PERSONAL)[0] == 0


@pytest.mark.parametrize("time", ["yesterday", "1960-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_misuse(site: Path, time: str) -> None:
    done = quickly("verify", "--config", site, "--at", time, stdin=PERSONAL)
    assert done.status == 2
    assert "is no time in RFC 3339 since 1970; expected as in 2026-03-01T08:00:00Z" in done.err


def test_a_time_without_its_offset_is_misuse(site: Path) -> None:
    done = quickly("verify", "--config", site, "--at", "2026-01-01T00:00:00", stdin=PERSONAL)
    assert done.status == 2
    assert "'2026-01-01T00:00:00' lacks its offset from UTC; expected as in " in done.err


def test_rules_that_cannot_be_read_are_named(site: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.json"
    done = quickly("verify", "--config", site, "--trust", gone, stdin=PERSONAL)
    assert (done.status, done.err) == (
        78,
        f"kioskctl: configuration: cannot read {gone}: No such file or directory\n",
    )
    wrong = f"kioskctl: configuration: {gone}: "
    gone.write_text("{")
    done = quickly("verify", "--config", site, "--policy", gone, stdin=PERSONAL)
    assert done.status == 78
    assert done.err.startswith(f"{wrong}not TOML")
    gone.write_text('[accept]\ncccd = "maybe"')
    done = quickly("verify", "--config", site, "--policy", gone, stdin=PERSONAL)
    assert len(done.err.splitlines()) > 2
    assert all(line.startswith(f"{wrong}[") or "section" in line for line in done.err.splitlines())
