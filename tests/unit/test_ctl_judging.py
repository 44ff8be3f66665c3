"""kioskctl verify, trust and scan: what codes are, as the door would judge them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image
from test_ctl import NOW, PERSONAL, kioskctl, quickly, site

from demo.abroad import CardIssuer
from demo.crowd import Crowd, Visitor, make_crowd
from demo.issuers import Issuer
from demo.scenes import draw
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


# verify


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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"version": 1, "issu', "no whole JSON document; it may have been cut short"),
        ("", "an empty file; expected JSON"),
        ("\x89PNG\r\n", "neither JSON nor certificates; expected JSON"),
        ('{"version": 3, "issuers": []}', "version 3, this firmware reads 1 and 2"),
        ('{"version": "1"}', "Expected `int`, got `str` - at `$.version`"),
    ],
)
def test_a_trust_list_that_cannot_be_read_is_named(
    site: Path, tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    done = quickly("verify", "--config", site, "--trust", path, stdin=PERSONAL)
    assert done.status == 78
    assert done.err.startswith(f"kioskctl: configuration: {path}: {problem}")
    assert "trust list: " not in done.err


# trust


def test_lists_are_made_one(site: Path, trust: Path, tmp_path: Path) -> None:
    cards = CardIssuer.new("https://cards.example")
    keys, out = tmp_path / "keys.json", tmp_path / "made.json"
    keys.write_bytes(cards.jwks())
    payload = cards.issue("Le", "Ba", date(1990, 5, 6), [date(2021, 8, 2)], NOW)
    done = quickly("trust", "import", trust, keys, keys, "--out", out)
    assert done.status == 0
    assert "shc          2 keys\n" in done.out
    assert "revoked      0 codes, 0 keys\n" in done.out
    later = (NOW + timedelta(hours=1)).isoformat()
    for lists in (["--trust", out], ["--trust", trust, "--trust", keys]):
        status, answer = verified("--config", site, *lists, "--at", later, stdin=payload)
        assert (status, answer["signature"], answer["issuer"]) == (0, "valid", cards.url)
    assert (
        len(json.loads(out.read_bytes())["issuers"])
        == len(json.loads(trust.read_bytes())["issuers"]) + 1
    )


def test_a_key_set_is_told_its_issuer(site: Path, tmp_path: Path) -> None:
    cards = CardIssuer.new("https://cards.example")
    keys, out = tmp_path / "jwks.json", tmp_path / "made.json"
    keys.write_text(json.dumps({"keys": json.loads(cards.jwks())["keys"]}))
    payload = cards.issue("Le", "Ba", date(1990, 5, 6), [date(2021, 8, 2)], NOW)
    at = (NOW + timedelta(hours=1)).isoformat()
    for url in (cards.url, f"{cards.url}/", f"{cards.url}/.well-known/jwks.json"):
        told = f"{url}={keys}"
        _, answer = verified("--config", site, "--trust", told, "--at", at, stdin=payload)
        assert (answer["signature"], answer["issuer"]) == ("valid", cards.url)
        assert quickly("trust", "import", told, "--out", out).out.startswith("shc          1 key\n")
    done = quickly("verify", "--config", site, "--trust", keys, stdin=payload)
    assert done.status == 78
    assert "does not name its issuer; give it as https://...=FILE" in done.err


def test_what_is_of_no_use_is_named_and_left_out(tmp_path: Path) -> None:
    good = Issuer.new("VN", "ES256", NOW, NOW + timedelta(days=1))
    signers, out = tmp_path / "signers.json", tmp_path / "made.json"
    entries = [
        {"kid": b64encode(kid).decode(), "rawData": b64encode(der).decode()}
        for kid, der in ((good.kid, good.certificate), (b"bad", good.certificate[:-7]))
    ]
    signers.write_text(json.dumps(entries))
    done = quickly("trust", "import", signers, "--out", out)
    assert done.status == 0
    assert done.err.startswith("left out: key of hc1, kid YmFk: cannot be read")
    assert "hc1          1 key\nleft out     1, see above\n" in done.out
    (kept,) = json.loads(out.read_bytes())["issuers"]
    assert kept["kid"] == entries[0]["kid"]

    out.unlink()
    signers.write_text(json.dumps(entries[1:]))
    empty = tmp_path / "empty.json"
    empty.write_text('{"version": 2, "issuers": []}')
    for files in ([signers], [empty], [empty, signers]):
        done = quickly("trust", "import", *files, "--out", out)
        assert done.status == 1
        assert "nothing in these files is of use; no list was written" in done.err
        assert not out.exists()


def test_a_list_that_cannot_be_read_or_written_is_named(trust: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"keys": []}')
    done = quickly("trust", "import", broken, "--out", tmp_path / "out.json")
    assert done.status == 78
    assert f"{broken}: a key set (JWKS) does not name its issuer" in done.err
    done = quickly("trust", "import", trust, "--out", tmp_path / "no/such/folder.json")
    assert done.status == 1
    assert "cannot write" in done.err


# scan


def test_pictures_are_read_and_judged(
    site: Path, crowd: Crowd, trust: Path, tmp_path: Path
) -> None:
    shown = [v for v in visitors(crowd) if v.format in ("cccd", "vn_personal", "hc1", "unknown")][
        :6
    ]
    files = [tmp_path / f"{number}.png" for number in range(len(shown))]
    for visitor, path in zip(shown, files, strict=True):
        draw(visitor).save(path)
    done = kioskctl("scan", "--config", site, "--trust", trust, "--at", NOW.isoformat(), *files)
    assert done.status == 0
    for visitor, path, line in zip(shown, files, done.out.splitlines(), strict=True):
        assert line.startswith(f"{path}: {visitor.format}: {visitor.outcome}, {visitor.reason}"), (
            visitor.label
        )
    done_json = quickly(
        *("scan", "--json", "--config", site, "--trust", trust, "--at", NOW.isoformat()), *files
    )
    assert done_json.status == 0
    for visitor, path, line in zip(shown, files, done_json.out.splitlines(), strict=True):
        told = json.loads(line)
        found = (told["file"], told["format"], told["outcome"], told["reason"])
        assert found == (str(path), visitor.format, visitor.outcome, visitor.reason)
        assert {"signature", "valid", "issuer", "valid_from", "valid_until", "name"} < told.keys()
    for visitor in shown:
        text = (visitor.payload or b"").decode(errors="replace")
        assert not any(len(part) > 5 and part in done.out for part in text.split("|"))


def test_what_is_transparent_is_read_as_on_white_paper(site: Path, tmp_path: Path) -> None:
    code = segno.make(PERSONAL, error="m")
    path = tmp_path / "code.png"
    code.save(path, scale=6, light=None)
    opaque = Image.open(path).convert("RGBA")
    black = Image.new("RGBA", opaque.size, (0, 0, 0, 0))  # as some programs leave the ground
    pictures = {
        "rgba": Image.alpha_composite(black, opaque),
        "grey": Image.alpha_composite(black, opaque).convert("LA"),
        "palette": Image.alpha_composite(black, opaque).quantize(4),
    }
    for name, picture in pictures.items():
        file = tmp_path / f"{name}.png"
        picture.save(file)
        done = kioskctl("scan", "--config", site, file)
        assert done.out == f"{file}: vn_personal: pass, accepted, N. V. A\n"
        assert done.err == ""


def test_a_file_of_another_kind_is_told_what_is_expected(site: Path, tmp_path: Path) -> None:
    drawing, large = tmp_path / "code.svg", tmp_path / "large.png"
    segno.make(PERSONAL).save(drawing)
    Image.new("1", (9500, 9500)).save(large)
    done = kioskctl("scan", "--config", site, drawing, large)
    assert done.err == (
        f"{drawing}: no picture that can be read: expected PNG or JPEG, found SVG; export it as"
        f" PNG\n{large}: no picture that can be read: 9500x9500 pixels, at most 50000000 in all\n"
    )


def test_a_picture_without_a_code_and_a_file_that_is_none_say_no(
    site: Path, tmp_path: Path
) -> None:
    empty, junk, gone = tmp_path / "empty.png", tmp_path / "junk.png", tmp_path / "gone.png"
    Image.new("L", (640, 480), 128).save(empty)
    junk.write_bytes(b"junk")
    done = kioskctl("scan", "--config", site, empty, junk, gone)
    assert done.status == 1
    assert done.out == f"{empty}: no readable code\n"
    assert f"{junk}: no picture that can be read: expected PNG or JPEG\n" in done.err
    assert f"{gone}: no picture that can be read: No such file or directory" in done.err
    told = [
        json.loads(line)
        for line in quickly("scan", "--json", "--config", site, empty, gone).out.splitlines()
    ]
    assert [one["error"] for one in told] == [
        "no readable code",
        "no picture that can be read: No such file or directory",
    ]
