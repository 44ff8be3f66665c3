"""A printed page of passes, held at an angle before the demo's camera, read and judged."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from central.passes import issuer, issuing, sheets
from central.passes.people import Person
from demo.scenes import FINE, Held, shoot, turned
from kiosk.config import DEFAULTS
from kiosk.credentials import parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import judge, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.decode import Decoder
from kiosk.model import Instant

CAMERA = (1280, 720)
INK, PAPER = 45, 225  # grey levels, as the demo's sheets have them
AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
NAMES = (
    "Nguyễn Thị Ngọc Ánh",
    "Trần Văn Bình",
    "Đặng Hữu Phước Ỷ Lộc",
    "Lê Ba",
    "Công Tằng Tôn Nữ Thị Hoàng Quỳnh Như Ngọc Diễm",
    "Vũ Ẵm Ửng",
)
FIRST_CODE = (10 + 34 + 30.0, 16 + 29 + 30.0)  # its middle, millimetres on the page
CARD = (95.0, 90.0)
DARK = 60 * 45 / 53  # millimetres across a code of 45 modules, without the quiet zone

pytestmark = pytest.mark.skipif(not shutil.which("pdftoppm"), reason="poppler-utils is missing")


class Printed:
    """A page from the printer, and those who made it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = issuer.create(folder / "issuer", "Trường THCS Tân Phú")
        people = [
            Person(2, name, "2012-03-04", "7A2", date(2026, 9, 1), date(2027, 5, 31), None)
            for name in NAMES
        ]
        assert issuing.check(people, self.issuer) == []
        out = folder / "out"
        with issuer.register(folder / "issuer") as register:
            desk = issuing.Desk(self.issuer, register, out, AT, lambda: None)
            made = issuing.issue(people, desk)
        self.pdf = made.written[0].file
        self._pages: dict[float, Image.Image] = {}

    def trust(self) -> TrustList:
        with issuer.register(self.folder / "issuer") as register:
            return parse_trust(self.issuer.trust(register.revoked()))

    def held(self, place: int, side: float) -> Held:
        """The page, looked at where its code number `place` is, whose dark square is `side`
        pixels of the camera wide."""
        dots = side * FINE / DARK  # per millimetre
        if side not in self._pages:
            command = ["pdftoppm", "-gray", "-r", f"{dots * 25.4:.3f}", "-singlefile", self.pdf]
            subprocess.run([*command, self.folder / "page"], check=True, timeout=60)
            with Image.open(self.folder / "page.pgm") as page:
                self._pages[side] = page.point([INK + (PAPER - INK) * n // 255 for n in range(256)])
        page = self._pages[side]
        focus = [FIRST_CODE[k] + (place % 2, place // 2)[k] * CARD[k] for k in (0, 1)]
        mask = Image.new("L", page.size, 255)
        return Held(page, mask, (focus[0] * dots, focus[1] * dots), side * FINE)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    return Printed(tmp_path_factory.mktemp("passes"))


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


class Frame:
    def __init__(self, picture: Image.Image, at: float = 0.0) -> None:
        self.grey, self.at = np.asarray(picture), at


@pytest.mark.parametrize("side", [180, 240, 300])
@pytest.mark.parametrize("tilt", [0, 20, 40])
def test_every_pass_is_read_at_an_angle_and_valid(printed, decoder, side, tilt):
    """At the first frame, by what a door's scanner calls."""
    rng, trust = np.random.default_rng(100 * side + tilt), printed.trust()
    for place, name in enumerate(NAMES):
        turn = turned(*(rng.choice((-1, 1), 3) * [(12, tilt, 0), (12, 0, tilt)][place % 2]))
        picture = shoot(printed.held(place, side), CAMERA, rng, turn)
        read = decoder.look(Frame(picture, 10.0 * place)).symbols
        found = {c.claims["name"]: c for c in (parse(one.payload, trust) for one in read)}
        assert name in found
        assert set(found) <= set(NAMES)
        assert {c.signed for c in found.values()} == {"valid"}


def test_the_door_lets_it_pass_until_it_is_revoked(tmp_path, decoder):
    made = Printed(tmp_path)
    picture = shoot(made.held(0, 240), CAMERA, np.random.default_rng(1), turned(5, 25, 10))
    (payload,) = {
        one.payload
        for one in decoder.picture(np.asarray(picture))
        if parse(one.payload, TrustList()).claims["certificate_id"] == "1"
    }
    policy = parse_policy(DEFAULTS.with_name("policy.toml").read_bytes())
    now = Instant(int(AT.timestamp() * 1000), "synced", "boot", 0)

    def answer() -> tuple[str, str]:
        verdict = judge(parse(payload, made.trust()), policy, now)
        return verdict.outcome, verdict.reason

    assert answer() == ("pass", "accepted")
    with issuer.register(made.folder / "issuer") as register:
        assert register.revoke([1, 3], "lost", AT) == []
    assert answer() == ("fail", "revoked")
    with issuer.register(made.folder / "issuer") as register:
        assert register.revoke([2], "moved away", AT) == []
        assert register.revoked() == [1, 2, 3]


def test_a_whole_page_before_the_camera_is_read_too(printed, decoder):
    """Six codes at once, 126 pixels each."""
    held = printed.held(2, 126)
    picture = shoot(
        held._replace(focus=(held.picture.width / 2, held.picture.height / 2)),
        CAMERA,
        np.random.default_rng(3),
        turned(2, 4, 3),
    )
    read = [parse(one.payload, printed.trust()) for one in decoder.look(Frame(picture)).symbols]
    assert sorted(c.claims["certificate_id"] for c in read) == ["1", "2", "3", "4", "5", "6"]


def test_the_page_shows_what_it_should_and_embeds_its_fonts(printed):
    text = subprocess.run(
        ["pdftotext", "-layout", printed.pdf, "-"], capture_output=True, text=True, check=True
    ).stdout
    for name in (*NAMES[:4], NAMES[5]):
        assert name in text
    assert "Công Tằng Tôn Nữ Thị Hoàng" in text  # in two lines
    assert "01/09/2026 – 31/05/2027" in text
    for words in ("Lớp/Tổ", "Số · No. 6", "Trang 1/1", "Trường THCS Tân Phú", "Ký tên"):
        assert words in text
    fonts = subprocess.run(["pdffonts", printed.pdf], capture_output=True, text=True, check=True)
    listed = [line.split() for line in fonts.stdout.splitlines()[2:]]
    assert [line[3] for line in listed] == ["yes", "yes"], "embedded"


def test_the_same_cards_make_the_same_bytes(printed, tmp_path):
    again = tmp_path / "again.pdf"
    cards = []
    for number, name in enumerate(NAMES, 1):
        made = Pass(
            id=number,
            name=name,
            birth="2012-03-04",
            group="7A2",
            first=date(2026, 9, 1),
            last=date(2027, 5, 31),
        )
        payload = encode(made, printed.issuer.key)
        cards.append(sheets.Card(number, name, "7A2", made.first, made.last, payload, None))
    with again.open("wb") as file:
        sheets.write(sheets.Sheets(printed.issuer.name, "7A2", 1, 1, cards), file, lambda: None)
    assert again.read_bytes() == printed.pdf.read_bytes()
