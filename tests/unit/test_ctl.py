"""kioskctl as a technician meets it: a real process, its words and its exit status."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from PIL import Image

from demo.abroad import CardIssuer, SealIssuer
from demo.crowd import Crowd, Visitor, make_crowd
from demo.issuers import Issuer
from demo.scenes import draw
from kiosk.config import load
from kiosk.ctl import main
from kiosk.ctl.doctor.advice import ON_A_DESK
from kiosk.ctl.doctor.outbox import check as outbox_check
from kiosk.cues import Inlet, Trial
from kiosk.model import CheckIn
from kiosk.outbox import Outbox, SealedSegments
from kiosk.seal import SegmentSeal, new_segment

COMMANDS = ("config", "doctor", "scan", "verify", "policy", "trust", "outbox", "cue")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PERSONAL = b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422"


class Done(NamedTuple):
    status: int
    out: str
    err: str


def kioskctl(*words: object, stdin: bytes = b"") -> Done:
    """A real process."""
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.ctl", *map(str, words)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err, err
    return Done(done.returncode, out, err)


def quickly(*words: object, stdin: bytes = b"") -> Done:
    """The same within this process, for the many cases of one command."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main([str(word) for word in words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.stdin = before
    return Done(status, out.getvalue(), err.getvalue())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A kiosk on a desk, its socket and outbox below `tmp_path`."""
    (tmp_path / "run").mkdir()
    (tmp_path / "outbox").mkdir()
    path = tmp_path / "site.toml"
    path.write_text(
        '[kiosk]\nid = "gate-1"\n[paths]\nrun = "run"\noutbox = "outbox"\n'
        '[clock]\nsource = "system"\n'
    )
    return path


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


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = quickly(command, "--help")
    assert done.status == 0
    assert f"usage: kioskctl {command}" in done.out
    assert "--config FILE" in done.out


def test_help_names_all_commands_and_no_command_is_misuse() -> None:
    assert all(command in kioskctl("--help").out for command in COMMANDS)
    assert quickly().status == 2
    assert quickly("doktor").status == 2


@pytest.mark.parametrize("command", [["config"], ["outbox"], ["cue", "pass"], ["verify"]])
def test_a_wrong_configuration_stops_every_command(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[gpio]\ngreen = 99\n[kiosk]\ndirection = "up"')
    done = quickly(*command, "--config", path)
    assert done.status == 78
    assert done.out == ""
    assert done.err.splitlines() == [
        f"kioskctl: configuration: {path}: gpio.green: found 99, allowed: a whole number from"
        " 0 to 27",
        f'kioskctl: configuration: {path}: kiosk.direction: found "up", allowed: "in" or "out" or'
        ' "toggle" or "button"',
    ]


def test_files_before_and_after_the_command_are_layers_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text("[gpio]\ngreen = 5\nred = 6")
    second.write_text("[gpio]\nred = 7")
    done = kioskctl("--config", first, "config", "--config", second)
    assert done.status == 0
    assert f"green = 5{'':<5}  # {first}" in done.out
    assert f"red = 7{'':<7}  # {second}" in done.out
    assert "silent = false  # default" in done.out


def test_the_configuration_in_force_is_one_and_reads_like_the_files(tmp_path: Path) -> None:
    site, again = tmp_path / "site.toml", tmp_path / "again.toml"
    site.write_text(f'[paths]\nrun = "{"deep/" * 20}run"\n[judge]\ntrust = "trust.json"')
    done = quickly("config", "--config", site)
    for block in done.out.strip().split("\n\n")[1:]:
        _, *lines = block.splitlines()
        assert len({line.rindex("  # ") for line in lines}) == 1, block
    assert "\naddress = 0x3c " in done.out
    again.write_text(done.out)
    assert load([again]) == load([site])


def test_a_reader_that_leaves_is_no_error(site: Path) -> None:
    command = shlex.join([sys.executable, "-m", "kiosk.ctl", "config", "--config", str(site)])
    done = subprocess.run(
        f"{command} | true",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


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
        ("", "no whole JSON document; it may have been cut short"),
        ('{"version": 3, "issuers": []}', "version 3, this firmware reads 1 and 2"),
        ('{"version": "1"}', "Expected `int | null`, got `str` - at `$.version`; expected JSON"),
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


def lines(*words: object, stdin: list[Any]) -> tuple[int, list[Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in stdin)
    done = quickly("verify", "--lines", *words, stdin=text.encode())
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
                (hc1, b"junk"),
                (proof, seal.authority),
                (proof, seal.certificate),
                (proof, issuer.certificate),
            ]
        )
    ]
    _, told = lines("--config", site, "--trust", trust, stdin=asked)
    assert [one["signature"] for one in told] == [
        *("valid", "unknown-key", "unknown-key", "unknown-key"),
        *("valid", "valid", "unknown-key"),
    ]


@pytest.mark.parametrize(
    ("line", "id", "error"),
    [
        ("", None, "JSON"),
        ("{", None, "JSON"),
        ("[]", None, "object"),
        ("[" * 60_000, None, "JSON"),
        ('{"id": 7}', 7, "either payload or payload_b64"),
        ('{"id": {}, "payload": 5}', None, "str"),
        ('{"id": "a", "payload": "x", "payload_b64": "eA=="}', "a", "either"),
        ('{"id": "a", "payload_b64": "!"}', "a", "base64"),
        ('{"id": "a", "payload": "x", "certificate": "!"}', "a", "base64"),
        ('{"id": "a", "payload": "x", "at": "yesterday"}', "a", "RFC 3339"),
        ('{"id": "a", "payload": "x", "at": "2026-01-01T00:00:00"}', "a", "offset"),
        ('{"id": "a", "payload": "\\ud800"}', None, "JSON"),
        ('{"id": "a", "payload": "' + "x" * 70_000 + '"}', None, "more than 65536 bytes"),
        ("\x00\x01", None, "JSON"),
    ],
)
def test_a_bad_line_is_answered_and_the_next_one_judged(
    site: Path, line: str, id: object, error: str
) -> None:
    good = {"id": "next", "payload": PERSONAL.decode()}
    status, (bad, next_one) = lines("--config", site, stdin=[line, good])
    assert status == 1
    assert error in bad["error"]
    assert bad["id"] == id
    assert (next_one["id"], next_one["outcome"]) == ("next", "pass")


def test_lines_judge_what_no_code_can_hold(site: Path) -> None:
    asked = [{"id": 1, "payload": ""}, {"id": 2, "payload": "x" * 5000}, {"id": 3, "payload": "x"}]
    status, told = lines("--config", site, stdin=asked)
    assert status == 0
    assert [one["reason"] for one in told] == ["malformed", "malformed", "unknown-code"]


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


def test_a_picture_without_a_code_and_a_file_that_is_none_say_no(
    site: Path, tmp_path: Path
) -> None:
    empty, junk, gone = tmp_path / "empty.png", tmp_path / "junk.png", tmp_path / "gone.png"
    Image.new("L", (640, 480), 128).save(empty)
    junk.write_bytes(b"junk")
    done = kioskctl("scan", "--config", site, empty, junk, gone)
    assert done.status == 1
    assert done.out == f"{empty}: no readable code\n"
    assert f"{junk}: no picture that can be read: cannot identify image file" in done.err
    assert f"{gone}: no picture that can be read: No such file or directory" in done.err
    told = [
        json.loads(line)
        for line in quickly("scan", "--json", "--config", site, empty, gone).out.splitlines()
    ]
    assert [one["error"] for one in told] == [
        "no readable code",
        "no picture that can be read: No such file or directory",
    ]


# outbox


def filled(directory: Path, records: int) -> Outbox[SegmentSeal]:
    """An outbox held by a scanner, `records` in segments of two."""
    key = X25519PrivateKey.generate().public_key()

    def begin(epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([key], "gate-1", epoch, first_seq)

    outbox = Outbox(directory, 2, begin)
    for _ in range(records):
        outbox.put(
            lambda seal, seq: CheckIn(
                epoch=seal.header.epoch,
                seq=seq,
                id=f"{seq:016x}",
                scanned_at_ms=1,
                clock="synced",
                boot_id="boot",
                boottime_ms=1,
                direction="in",
                outcome="pass",
                reason="accepted",
                sealed=seal.seal(seq, b"NGUYEN VAN A"),
            )
        )
    return outbox


def test_the_outbox_in_figures(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 5).close()
    (tmp_path / "outbox" / "sealed" / "junk").write_bytes(b"junk")
    done = kioskctl("outbox", "--config", site)
    assert done.status == 0
    first, second = done.out.splitlines()
    assert first.startswith("waiting: 3 segments, the oldest for ")
    assert second == "quarantine: 1 file"


def test_records_that_the_scanner_still_holds_are_told(site: Path, tmp_path: Path) -> None:
    outbox = filled(tmp_path / "outbox", 5)
    before = {p: p.read_bytes() for p in (tmp_path / "outbox").rglob("*") if p.is_file()}
    done = quickly("outbox", "--config", site)
    assert done.status == 0
    assert done.out.splitlines() == [
        "waiting: 0 segments",
        "open: 3 segments, 5 records, in the scanner's hands",
        "quarantine: 0 files",
    ]
    told = [finding.what for finding in outbox_check(load([site]), ON_A_DESK)]
    assert "a scanner holds the outbox; open: 3 segments, 5 records" in told
    assert {p: p.read_bytes() for p in (tmp_path / "outbox").rglob("*") if p.is_file()} == before
    outbox.close()
    assert "open" not in quickly("outbox", "--config", site).out
    left = tmp_path / "outbox" / "sealed" / SealedSegments(tmp_path / "outbox").waiting()[0]
    left.rename(tmp_path / "outbox" / "open" / left.name)
    done = quickly("outbox", "--config", site)
    assert done.out.splitlines()[1] == "open: 1 segment, 2 records, left by a dead scanner"


def test_the_outbox_listed_without_a_word_about_anybody(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 3).close()
    names = SealedSegments(tmp_path / "outbox").waiting()
    damaged = tmp_path / "outbox" / "sealed" / names[1]
    damaged.write_bytes(b"nothing of this can be read\n")
    done = kioskctl("outbox", "list", "--config", site)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{names[0]}  waiting ")
    assert lines[0].endswith(", 2 records, numbers 1 to 2")
    assert lines[1] == f"{names[1]}  unreadable, moved to quarantine"
    assert lines[2] == f"{names[1]}  in quarantine"


def test_leftovers_are_sealed_once_the_scanner_is_dead(site: Path, tmp_path: Path) -> None:
    scanner = filled(tmp_path / "outbox", 3)
    done = quickly("outbox", "seal", "--config", site)
    assert done.status == 1
    assert "another scanner holds" in done.err
    scanner.close()
    assert quickly("outbox", "seal", "--config", site) == (0, "nothing was left open\n", "")


def test_a_scanner_that_was_killed_leaves_nothing_stranded(site: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from test_ctl import filled; held = filled(Path(sys.argv[2]), 3); os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "outbox")],
        check=False,
    )
    assert kioskctl("outbox", "seal", "--config", site) == (0, "sealed 2 segments\n", "")
    sealed = SealedSegments(tmp_path / "outbox")
    segments = [sealed.read(name) for name in sealed.waiting()]
    assert [r.seq for segment in segments if segment for r in segment.records] == [1, 2, 3]


def test_an_outbox_that_is_not_there(site: Path, tmp_path: Path) -> None:
    (tmp_path / "outbox").rmdir()
    for action in ([], ["list"], ["seal"]):
        done = quickly("outbox", *action, "--config", site)
        assert done.status == 1
        assert str(tmp_path / "outbox") in done.err


# cue


@pytest.mark.parametrize("outcome", ["pass", "warn", "fail"])
def test_a_trial_reaches_the_panel(site: Path, tmp_path: Path, outcome: str) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", outcome, "--config", site)
    (cue,) = inlet.drain()
    assert isinstance(cue, Trial)
    assert cue.outcome == outcome
    assert (done.status, done.out) == (0, f"sent to the panel: {outcome}, {cue.reason}\n")
    inlet.close()


@pytest.mark.parametrize(
    ("outcome", "reason", "goes"),
    [
        ("pass", "accepted", True),
        ("pass", "forged", False),
        ("warn", "accepted", True),
        ("warn", "expired", True),
        ("fail", "expired", True),
        ("fail", "accepted", False),
    ],
)
def test_a_trial_shows_only_what_a_visitor_might_see(
    site: Path, tmp_path: Path, outcome: str, reason: str, goes: bool
) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", outcome, "--reason", reason, "--config", site)
    shown = [(cue.outcome, cue.reason) for cue in inlet.drain() if isinstance(cue, Trial)]
    inlet.close()
    if goes:
        assert (done.status, shown) == (0, [(outcome, reason)])
    else:
        assert (done.status, shown) == (2, [])
        assert f"{outcome} does not go with {reason}" in done.err


def test_a_trial_from_a_process_of_its_own(site: Path, tmp_path: Path) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    assert kioskctl("cue", "fail", "--config", site) == (0, "sent to the panel: fail, forged\n", "")
    assert len(list(inlet.drain())) == 1
    inlet.close()


def test_a_trial_nobody_takes_is_a_no(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "feedback.sock"
    done = quickly("cue", "pass", "--config", site)
    assert done.status == 1
    assert f"nobody took the cue at {path}: is kiosk-feedback running" in done.err
    Inlet(tmp_path / "run", "feedback").close()  # leaves its socket like a killed process
    assert quickly("cue", "pass", "--config", site).status == 1
    assert quickly("cue", "maybe", "--config", site).status == 2
    assert quickly("cue", "pass", "--reason", "mood", "--config", site).status == 2
