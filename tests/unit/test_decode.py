from __future__ import annotations

import io
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import segno
from PIL import Image
from pyzbar import pyzbar

from drivers.camera import Frame
from kiosk.credentials import parse
from kiosk.credentials.lists import parse_trust
from kiosk.decode import Decoder
from kiosk.errors import HardwareError
from kiosk.model import Symbol

SHARED = Path(__file__).parents[2] / "../shared"
PHOTOS, VECTORS = SHARED / "photos", SHARED / "vectors"


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def drawn(code: segno.QRCode, scale: int = 4) -> np.ndarray:
    png = io.BytesIO()
    code.save(png, kind="png", scale=scale, border=5)
    return np.array(Image.open(png).convert("L"))


def payloads(decoder: Decoder, grey: np.ndarray) -> list[bytes]:
    return [symbol.payload for symbol in decoder.look(Frame(grey, 0.0)).symbols]


@pytest.mark.parametrize(
    "payload",
    [
        b"\0",
        b"a\0b\0\0",
        bytes(range(256)),
        b"\xff\xfe\x80 not UTF-8",
        "Nguyễn Thị Ngọc Ánh|Nữ|Đắk Lắk".encode(),
        "Ấp 1".encode(),
        bytes(2953),
    ],
    ids=["one-nul", "nuls", "all-bytes", "no-utf8", "vietnamese", "short", "longest"],
)
def test_payload_is_the_exact_bytes(decoder, payload):
    code = segno.make(payload, mode="byte", error="l", micro=False)
    assert payloads(decoder, drawn(code)) == [payload]


def test_longest_numeric_code(decoder):
    assert payloads(decoder, drawn(segno.make("7" * 7089))) == [b"7" * 7089]


def test_declared_utf8_is_left_alone(decoder):
    code = segno.make("Trần Văn Bình", encoding="utf-8", eci=True, micro=False)
    assert payloads(decoder, drawn(code)) == ["Trần Văn Bình".encode()]


def test_vietnamese_names_are_never_guessed(decoder):
    """Short names are what character set guessers mistake for Shift-JIS and Big5."""
    rng = np.random.default_rng(7)
    family = ["Nguyễn", "Trần", "Lê", "Phạm", "Đỗ", "Võ", "Đặng"]
    given = ["Ánh", "Bình", "Cúc", "Dũng", "Hạnh", "Lộc", "Ngọc", "Thịnh", "Xuân", "Ý"]
    for _ in range(60):
        name = f"{rng.choice(family)} {rng.choice(given)} {rng.choice(given)}".encode()
        code = segno.make(name, mode="byte", micro=False)
        assert payloads(decoder, drawn(code)) == [name]


def test_largest_comes_first_with_its_corners(decoder):
    small = drawn(segno.make("small", micro=False), 3)
    large = drawn(segno.make("large", micro=False), 7)
    scene = np.full((300, 600), 255, np.uint8)
    scene[20 : 20 + small.shape[0], 20 : 20 + small.shape[1]] = small
    scene[40 : 40 + large.shape[0], 300 : 300 + large.shape[1]] = large
    first, second = decoder.look(Frame(scene, 0.0)).symbols
    assert (first.payload, second.payload) == (b"large", b"small")
    assert first.kind == "qr"
    edge = 5 * 7  # of the quiet zone
    expected = [
        (x, y) for x in (300 + edge, 300 + 217 - edge) for y in (40 + edge, 40 + 217 - edge)
    ]
    assert len(first.corners) == 4
    for corner in expected:
        assert min(np.hypot(x - corner[0], y - corner[1]) for x, y in first.corners) < 7


def test_only_qr_codes_are_looked_for(decoder):
    """A barcode: the kiosk has no use for it, and a visitor's shopping bag has many."""
    digits, ends, middle = (0x0D, 0x19, 0x13, 0x3D, 0x23, 0x31), "101", "01010"
    left = "".join(f"{d:07b}" for d in digits)
    right = "".join(f"{127 - d:07b}" for d in (*[0x0D] * 5, 0x3D))  # 0012345000003
    row = [255] * 12 + [0 if b == "1" else 255 for b in ends + left + middle + right + ends]
    barcode = np.tile(np.repeat([*row, *[255] * 12], 3).astype(np.uint8), (120, 1))
    assert [found.type for found in pyzbar.decode(Image.fromarray(barcode))] == ["EAN13"]
    assert payloads(decoder, barcode) == []


def test_structured_append_is_read_when_complete(decoder):
    whole = b"one\0two three four five six seven eight" * 3
    parts = [drawn(code) for code in segno.make_sequence(whole, symbol_count=3)]
    assert payloads(decoder, parts[0]) == []
    assert payloads(decoder, np.hstack([parts[0], parts[2]])) == []
    assert payloads(decoder, np.hstack(parts)) == [whole]
    assert [s.payload for s in decoder.picture(np.hstack(parts))] == [whole]


@pytest.mark.parametrize("view", ["slice", "step", "fortran", "read-only"])
def test_any_memory_layout_is_taken(decoder, view):
    code = drawn(segno.make("layout", micro=False))
    wide = np.full((code.shape[0], code.shape[1] + 32), 255, np.uint8)
    wide[:, : code.shape[1]] = code
    grey = {
        "slice": wide[:, : code.shape[1]],
        "step": np.repeat(code, 2, axis=1)[:, ::2],
        "fortran": np.asfortranarray(code),
        "read-only": np.frombuffer(code.tobytes(), np.uint8).reshape(code.shape),
    }[view]
    assert payloads(decoder, grey) == [b"layout"]


@pytest.mark.parametrize(
    "grey",
    [
        np.zeros((10, 10, 3), np.uint8),
        np.zeros(100, np.uint8),
        np.zeros((10, 10), np.float32),
        np.zeros((0, 10), np.uint8),
    ],
    ids=["colour", "flat", "float", "empty"],
)
def test_anything_but_luma_is_told(decoder, grey):
    with pytest.raises(HardwareError, match=r"expected uint8 \(height, width\)"):
        decoder.look(Frame(grey, 0.0))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (7, 7)])
def test_tiny_frames_hold_nothing(decoder, shape):
    assert payloads(decoder, np.zeros(shape, np.uint8)) == []


def test_noise_and_pattern_do_no_harm(decoder):
    rng = np.random.default_rng(3)
    for _ in range(5):
        assert payloads(decoder, rng.integers(0, 256, (480, 640), np.uint8)) == []


def test_a_closed_decoder_says_so():
    decoder = Decoder()
    decoder.close()
    decoder.close()
    with pytest.raises(HardwareError, match="closed"):
        decoder.look(Frame(np.zeros((10, 10), np.uint8), 0.0))


def test_missing_library_names_the_package(monkeypatch):
    monkeypatch.delitem(sys.modules, "pyzbar.wrapper", raising=False)
    monkeypatch.delattr("pyzbar.wrapper", raising=False)
    monkeypatch.setattr("pyzbar.zbar_library.find_library", lambda name: None)
    with pytest.raises(HardwareError, match="apt install libzbar0"):
        Decoder()


def test_thousands_of_frames_leak_nothing(decoder):
    code = drawn(segno.make(b"\0" * 700, mode="byte", error="l", micro=False), 2)
    parts = [drawn(c, 2) for c in segno.make_sequence(b"x" * 60, symbol_count=2)]

    def pages() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    def turn(times: int) -> None:
        for _ in range(times):
            assert len(payloads(decoder, code)) == 1
            decoder.look(Frame(parts[0], 0.0))

    turn(100)
    before = pages()
    turn(1500)
    grown_kb = (pages() - before) * resource.getpagesize() / 1024
    # One lost image or symbol a frame would be 2 MB at the very least.
    assert grown_kb < 1024


def expected_payloads(picture: Path) -> set[bytes]:
    """Recorded bytes; or text, whose last line an editor may have ended."""
    recorded, text = picture.with_suffix(".bin"), picture.with_suffix(".txt")
    if recorded.exists():
        return {recorded.read_bytes()}
    return {text.read_bytes(), text.read_bytes().rstrip(b"\r\n")} if text.exists() else set()


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="no photographs beside the project")
def test_photographs_are_never_misread(decoder, record_property):
    """Other projects' photographs: what is read is right; how much is read is reported."""
    read = total = 0
    for picture in sorted([*PHOTOS.glob("*/*.png"), *PHOTOS.glob("*/*.webp")]):
        expected = expected_payloads(picture)
        grey = np.asarray(Image.open(picture).convert("RGBA").convert("L"))
        found: list[Symbol] = decoder.look(Frame(grey, 0.0)).symbols
        if not expected:
            assert found == [], picture
            continue
        total += 1
        read += bool(found)
        for symbol in found:
            assert symbol.payload in expected, picture
    record_property("recall", f"{read} of {total}")
    print(f"photographs read: {read} of {total}")
    assert read > total / 3


@pytest.mark.skipif(not VECTORS.is_dir(), reason="no test certificates beside the project")
def test_signatures_hold_over_what_is_read(decoder):
    """Pictures of test certificates of many countries: one wrong byte breaks a signature."""
    trust = parse_trust((VECTORS / "trust/dsc-test.json").read_bytes())
    signed = []
    for picture in sorted(VECTORS.glob("dcc-qa/**/*.png")):
        grey = np.asarray(Image.open(picture).convert("RGBA").convert("L"))
        payload = payloads(decoder, grey)[0]
        signed.append(parse(payload, trust).signed)
    assert len(signed) >= 50
    assert set(signed) == {"valid"}
