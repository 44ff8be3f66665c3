"""Mutated pictures of codes: no crash, no error, no payload that no code says.

`KIOSK_FUZZ=1000000 python -m pytest tests/unit/test_decode_fuzz.py -s` runs a million of them.
A crash of native code ends the process; the seed printed last leads back to the picture.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import numpy as np
import pytest
import segno
from PIL import Image

from drivers.camera import Frame
from kiosk.decode import Decoder

ROUNDS = int(os.environ.get("KIOSK_FUZZ", "600"))
REPORT = 10_000

Grey = np.ndarray
Rng = np.random.Generator


def payload(rng: Rng) -> bytes:
    length = int(rng.choice([1, 2, 17, 40, 120, 300]))
    kind = rng.integers(4)
    if kind == 0:
        return rng.bytes(length)
    letters = (b"0123456789", b"ABCXYZ0189 $%*+-./:", "Nguyễn|Ánh".encode())[kind - 1]
    return bytes(rng.choice(list(letters), length).astype(np.uint8))


def code(rng: Rng) -> tuple[Grey, bytes | None]:
    """A picture and what it says: None for one part of several (structured append)."""
    said = payload(rng)
    level = str(rng.choice(list("lmqh")))
    if rng.random() < 0.1:
        parts = segno.make_sequence(b"part" + said, symbol_count=2, error=level)
        symbol, says = parts[0], None if len(parts) > 1 else b"part" + said
    else:
        # segno takes two arbitrary bytes for a kanji and spoils them.
        mode = "byte" if len(said) <= 2 and not said.isalnum() else None
        symbol, says = segno.make(said, error=level, micro=False, mode=mode), said
    png = io.BytesIO()
    symbol.save(png, kind="png", scale=int(rng.integers(2, 5)), border=int(rng.integers(0, 6)))
    return np.array(Image.open(png).convert("L")), says


def bits(grey: Grey, rng: Rng) -> Grey:
    grey.reshape(-1)[rng.integers(0, grey.size, grey.size // int(rng.integers(3, 60)))] ^= 255
    return grey


def block(grey: Grey, rng: Rng) -> Grey:
    y, x = rng.integers(0, grey.shape[0]), rng.integers(0, grey.shape[1])
    h, w = rng.integers(1, 1 + grey.shape[0] // 2), rng.integers(1, 1 + grey.shape[1] // 2)
    grey[y : y + h, x : x + w] = rng.choice([0, 255, 128])
    return grey


def moved_block(grey: Grey, rng: Rng) -> Grey:
    half = max(1, min(grey.shape) // 3)
    (y, x), (v, u) = (rng.integers(0, max(1, min(grey.shape) - half), 2) for _ in range(2))
    grey[y : y + half, x : x + half] = grey[v : v + half, u : u + half].copy()
    return grey


def noise(grey: Grey, rng: Rng) -> Grey:
    spoilt = grey + rng.normal(0, rng.uniform(5, 120), grey.shape)
    return spoilt.clip(0, 255).astype(np.uint8)


def levels(grey: Grey, rng: Rng) -> Grey:
    return rng.integers(0, 256, 256).astype(np.uint8)[grey] if rng.random() < 0.2 else 255 - grey


def cropped(grey: Grey, rng: Rng) -> Grey:
    h, w = grey.shape
    top, left = rng.integers(0, 1 + h // 3), rng.integers(0, 1 + w // 3)
    return grey[top : h - rng.integers(0, 1 + h // 4), left : w - rng.integers(0, 1 + w // 4)]


def scaled(grey: Grey, rng: Rng) -> Grey:
    size = (np.array(grey.shape[::-1]) * rng.uniform(0.3, 1.8, 2)).astype(int).clip(1)
    return np.array(Image.fromarray(grey).resize((int(size[0]), int(size[1]))))


def turned(grey: Grey, rng: Rng) -> Grey:
    return np.rot90(grey, rng.integers(4))[:, :: rng.choice([-1, 1])]


def rolled(grey: Grey, rng: Rng) -> Grey:
    return np.roll(grey, rng.integers(-20, 20, 2), (0, 1))


MUTATIONS: list[Callable[[Grey, Rng], Grey]] = [
    bits, block, moved_block, noise, levels, cropped, scaled, turned, rolled,
]  # fmt: skip


@pytest.mark.timeout(0 if "KIOSK_FUZZ" in os.environ else 60)
def test_mutated_pictures_do_no_harm():
    start = int(os.environ.get("KIOSK_FUZZ_SEED", "1"))
    decoder, read = Decoder(), 0
    for seed in range(start, start + ROUNDS):
        rng = np.random.default_rng(seed)
        if seed == start or seed % 10 == 0:
            original, says = code(np.random.default_rng(seed - seed % 10))
        grey = np.array(original)
        for mutate in rng.choice(np.array(MUTATIONS), rng.integers(1, 4)):
            grey = np.array(mutate(grey, rng))
        if seed % REPORT == 0:
            print(f"seed {seed}, {read} read", flush=True)
        if seed % 20 == 0:
            symbols = decoder.picture(grey)
        else:
            symbols = decoder.look(Frame(grey, seed / 15)).symbols
        for symbol in symbols:
            assert says is not None, f"seed {seed}: a part of a code was taken for the whole"
            assert symbol.payload == says, f"seed {seed}: a wrong payload"
            assert len(symbol.corners) >= 3, f"seed {seed}: no corners"
        read += bool(symbols)
    decoder.close()
    print(f"{ROUNDS} pictures, {read} read")
    assert read > ROUNDS / 10, "the mutations leave too little to read"
