"""Every screen once, by name: for the documents, and as references for the tests."""

from __future__ import annotations

from PIL import Image, ImageDraw

from kiosk.model import Outcome
from kiosk.screens import Situation, answer, drawing, hint, state, texts

_SCALE = 2
_COLUMNS = 4
_MARGIN = 12
_CAPTION = 16
_WARN = (
    *("unknown-key", "clock-unknown", "place-code", "unknown-code"),
    *("too-soon", "more-needed", "declaration-too-old", "not-green", "full", "closed"),
    *("card-full", "outbox-fault"),
)
"""Warned of by config/policy.toml as it is shipped; the last two by the scanner itself."""


def screens() -> dict[str, Image.Image]:
    """Name -> picture."""
    well = Situation(enrolled=True, scanner="well")
    shown = {
        "idle": state(well),
        "idle-offline": state(well._replace(link="offline", pending=128)),
        "idle-centre-away": state(well._replace(link="centre-away", pending=1_000)),
        "idle-uplink-silent": state(well._replace(link="uplink-silent")),
        "idle-waiting": state(well._replace(pending=3)),
        "idle-leaving": state(well._replace(leaving=True)),
        "not-enrolled": state(well._replace(enrolled=False)),
        "starting": state(well._replace(scanner="awaited")),
        "out-of-order": state(well._replace(scanner="silent", link="offline", pending=12)),
        "card-full": state(well._replace(faults=("card-full",), pending=4_000)),
        "outbox-fault": state(well._replace(faults=("outbox-fault",))),
        "camera-absent": state(well._replace(faults=("camera-absent",), link="offline")),
        "camera-silent": state(well._replace(faults=("camera-silent",))),
        "reader-absent": state(well._replace(faults=("reader-absent",))),
        "other-fault": state(well._replace(faults=("policy-fault",))),
        "pass": answer("pass", "accepted", name="N. T. Ánh"),
        "pass-repeated": answer("pass", "accepted", name="N. T. Ánh", repeated=True),
        "pass-out": answer("pass", "accepted", name="N. T. Ánh", direction="out"),
        "pass-unknown": answer("pass", "accepted", name="N. T. Ánh", direction="unknown"),
        "pass-long-name": answer("pass", "accepted", name="C. T. N. T. H. Phương-Trâm"),
        "warn": answer("warn", "something-new", name="Đ. V. Ổn"),
        "fail": answer("fail", "something-new"),
        "trial": answer("pass", "accepted", trial=True),
    }
    for reason in texts.REASONS:
        if reason != "accepted":
            outcome: Outcome = "warn" if reason in _WARN else "fail"
            shown[f"{outcome}-{reason}"] = answer(outcome, reason)
    for word in texts.HINTS:
        shown[f"hint-{word}"] = hint(word)
    return shown


def gallery() -> Image.Image:
    """All screens in one picture, enlarged, with their names."""
    pictures = screens()
    width, height = (_SCALE * edge for edge in drawing.SIZE)
    rows = -(-len(pictures) // _COLUMNS)
    sheet = Image.new(
        "L",
        (
            _COLUMNS * (width + _MARGIN) + _MARGIN,
            rows * (height + _CAPTION + _MARGIN) + _MARGIN,
        ),
        235,
    )
    pen = ImageDraw.Draw(sheet)
    for n, (name, picture) in enumerate(pictures.items()):
        x = _MARGIN + n % _COLUMNS * (width + _MARGIN)
        y = _MARGIN + n // _COLUMNS * (height + _CAPTION + _MARGIN)
        sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), (x, y))
        pen.text((x, y + height + 1), name, fill=40, font=drawing.font("6x13"))
    return sheet
