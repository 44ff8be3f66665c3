"""kioskctl scan: pictures, read as the camera would and judged."""

from __future__ import annotations

import json
from pathlib import Path

import segno
from PIL import Image
from test_ctl import NOW, PERSONAL, kioskctl, quickly, site
from test_ctl_judging import crowd, trust, visitors

from demo.crowd import Crowd
from demo.scenes import draw

__all__ = ["crowd", "site", "trust"]  # fixtures


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
