"""Parts of codes, disagreement, and what the bench says: the decoder's smaller doors."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import segno
from PIL import Image
from segno import consts

from demo.hard import scene
from drivers.camera import Frame
from kiosk.decode import Decoder, modules
from kiosk.decode.append import Place, is_part
from kiosk.decode.assembly import WAIT_S, Assembly, Part
from kiosk.decode.choice import merged
from kiosk.decode.looks import LOOKS
from kiosk.model import Symbol

HERE = ((0, 0), (9, 0), (9, 9), (0, 9))
THERE = ((50, 0), (59, 0), (59, 9), (50, 9))


def drawn(code: segno.QRCode, scale: int = 3) -> np.ndarray:
    png = io.BytesIO()
    code.save(png, kind="png", scale=scale, border=4)
    return np.array(Image.open(png).convert("L"))


def matrix(code: segno.QRCode) -> np.ndarray:
    return np.array([[bool(bit) for bit in row] for row in code.matrix])


def test_the_table_of_blocks_agrees_with_segno():
    for level in "LMQH":
        theirs = getattr(consts, f"ERROR_LEVEL_{level}")
        ours = modules._BLOCKS[level].split()
        assert len(ours) == 40
        for version, blocks in enumerate(ours, start=1):
            assert sum(e.num_blocks for e in consts.ECC[version][theirs]) == int(blocks)


@pytest.mark.parametrize("version", [1, 2, 6, 7, 14, 21, 28, 32, 36, 40])
@pytest.mark.parametrize("level", "LMQH")
def test_the_first_bits_are_mode_length_and_payload(version, level):
    payload = b"\xa5pay"
    code = segno.make(payload, version=version, error=level, mode="byte", boost_error=False)
    size = 8 if version < 10 else 16
    expected = "0100" + f"{len(payload):0{size}b}" + "".join(f"{byte:08b}" for byte in payload)
    for square in (matrix(code), matrix(code).T):  # mirrored too
        bits = modules.first_bits(square, level, code.mask)
        count = min(len(expected), len(bits))
        assert "".join(str(int(bit)) for bit in bits)[:count] == expected[:count]


SAID = {
    "bytes": "Nguyễn Thị Ánh|Nữ|Đắk Lắk|0123".encode(),
    "capitals": b"HC1:NCF3R0KLBBA5%A",
    "digits-first": b"001093029317|NGUYEN VAN A|1987",
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_a_damaged_corner_does_not_make_a_whole_code_a_part(said):
    """The corner holds the bits that name the mode."""
    code = segno.make(said, error="h", micro=False)
    square, sure = matrix(code), 0
    for seed in range(40):
        spoilt = square.copy()
        spoilt[-4:, -4:] = np.random.default_rng(seed).random((4, 4)) < 0.5
        sure += is_part(spoilt, code.error, code.mask, said, False) is False
    assert sure >= 32


def test_a_damaged_corner_does_not_make_a_part_the_whole():
    said = b"one two three four five six seven eight nine ten"
    parts = list(segno.make_sequence(said, symbol_count=2, error="h"))
    cut = len(said) // 2
    for code, payload in zip(parts, (said[:cut], said[cut:]), strict=True):
        square = matrix(code)
        assert is_part(square, code.error, code.mask, payload, True)
        assert is_part(square.T, code.error, code.mask, payload, True), "mirrored"
        for seed in range(60):
            spoilt = square.copy()
            spoilt[-4:, -4:] = np.random.default_rng(seed).random((4, 4)) < 0.5
            assert is_part(spoilt, code.error, code.mask, payload, False) is not False


def test_a_damaged_part_is_never_read_as_a_whole():
    decoder = Decoder()
    grey = drawn(segno.make_sequence(b"x1y2z3" * 8, symbol_count=2, error="h")[0], 4)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y, x = rng.integers(0, grey.shape[0] - 24, 2)
        spoilt = grey.copy()
        spoilt[y : y + 24, x : x + 24] = rng.choice([0, 255])
        assert decoder.picture(spoilt) == []
    decoder.close()


def shown(decoder: Decoder, *pictures: np.ndarray, start: float = 0.0) -> list[list[bytes]]:
    """What is read when each picture is before the camera for half a second."""
    sights = []
    for number, picture in enumerate(pictures):
        scene = np.full((400, 400), 120, np.uint8)
        scene[20 : 20 + picture.shape[0], 30 : 30 + picture.shape[1]] = picture
        frames = [decoder.look(Frame(scene, start + number / 2 + n / 15)) for n in range(7)]
        sights.append([s.payload for frame in frames for s in frame.symbols])
    return sights


def parts_of(said: str, count: int) -> list[np.ndarray]:
    return [drawn(code) for code in segno.make_sequence(said, symbol_count=count)]


def test_parts_that_come_one_after_another_are_put_together_once():
    said = "Nguyễn Thị Ánh|" * 9
    one, two, three = parts_of(said, 3)
    decoder = Decoder()
    assert shown(decoder, two, one, two, three) == [[], [], [], [said.encode()]]
    assert shown(decoder, three, one, start=3) == [[], []], "the second begins anew"
    assert decoder.look(Frame(np.zeros((400, 400), np.uint8), 5.0 + WAIT_S)).symbols == []
    assert decoder._assembly._parts == {}, "what stays away is forgotten"
    assert shown(decoder, two, start=20) == [[]]
    decoder.close()


def test_parts_of_two_codes_are_not_mixed():
    first, second = parts_of("one two three four five six", 2), parts_of("A" * 30, 2)
    decoder = Decoder()
    assert shown(decoder, first[0], second[1], first[1], second[0]) == [[]] * 4
    decoder.close()


@pytest.mark.parametrize("part", [2, 15])
def test_a_part_of_a_place_that_the_code_does_not_have_is_nothing(part):
    assembly = Assembly()
    assert assembly.add(Part(b"x", HERE, Place(part, 2, 0)), 0.0) is None
    assert assembly.add(Part(b"x", HERE, None), 0.0) is None
    assert assembly._parts == {}


def test_two_that_say_the_same_part_differently_are_two_codes():
    assembly = Assembly()
    assert assembly.add(Part(b"a", HERE, Place(0, 2, 7)), 0.0) is None
    assert assembly.add(Part(b"b", HERE, Place(0, 2, 7)), 0.1) is None
    assert assembly.add(Part(b"c", HERE, Place(1, 2, 7)), 0.2) == b"bc"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5, 2), (97, 64)])
def test_every_look_takes_pictures_of_any_size(look, size):
    rng = np.random.default_rng(1)
    for grey in (np.zeros(size, np.uint8), rng.integers(0, 256, size, np.uint8)):
        made = look.make(grey)
        assert made.dtype == np.uint8
        assert made.shape == tuple(int(edge * look.scale) for edge in size)


def test_bands_of_a_dimmed_screen_are_read_through():
    decoder, at_first, in_the_end = Decoder(), 0, 0
    for number in range(6):
        hard = scene("bands", 0.8, number, (640, 480))
        at_first += bool(decoder._eyes.first(hard.grey).symbols)
        in_the_end += [s.payload for s in decoder.picture(hard.grey)] == [hard.payload]
    decoder.close()
    assert (at_first, in_the_end) == (0, 6)


def test_where_two_decoders_disagree_nothing_counts():
    one, other = Symbol(b"one", "qr", HERE), Symbol(b"other", "qr", HERE)
    third = Symbol(b"third", "qr", THERE)
    assert merged([one], [other]) == []
    assert merged([one, third], [other]) == [third]
    assert merged([one], [one]) == [one]
    assert merged([one], [third]) == [one, third]


def test_two_decoders_that_disagree_leave_a_code_unread(monkeypatch):
    """A reading with its error correction used up counts only if zbar does not say otherwise."""
    from kiosk.decode import eyes, zxing
    from kiosk.decode.zbar import Reading

    monkeypatch.setattr(zxing, "SURE", 2.0)  # every reading is in doubt
    grey = drawn(segno.make("the true one", micro=False))
    decoder = Decoder()
    assert [s.payload for s in decoder.picture(grey)] == [b"the true one"]
    lie = Reading([Symbol(b"another", "qr", HERE)], [])
    monkeypatch.setattr(eyes.Zbar, "read", lambda self, grey: lie)
    assert decoder._eyes.first(grey).symbols == []
    silent = Reading([], [])
    monkeypatch.setattr(eyes.Zbar, "read", lambda self, grey: silent)
    assert [s.payload for s in decoder._eyes.first(grey).symbols] == [b"the true one"]
    decoder.close()


def test_inverted_and_mirrored_codes_are_read():
    decoder = Decoder()
    grey = drawn(segno.make("either way", micro=False))
    for picture in (255 - grey, grey[:, ::-1], np.rot90(255 - grey)):
        assert [s.payload for s in decoder.picture(picture)] == [b"either way"]
    decoder.close()


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("点茗点茗", {"mode": "kanji"}),
        ("点茗点茗", {"encoding": "utf-8", "eci": True}),
        ("äöü", {"encoding": "iso-8859-1", "eci": True}),
        ("Ấp 1", {"encoding": "utf-8", "eci": True}),
        ("Ấp 1".encode(), {"mode": "byte"}),
        (b"a\0b\0\0", {"mode": "byte"}),
        ("äöü".encode("iso-8859-1"), {"mode": "byte"}),
    ],
)
def test_both_decoders_give_the_same_bytes(text, how):
    code = segno.make(text, micro=False, **how)
    decoder, grey = Decoder(), drawn(code)
    first = [s.payload for s in decoder._eyes.first(grey).symbols]
    assert first == [s.payload for s in decoder._eyes._zbar.read(grey).symbols] != []
    decoder.close()


def test_a_code_found_outside_the_frame_is_no_place_to_look(monkeypatch):
    """Corners are extrapolated: those of a code at the rim may lie anywhere."""
    from kiosk.decode import zxing

    corners = ((-90, -90), (-50, -90), (-50, -50), (-90, -50))
    lost = zxing.Found([], [Symbol(b"x", "qr", corners)], [], [], [zxing.Unread(corners, 21)])
    monkeypatch.setattr(zxing, "read", lambda grey, one_threshold=False: lost)
    decoder = Decoder()
    assert [s.payload for s in decoder.picture(np.zeros((40, 40), np.uint8))] == [b"x"]
    empty = lost._replace(doubtful=[])
    monkeypatch.setattr(zxing, "read", lambda grey, one_threshold=False: empty)
    assert decoder.picture(np.zeros((40, 40), np.uint8)) == []
    decoder.close()


def test_micro_qr_is_no_code_of_ours():
    decoder = Decoder()
    assert decoder.picture(drawn(segno.make("123", micro=True), 6)) == []
    decoder.close()


def test_the_bench_counts_what_is_read_and_what_is_wrong(tmp_path):
    pictures = tmp_path / "some"
    (pictures / "deep").mkdir(parents=True)
    for name, said, file, expected in (
        ("a", "Ánh", "a.txt", "Ánh\n".encode()),
        ("deep/b", "raw", "deep/b.bin", b"raw"),
        ("deep/c", "not this", "deep/c.txt", b"but this"),
    ):
        Image.fromarray(drawn(segno.make(said, micro=False))).save(pictures / f"{name}.png")
        (pictures / file).write_bytes(expected)
    Image.new("L", (90, 90), 128).save(pictures / "deep/empty.png")
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench.decode", "--images", str(pictures)]
    done = subprocess.run(
        [*command, "--idle-seconds", "0.5", "--json", str(out)],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr  # "not this" is wrong
    figures = json.loads(out.read_text())
    assert set(figures["sets"]) == {"some", "deep"}
    assert figures["sets"]["some"]["pictures"] == 1
    assert figures["sets"]["some"]["decoders"]["ours"]["read"] == 1
    deep = figures["sets"]["deep"]
    assert deep["pictures"] == 3
    assert (deep["decoders"]["ours"]["read"], deep["decoders"]["ours"]["wrong"]) == (1, 1)
    assert set(deep["decoders"]) >= {"ours", "pyzbar", "zxing-cpp", "union"}
    assert set(deep["decoders"]["ours"]) == {"read", "wrong", "median_ms", "p95_ms"}
    assert figures["idle"]["pyzbar_to_ours"] > 1
