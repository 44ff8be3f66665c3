"""Who may import whom. The table below is the rule; the imports are read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TREE = Path(__file__).parents[1]
PACKAGES = ("kiosk", "drivers", "central", "provisioning", "demo", "bench")
SHARED_FLOOR = (
    "kiosk.config",
    "kiosk.service",
    "kiosk.outbox",
    "kiosk.seal",
    "kiosk.signed",
    "kiosk.durable",
    "kiosk.desired",
    "kiosk.documents",
    "kiosk.wire",
    "kiosk.export",
    "kiosk.cues",
    "kiosk.relay",
    "kiosk.inherited",
    "kiosk.faults",
    "kiosk.alerts",
    "kiosk.device",
    "kiosk.decode",
    "kiosk.screens",
    "kiosk.clock",
    "kiosk.validity",
    "kiosk.credentials",
    "kiosk.reach",
)
GROUND = ("kiosk.model", "kiosk.errors")

# Who -> what of ours it may import besides itself. The longest name that fits counts; `*`
# is every file below that has no line of its own.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # The ground imports nothing of ours.
    "kiosk": (),
    "kiosk.model": (),
    "kiosk.errors": (),
    # The shared floor stands on the ground; its members do not look sideways.
    **dict.fromkeys(SHARED_FLOOR, GROUND),
    # ... but for this: a daemon's frame reads the configuration for all of them.
    "kiosk.service": (*GROUND, "kiosk.config", "kiosk.desired"),
    # ... and what the centre wants is a layer of it, signed.
    "kiosk.config": (*GROUND, "kiosk.desired", "kiosk.signed"),
    "kiosk.documents": (*GROUND, "kiosk.config", "kiosk.desired", "kiosk.signed"),
    # ... and for this: what is on the card for certain is so for all in one way.
    "kiosk.outbox": (*GROUND, "kiosk.durable"),
    # ... and for this: systemd holds the sockets of both.
    "kiosk.cues": (*GROUND, "kiosk.inherited"),
    "kiosk.relay": (*GROUND, "kiosk.inherited"),
    # ... and for this: a fault is told by cue.
    "kiosk.faults": (*GROUND, "kiosk.cues"),
    # ... and this: a device that is absent is a fault.
    "kiosk.device": (*GROUND, "kiosk.faults"),
    # From the configuration to drivers, for those who may import drivers.
    "kiosk.hardware": (*GROUND, "kiosk.config", "drivers"),
    # Daemons stand on the shared floor. They know neither one another nor the hardware,
    "kiosk.scanner": (*GROUND, *SHARED_FLOOR),
    "kiosk.feedback": (*GROUND, *SHARED_FLOOR),
    "kiosk.uplink": (*GROUND, *SHARED_FLOOR),
    "kiosk.commands": (*GROUND, *SHARED_FLOOR),
    # ... which is handed to them by their wiring.
    "kiosk.scanner.__main__": (*GROUND, *SHARED_FLOOR, "kiosk.hardware", "drivers"),
    "kiosk.feedback.__main__": (*GROUND, *SHARED_FLOOR, "kiosk.hardware", "drivers"),
    "kiosk.uplink.__main__": (*GROUND, *SHARED_FLOOR, "kiosk.hardware", "drivers"),
    # The technician's tools: everything below the daemons; kioskctl tries the hardware too.
    "kiosk.ctl": (*GROUND, *SHARED_FLOOR, "kiosk.hardware", "drivers"),
    "provisioning": (*GROUND, *SHARED_FLOOR),
    # Hardware knows nothing of the kiosk.
    "drivers": (),
    # The centre takes what both sides must agree on.
    "central": (
        *GROUND,
        "kiosk.wire",
        "kiosk.export",
        "kiosk.seal",
        "kiosk.signed",
        "kiosk.credentials",
        "kiosk.screens",
        "kiosk.config",
    ),
    # Whoever shows or measures the whole may use the whole, and nothing stands on them.
    "demo": PACKAGES,
    "bench": PACKAGES,
}


class Import(NamedTuple):
    """`who` (module) imports `what` (module, or a name in one), at a line of a file."""

    who: str
    what: str
    where: str


def module_name(path: Path, tree: Path) -> str:
    parts = path.relative_to(tree).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, tree: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions and for type checkers included."""
    who = module_name(path, tree)
    package = who if path.name == "__init__.py" else who.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        where = f"{path.relative_to(tree)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(who, alias.name, where)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = above[: len(above) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(who, f"{source}.{alias.name}", where)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def rule_of(who: str) -> str | None:
    """The longest name in the table that `who` lies within."""
    return max((name for name in MAY_IMPORT if within(who, name)), key=len, default=None)


def breach(one: Import) -> str | None:
    """What is wrong with an import; None when it is allowed, or none of ours."""
    if not any(within(one.what, package) for package in (*PACKAGES, "tests")):
        return None
    rule = rule_of(one.who)
    if rule is None:
        return f"{one.where}: {one.who} has no line in the table of test_layers.py"
    # A daemon's __main__ is part of its daemon.
    own = rule.removesuffix(".__main__")
    may = MAY_IMPORT[rule]
    if own != "kiosk" and within(one.what, own):
        return None
    if any(within(one.what, package) for package in may):
        return None
    return f"{one.where}: {one.who} imports {one.what}; it may import {', '.join(may) or 'nothing'}"


def breaches(tree: Path) -> list[str]:
    files = [path for package in PACKAGES for path in sorted((tree / package).rglob("*.py"))]
    found = (breach(one) for path in files for one in imports(path, tree))
    return [problem for problem in found if problem is not None]


def test_nothing_looks_sideways_or_up() -> None:
    assert breaches(TREE) == []


def test_every_module_has_its_line_and_every_line_its_module() -> None:
    names = {module_name(p, TREE) for package in PACKAGES for p in (TREE / package).rglob("*.py")}
    assert len(names) > 30, "the tree was not found"
    without = {name for name in names if rule_of(name) in (None, "kiosk")} - {"kiosk"}
    assert without == set()
    assert {name for name in MAY_IMPORT if name not in names} == set()


FORBIDDEN = {
    "kiosk/model.py": "from kiosk import errors",
    "kiosk/seal.py": "from kiosk.outbox import Outbox",
    "kiosk/signed.py": "from kiosk.config import Config",
    "kiosk/outbox/writer.py": "import kiosk.seal",
    "kiosk/credentials/policy.py": "from ..clock import now",
    "kiosk/uplink/drain.py": "from kiosk.scanner import pipeline",
    "kiosk/uplink/session.py": "def f():\n    import drivers.gpio",
    "kiosk/scanner/pipeline.py": "if TYPE_CHECKING:\n    from drivers.camera import Frame",
    "kiosk/scanner/__main__.py": "from kiosk.feedback import panel",
    "kiosk/scanner/eye.py": "from kiosk import hardware",
    "kiosk/wire.py": "from central.db import engine",
    "kiosk/novelty.py": "import kiosk.model",
    "drivers/gpio/button.py": "from kiosk.errors import HardwareError",
    "central/ingest/worker.py": "from kiosk.outbox import Segment",
    "provisioning/authority/kiosks.py": "from kiosk.uplink.session import Session",
    "kiosk/ctl/scan.py": "from demo.crowd import make_crowd",
    "central/db.py": "from tests.unit.test_wire import example",
}


@pytest.mark.parametrize("file", FORBIDDEN)
def test_a_forbidden_import_is_noticed(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(FORBIDDEN[file])
    assert len(breaches(tmp_path)) == 1
    assert file in breaches(tmp_path)[0]


ALLOWED = {
    "kiosk/seal.py": "import os, cryptography\nfrom kiosk.model import Envelope",
    "kiosk/service.py": "from kiosk.config import load",
    "kiosk/outbox/writer.py": "from . import journal\nfrom kiosk.outbox.layout import TABLE",
    "kiosk/scanner/__main__.py": "import drivers\nfrom kiosk.scanner.pipeline import Pipeline",
    "kiosk/ctl/doctor/camera.py": "from drivers import driver\nfrom kiosk.decode import Decoder",
    "central/ingest/worker.py": "from kiosk.wire import Ack",
    "demo/__main__.py": "import bench, central.db, kiosk.scanner",
}


@pytest.mark.parametrize("file", ALLOWED)
def test_an_allowed_import_is_left_alone(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(ALLOWED[file])
    assert breaches(tmp_path) == []


def test_nothing_on_a_kiosk_can_open_what_it_sealed() -> None:
    """No program there names what opens envelopes; the seal itself has it for the centre."""
    opens = {"open_segment", "SegmentOpener", "load_private", "PrivateKey", "new_key"}
    for path in sorted((TREE / "kiosk").rglob("*.py")):
        if path.is_relative_to(TREE / "kiosk" / "seal"):
            continue
        tree = ast.parse(path.read_bytes(), str(path))
        names = {
            alias.name
            for n in ast.walk(tree)
            if isinstance(n, ast.ImportFrom)
            if (n.module or "").startswith("kiosk.seal")
            for alias in n.names
        }
        names |= {
            n.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute)
            if isinstance(n.value, ast.Name) and n.value.id == "seal"
        }
        assert not names & opens, f"{path.relative_to(TREE)} uses {names & opens}"
