"""Fuzzes `kiosk.credentials.parse` with atheris (libFuzzer guided by coverage): `make fuzz`.

    python tests/fuzz/credentials.py [CORPUS] [-max_total_time=60] [other options of libFuzzer]

An input is one byte that says how to wrap the rest, and the rest: so that mutations reach
what lies below base45, compression and signatures. Whatever comes out of `parse` other than a
Credential or a CredentialError, and whatever takes a second, ends the run.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from base64 import b32decode, b32encode
from datetime import UTC, date, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kiosk.credentials"]):
    from kiosk.credentials import PAYLOAD_MAX, base45, parse
    from kiosk.credentials.formats.door_pass import Pass, encode
    from kiosk.credentials.packing import base64url
    from kiosk.credentials.trust import TrustList
    from kiosk.errors import CredentialError

import cbor2

from demo.abroad import everybody

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BIRTH, DAY = date(1990, 5, 6), date(2021, 8, 2)
DCC, CARDS, NZ, SEALS, DOORS, LISTING = everybody(START, END)
TRUST = TrustList(listing=LISTING)


def wrap(how: int, rest: bytes) -> bytes:
    """The payload that an input stands for."""
    match how % 8:
        case 0:
            return b"HC1:" + base45.encode(zlib.compress(rest, 1))
        case 1:
            return DCC.wrap(rest)
        case 2:
            return CARDS.wrap_bytes(rest)
        case 3:
            return b"NZCP:/1/" + b32encode(rest).rstrip(b"=")
        case 4:
            return NZ.wrap(rest)
        case 5:
            return b"DP1:" + base45.encode(DOORS.sign(b"DP1:" + rest) + rest)
    return rest


def one_input(data: bytes) -> None:
    """What libFuzzer calls."""
    payload = wrap(data[0], data[1:])[:PAYLOAD_MAX] if data else b""
    try:
        parse(payload, TRUST)
    except CredentialError as error:
        assert error.problem


def seeds() -> list[bytes]:
    """A good code of each format, wrapped and unwrapped."""
    hc1 = DCC.issue("Le", "Ba", BIRTH, START, END)
    cose = zlib.decompress(base45.decode(hc1[4:]))
    digits = CARDS.issue("Le", "Ba", BIRTH, [DAY], START)
    jws = "".join(chr(int(digits[i : i + 2]) + 45) for i in range(5, len(digits), 2))
    card = zlib.decompress(base64url(jws.split(".")[1], "payload"), -15)
    content = cbor2.dumps(NZ.content("Le", "Ba", BIRTH, START, END))
    nzcp = NZ.wrap(content)
    nz_cose = b32decode(nzcp[8:] + b"=" * (-len(nzcp[8:]) % 8))
    door = encode(Pass(id=7, name="Lê Ba", birth="1990", group="7A", first=DAY, last=DAY), DOORS)
    return [
        b"\x00" + cose,
        b"\x01" + cbor2.loads(cose).value[2],
        b"\x02" + card,
        b"\x03" + nz_cose,
        b"\x04" + content,
        b"\x05" + base45.decode(door[4:])[64:],
        *(b"\x06" + payload for payload in (hc1, digits, jws.encode(), nzcp, door)),
        b"\x06" + SEALS.wrap(SEALS.vaccination("LE  BA", BIRTH, "B1", [DAY])),
        b"\x06001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422",
        "\x06001099000001||Nguyễn Ánh|01011999|Nữ|Phố Huế|01062021||||".encode(),
        b"\x06GD4010100000001|4cc3aa|7/9/2015|1|48|01 - 028|-|-|24/01/2021|1|4cc3|4|-|0-1|$",
        b"\x06https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=00000000",
    ]


def main() -> None:
    """Runs until libFuzzer's options end it."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder, "-max_len=4096", "-timeout=1"], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
