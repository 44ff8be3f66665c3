"""Configuration of the fleet's Mosquitto, from the templates in config/broker."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from string import Template

from kiosk.errors import ConfigError

_IN_SOURCE = Path(__file__).parents[1] / "config" / "broker"
_INSTALLED = Path(sys.prefix) / "share" / "kiosk" / "config" / "broker"


def workers(fleet: Path) -> list[str]:
    """Names of the ingest workers that the authority has issued a certificate to."""
    return sorted(path.stem for path in fleet.glob("_ingest-*.crt"))


def render(
    fleet: Path, state: Path, port: int, bind: str = "127.0.0.1", user: str | None = None
) -> str:
    """Text of mosquitto.conf. `state` is where the broker keeps its sessions and finds
    its ACL; `user` is whom it runs as when started by root (default: whoever calls).

    Raises ConfigError when a path cannot stand in such a file.
    """
    for path in (fleet, state):
        if "\n" in str(path):
            raise ConfigError([f"broker: the path {str(path)!r} contains a line break"])
    return Template(_template("mosquitto.conf")).substitute(
        fleet=fleet.absolute(),
        state=state.absolute(),
        port=port,
        bind=bind,
        user=user or pwd.getpwuid(os.getuid()).pw_name,
    )


def render_acl(fleet: Path) -> str:
    """Text of the ACL: every kiosk, and one block for each ingest worker."""
    block = Template(_template("acl-ingest"))
    return _template("acl") + "".join(block.substitute(worker=name) for name in workers(fleet))


def prepare(
    fleet: Path, state: Path, port: int, bind: str = "127.0.0.1", user: str | None = None
) -> Path:
    """Writes mosquitto.conf and its ACL into `state`; returns the file to start it with.

    Raises ConfigError when `fleet` was never initialised.
    """
    if not workers(fleet):
        raise ConfigError(
            [f"{fleet} holds no ingest certificate; run `python -m provisioning.authority init`"]
        )
    state.mkdir(parents=True, exist_ok=True)
    (state / "acl").write_text(render_acl(fleet))
    (state / "acl").chmod(0o600)
    conf = state / "mosquitto.conf"
    conf.write_text(render(fleet, state, port, bind, user))
    return conf


def _template(name: str) -> str:
    folder = _IN_SOURCE if _IN_SOURCE.is_dir() else _INSTALLED
    return (folder / name).read_text()
