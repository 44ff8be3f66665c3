"""Configuration: layers, defaults, and every mistake in one go."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from kiosk import config
from kiosk.config import DEFAULTS, effective, load
from kiosk.errors import ConfigError

TREE = Path(__file__).parents[2]
EXAMPLES = [*sorted((TREE / "config" / "boards").glob("*.toml")), TREE / "config/site.example.toml"]


def written(folder: Path, text: str | bytes, name: str = "site.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(*paths: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(list(paths))
    return caught.value.problems


def test_the_defaults_are_complete_and_ready_for_a_pi() -> None:
    defaults = load([])
    assert defaults.kiosk.id == ""
    assert defaults.paths.outbox == Path("/var/lib/kiosk/outbox")
    assert defaults.camera.driver == "picamera"
    assert (defaults.camera.width, defaults.camera.height, defaults.camera.fps) == (1280, 720, 15)
    assert defaults.panel.address == 0x3C
    assert defaults.judge.policy == TREE / "config" / "policy.toml"
    assert defaults.judge.policy.exists()
    assert defaults.judge.trust == ""


def test_every_default_carries_a_line_of_comment() -> None:
    lines = DEFAULTS.read_text().splitlines()
    bare = [
        line for line in lines if " = " in line and not line.startswith("#") and " # " not in line
    ]
    assert bare == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_shipped_examples_are_right(path: Path) -> None:
    load([path])
    assert all(
        " = " in line or not line or line[0] in "#[" for line in path.read_text().splitlines()
    )


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    board = written(tmp_path, "[gpio]\ngreen = 5\nred = 6\n[panel]\nrotate = 180", "board.toml")
    site = written(tmp_path, '[gpio]\nred = 12\n[kiosk]\nid = "gate-1"')
    loaded = load([board, site])
    assert (loaded.gpio.green, loaded.gpio.red, loaded.gpio.buzzer) == (5, 12, 18)
    assert (loaded.panel.rotate, loaded.kiosk.id) == (180, "gate-1")
    sources = {(s.section, s.key): s.source for s in effective([board, site])}
    assert sources["gpio", "green"] == board
    assert sources["gpio", "red"] == site
    assert sources["gpio", "buzzer"] == DEFAULTS


def test_relative_paths_are_relative_to_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    site = written(
        tmp_path / "etc",
        '[seal]\nrecipients = ["a.pub", "/b.pub"]\n[judge]\ntrust = "trust.json"\n'
        '[camera]\nfolder = ""\n[paths]\nrun = "run"',
    )
    monkeypatch.chdir(tmp_path)
    for path in (site, Path("etc/site.toml")):
        loaded = load([path])
        assert loaded.seal.recipients == [site.parent / "a.pub", Path("/b.pub")]
        assert loaded.judge.trust == site.parent / "trust.json"
        assert loaded.camera.folder == ""
        assert loaded.paths.run == site.parent / "run"


def test_whole_numbers_will_do_where_fractions_may_stand(tmp_path: Path) -> None:
    loaded = load([written(tmp_path, "[scan]\nhold_s = 3\n[camera]\nfps = 7.5")])
    assert loaded.scan.hold_s == 3.0
    assert loaded.camera.fps == 7.5


MISTAKES = {
    '[kiosk]\nid = "_all"': 'kiosk.id: found "_all", allowed: at most 64 of letters, digits and'
    " _ . -, a letter or digit first, or empty while the kiosk is not enrolled",
    '[kiosk]\nid = "a/b"': 'kiosk.id: found "a/b", allowed: at most 64 of letters, digits and'
    " _ . -, a letter or digit first, or empty while the kiosk is not enrolled",
    '[kiosk]\ndirection = "both"': 'kiosk.direction: found "both", allowed: "in" or "out" or'
    ' "toggle" or "button"',
    f'[kiosk]\nplace = "{"x" * 121}"': f'kiosk.place: found "{"x" * 76}..., allowed: text of at'
    " most 120 characters",
    "[camera]\nwidth = 100": "camera.width: found 100, allowed: a whole number from 160 to 4608",
    "[camera]\nwidth = 640.0": "camera.width: found 640.0, allowed: a whole number from 160 to"
    " 4608",
    '[camera]\nwidth = "640"': 'camera.width: found "640", allowed: a whole number from 160 to'
    " 4608",
    "[camera]\nfps = 0": "camera.fps: found 0, allowed: a number above 0 and at most 120",
    "[camera]\nfps = nan": "camera.fps: found nan, allowed: a number above 0 and at most 120",
    "[scan]\nhold_s = inf": "scan.hold_s: found inf, allowed: a number above 0 and at most 86400",
    '[camera]\ndriver = "../x"': 'camera.driver: found "../x", allowed: "picamera" or "webcam"'
    ' or "replay" or "none"',
    '[reader]\ndriver = "Keyboard"': 'reader.driver: found "Keyboard", allowed: "serial_line" or'
    ' "keyboard" or "none"',
    '[panel]\ndriver = "oled"': 'panel.driver: found "oled", allowed: "luma_i2c" or "luma_spi"'
    ' or "png" or "none"',
    "[panel]\nspi_mhz = 10": "panel.spi_mhz: found 10, allowed: 1 or 2 or 4 or 8",
    "[gpio]\nhold_s = 0.5": "gpio.hold_s: found 0.5, allowed: a number from 1 to 30",
    '[gpio]\nbuzzer_kind = "loud"': 'gpio.buzzer_kind: found "loud", allowed: "passive" or "active"'
    ' or "active-low"',
    "[camera]\ndriver = 3": 'camera.driver: found 3, allowed: "picamera" or "webcam" or "replay" or'
    ' "none"',
    "[panel]\nrotate = 90": "panel.rotate: found 90, allowed: 0 or 180",
    "[panel]\nlanguages = []": 'panel.languages: found [], allowed: a list of "vi", "en" or both',
    '[panel]\nlanguages = ["fr"]': 'panel.languages: found ["fr"], allowed: a list of "vi", "en"'
    " or both",
    '[panel]\nbrightness = ["24:00 9%"]': 'panel.brightness: found ["24:00 9%"], allowed: a list,'
    ' each item a time of day and a brightness from 1% to 100%, as "19:00 30%"',
    '[panel]\nbrightness = ["07:00 0%"]': 'panel.brightness: found ["07:00 0%"], allowed: a list,'
    ' each item a time of day and a brightness from 1% to 100%, as "19:00 30%"',
    "[gpio]\nsilent = 1": "gpio.silent: found 1, allowed: true or false",
    "[gpio]\ngreen = true": "gpio.green: found true, allowed: a whole number from 0 to 27",
    '[broker]\nhosts = "a:1"': 'broker.hosts: found "a:1", allowed: a list, each item "host:port"'
    ' or "wss://host:port/path" (an IPv6 address in brackets)',
    '[broker]\nhosts = ["a:65536"]': 'broker.hosts: found ["a:65536"], allowed: a list, each item'
    ' "host:port" or "wss://host:port/path" (an IPv6 address in brackets)',
    '[broker]\nproxy = "http://u:sesame@p"': "broker.proxy: found something else, not shown here"
    ' since it may hold a password, allowed: "http://host:port", "http://user:password@host:port"'
    ' with what is no letter or digit percent-encoded, or "" for none',
    '[broker]\nca = ""': 'broker.ca: found "", allowed: a path',
    '[broker]\nca = "a\\u0000b"': 'broker.ca: found "a\\u0000b", allowed: a path',
    "[judge]\ntrust = 5": 'judge.trust: found 5, allowed: a path, or "" for none',
    '[seal]\nrecipients = [""]': 'seal.recipients: found [""], allowed: a list, each item a path',
    "[seal]\nrecipients = 2026-01-01": "seal.recipients: found 2026-01-01, allowed: a list, each"
    " item a path",
    "camera = 3": "camera: found 3, allowed: a section [camera] with keys",
    "[kiosk]\npace = 1": "unknown key kiosk.pace; did you mean kiosk.place?",
    "[broker]\nfolder = 1": "unknown key broker.folder; did you mean camera.folder or"
    " panel.folder?",
    "[kiosk]\nzzz = 1": "unknown key kiosk.zzz; [kiosk] knows id, place, direction,"
    " min_stay_s, day_starts_h",
    "[panell]": "unknown section [panell]; did you mean [panel]?",
    "[zzz]": "unknown section [zzz]; known are kiosk, paths, clock, camera, reader, scan, judge,"
    " seal, outbox, panel, gpio, broker, uplink, log",
    'direction = "in"': "unknown key direction; direction belongs below [kiosk]",
    "[gpio]\ngreen = 18": "gpio.buzzer: found 18",
    '[reader]\nend = "crlf"': 'reader.end: found "crlf", allowed: "cr" (Enter, CR, CR LF) or'
    ' "lf" (LF, CR LF) or "tab"',
    "[reader]\nbaud = 300": "reader.baud: found 300, allowed: a whole number from 1200 to 4000000",
    '[camera]\ndriver = "none"': 'camera.driver: found "none", and so is reader.driver'
    f" ({DEFAULTS}); a scanner needs one of them to see anything",
    '[kiosk]\ndirection = "button"': 'kiosk.direction: found "button", but gpio.button is -1'
    f" ({DEFAULTS}); nobody could press it",
    "[kiosk]\nday_starts_h = 24": "kiosk.day_starts_h: found 24, allowed: a whole number from 0"
    " to 23",
    "[panel]\nanswer_s = 600": "panel.answer_s: found 600, allowed: a number above 0 and at"
    " most 30",
    "[panel]\nscanner_silent_s = 1": "panel.scanner_silent_s: found 1, allowed: a number from 1.5"
    " to 3600",
    '[panel]\nbrightness = ["06:00 9%", "19:00 1%", "06:00 8%"]': "panel.brightness: found 06:00"
    " more than once; each time of day has one brightness",
    '[panel]\nheight = 32\ncontroller = "ch1115"': "panel.height: found 32, but with"
    ' panel.controller = "ch1115" ({path}) there is no such display; expected 64',
    '[panel]\nheight = 32\ncontroller = "sh1107"': "panel.height: found 32, but with"
    ' panel.controller = "sh1107" ({path}) there is no such display; expected 64',
    "[gpio]\nbutton = 3": "gpio.button: found 3, which panel.bus = 1 needs for the panel"
    f" ({DEFAULTS}); choose another pin",
    "[gpio]\nred = 1\n[panel]\nbus = 0": "gpio.red: found 1, which panel.bus = 0 needs for the"
    " panel ({path}); choose another pin",
    '[panel]\ndriver = "luma_spi"\ndc = 10': "panel.dc: found 10, which panel.spi_port = 0 needs"
    f" for the panel ({DEFAULTS}); choose another pin",
    "[broker]\nreconnect_base_s = 90": "broker.reconnect_base_s: found 90, allowed: at most"
    f" broker.reconnect_cap_s, which is 60 ({DEFAULTS})",
}


@pytest.mark.parametrize("text", [t for t in MISTAKES if t != "[gpio]\ngreen = 18"])
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    assert problems(path) == [f"{path}: {MISTAKES[text]}".replace("{path}", str(path))]


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("camera", config.CameraDriver),
        ("reader", config.ReaderDriver),
        ("oled", config.PanelDriver),
    ],
)
def test_every_file_of_a_driver_is_allowed_and_no_other_name(kind: str, allowed: object) -> None:
    files = {path.stem for path in (TREE / "drivers" / kind).glob("[!_]*.py")}
    assert set(get_args(allowed)) == files | {"none"}


def test_two_lamps_on_one_pin(tmp_path: Path) -> None:
    path = written(tmp_path, "[gpio]\ngreen = 18")
    assert problems(path) == [
        f"{DEFAULTS}: gpio.buzzer: found 18, which gpio.green uses already ({path});"
        " each needs a pin of its own"
    ]


def test_a_panel_on_spi_has_pins_of_its_own(tmp_path: Path) -> None:
    board = written(
        tmp_path, '[panel]\ndriver = "luma_spi"\n[gpio]\ngreen = 24\nblue = 25', "b.toml"
    )
    assert problems(board) == [
        f"{DEFAULTS}: panel.dc: found 24, which gpio.green uses already ({board});"
        " each needs a pin of its own",
        f"{DEFAULTS}: panel.reset: found 25, which gpio.blue uses already ({board});"
        " each needs a pin of its own",
    ]
    load([written(tmp_path, "[gpio]\ngreen = 24\nblue = 25", "i2c.toml")])
    without = written(tmp_path, "[panel]\nreset = -1\n[gpio]\ngreen = 5", "without.toml")
    load([board, without])


def test_a_button_has_a_pin_of_its_own_and_is_one(tmp_path: Path) -> None:
    board = written(tmp_path, "[gpio]\nbutton = 27", "board.toml")
    assert problems(board) == [
        f"{board}: gpio.button: found 27, which gpio.red uses already ({DEFAULTS});"
        " each needs a pin of its own"
    ]
    site = written(tmp_path, '[kiosk]\ndirection = "button"\n[gpio]\nbutton = 22')
    assert load([site]).gpio.button == 22
    without = written(tmp_path, '[gpio]\npins = "none"', "without.toml")
    assert problems(site, without) == [
        f'{site}: kiosk.direction: found "button", but gpio.pins is "none" ({without});'
        " nobody could press it"
    ]


def test_all_mistakes_of_all_files_at_once(tmp_path: Path) -> None:
    board = written(tmp_path, "[gpio]\ngreen = 99\nrad = 1", "board.toml")
    site = written(tmp_path, '[kiosk]\ndirection = "up"')
    gone = tmp_path / "gone.toml"
    assert problems(board, site, gone) == [
        f"{board}: gpio.green: found 99, allowed: a whole number from 0 to 27",
        f"{board}: unknown key gpio.rad; did you mean gpio.red?",
        f'{site}: kiosk.direction: found "up", allowed: "in" or "out" or "toggle" or "button"',
        f"{gone}: cannot be read: No such file or directory",
    ]


def test_a_wrong_value_counts_even_if_a_later_file_mends_it(tmp_path: Path) -> None:
    board = written(tmp_path, "[gpio]\ngreen = 99", "board.toml")
    site = written(tmp_path, "[gpio]\ngreen = 5")
    assert len(problems(board, site)) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[reader]\nend = cr", "not TOML: Invalid value (at line 2, column 7); text needs quotes"),
        (b"[kiosk\n", "not TOML: Expected ']'"),
        (b"[kiosk]\nid = 'a'\nid = 'b'", "not TOML: Cannot overwrite a value"),
        (b"[kiosk]\nplace = '\xff'", "not UTF-8 text, byte 17 is 0xff"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "not a configuration: nested too deep"),
        (b"#" * (256 * 1024 + 1), "more than 262144 bytes; is it a configuration file?"),
    ],
    ids=["bare", "syntax", "twice", "latin", "deep", "huge"],
)
def test_what_is_no_configuration_at_all(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = written(tmp_path, content)
    (problem,) = problems(path)
    assert problem.startswith(f"{path}: {sentence}")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_a_kiosk_without_a_site_is_not_enrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ETC", tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(None)
    assert caught.value.problems == [
        f"{tmp_path}/site.toml is missing: this kiosk is not enrolled; enrol it, or name another"
        " configuration with --config FILE"
    ]


def test_on_a_kiosk_the_board_is_optional_and_the_site_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ETC", tmp_path)
    written(tmp_path, '[kiosk]\nid = "gate-1"')
    assert load(None).kiosk.id == "gate-1"
    written(tmp_path, '[kiosk]\nid = "board"\n[gpio]\ngreen = 5', "board.toml")
    assert (load(None).kiosk.id, load(None).gpio.green) == ("gate-1", 5)


def test_an_incomplete_installation_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DEFAULTS.read_text().replace("answer_s = 3", "")
    monkeypatch.setattr(config, "DEFAULTS", written(tmp_path, text, "kiosk.toml"))
    assert problems() == [
        f"{tmp_path}/kiosk.toml: panel.answer_s has no default; install the firmware anew"
    ]


def test_the_effective_configuration_is_a_configuration(tmp_path: Path) -> None:
    """What `kioskctl config` prints can be loaded again and says the same."""
    site = written(tmp_path, '[kiosk]\nid = "gate-1"\nplace = "Chợ \\"Bến Thành\\""')
    printed = subprocess.run(
        [sys.executable, "-m", "kiosk.ctl", "config", "--config", str(site)],
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert f"# {site}" in printed
    assert tomllib.loads(printed)["kiosk"]["place"] == 'Chợ "Bến Thành"'
    assert load([written(tmp_path, printed, "printed.toml")]) == load([site])


def test_the_loader_is_light() -> None:
    """The uplink imports it too, and has no use for pictures or cryptography."""
    code = (
        "import sys, kiosk.config as c; c.load([]);"
        "print([m for m in ('numpy', 'PIL', 'cryptography', 'difflib', 'tinydb')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
