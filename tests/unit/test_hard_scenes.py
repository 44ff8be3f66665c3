from __future__ import annotations

import numpy as np
import pytest
from pyzbar import pyzbar

from bench._peers import readers
from demo.hard import KINDS, scene, scenes
from demo.idle import clip
from kiosk.decode import Decoder

SIZE = (640, 480)


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def payloads(decoder: Decoder, grey: np.ndarray) -> list[bytes]:
    return [symbol.payload for symbol in decoder.picture(grey)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "scratch"])
def test_the_mild_degree_of_each_trouble_is_read(decoder, kind):
    hard = [scene(kind, 0.0, seed, SIZE) for seed in range(3)]
    assert any(payloads(decoder, one.grey) == [one.payload] for one in hard)


def test_more_is_read_than_by_both_peers_together_and_nothing_wrongly():
    ours = union = 0
    decoders = readers()
    for one in scenes(len(KINDS) * 2, 4, SIZE):
        read = {name: reader(one.grey) for name, reader in decoders.items()}
        assert set(read["ours"]) <= {one.payload}, one.kind
        ours += one.payload in read["ours"]
        union += one.payload in read["pyzbar"] or one.payload in read["zxing-cpp"]
    assert ours >= union > 0


def test_dark_mode_is_beyond_zbar_and_read(decoder):
    """The scene is what it says it is: light modules on dark."""
    one = scene("dark-mode", 0.2, 1, SIZE)
    assert pyzbar.decode(one.grey) == []
    assert payloads(decoder, one.grey) == [one.payload]


def test_degrees_make_it_harder(decoder):
    def share(degree: float) -> int:
        hard = (scene("motion", degree, seed, SIZE) for seed in range(6))
        return sum(one.payload in payloads(decoder, one.grey) for one in hard)

    assert share(0.0) > share(1.0)


def test_seeds_repeat_a_scene():
    first, again, other = (scene("fold", 0.5, seed, SIZE).grey for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (480, 640)
    assert first.dtype == np.uint8


def test_an_unknown_idle_clip_is_told():
    with pytest.raises(ValueError, match="passers-by"):
        next(clip("party", 1, 15))
