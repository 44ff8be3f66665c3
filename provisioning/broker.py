"""Configuration of the fleet's Mosquitto, from the templates in config/broker:
`python -m provisioning.broker --help`."""

from __future__ import annotations

import argparse
import ipaddress
import os
import pwd
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from kiosk.errors import ConfigError, KioskError

_IN_SOURCE = Path(__file__).parents[1] / "config" / "broker"
_INSTALLED = Path(sys.prefix) / "share" / "kiosk" / "config" / "broker"
_NEEDED = ("ca.crt", "broker.crt", "broker.key")


def workers(fleet: Path) -> list[str]:
    """Names of the ingest workers that the authority has issued a certificate to."""
    return sorted(path.stem for path in fleet.glob("_ingest-*.crt"))


def operators(fleet: Path) -> list[str]:
    """Names of those who may command kiosks, likewise."""
    return sorted(path.stem for path in fleet.glob("_fleet-*.crt"))


def render(
    fleet: Path,
    state: Path,
    port: int,
    bind: str = "127.0.0.1",
    user: str | None = None,
    websocket_port: int | None = None,
) -> str:
    """Text of mosquitto.conf. `state` is where the broker keeps its sessions and finds
    its ACL; `user` is whom it runs as when started by root (default: whoever calls). With
    `websocket_port` it takes kiosks there too, over WebSocket.

    Raises ConfigError when a path cannot stand in such a file.
    """
    for path in (fleet, state):
        if "\n" in str(path):
            raise ConfigError([f"broker: the path {str(path)!r} contains a line break"])
    values = {
        "fleet": fleet.absolute(),
        "state": state.absolute(),
        "port": port,
        "websocket_port": websocket_port,
        "bind": bind,
        "user": user or pwd.getpwuid(os.getuid()).pw_name,
    }
    names = ["mosquitto.conf"] if websocket_port is None else ["mosquitto.conf", "websocket.conf"]
    return "".join(Template(_template(name)).substitute(values) for name in names)


def render_acl(fleet: Path) -> str:
    """Text of the ACL: every kiosk, and one block for each ingest worker and operator."""
    ingest, commands = Template(_template("acl-ingest")), Template(_template("acl-fleet"))
    return (
        _template("acl")
        + "".join(ingest.substitute(worker=name) for name in workers(fleet))
        + "".join(commands.substitute(operator=name) for name in operators(fleet))
    )


def prepare(
    fleet: Path,
    state: Path,
    port: int,
    bind: str = "127.0.0.1",
    user: str | None = None,
    websocket_port: int | None = None,
) -> Path:
    """Writes mosquitto.conf and its ACL into `state`; returns the file to start it with.

    `fleet` is the authority's folder, or one with what the broker needs of it: `_NEEDED`,
    and the certificates of ingest workers and operators, whose names the ACL holds. Raises
    ConfigError when something is missing, or cannot be written.
    """
    missing = [name for name in _NEEDED if not (fleet / name).exists()]
    if not workers(fleet):
        missing.append("_ingest-1.crt")
    if missing:
        raise ConfigError(
            [
                f"{fleet} holds no {', '.join(missing)};"
                " `python -m provisioning.authority init` makes them"
            ]
        )
    _check(bind, user)
    conf, acl = state / "mosquitto.conf", state / "acl"
    text = render(fleet, state, port, bind, user, websocket_port)
    try:
        state.mkdir(parents=True, exist_ok=True)
        acl.write_text(render_acl(fleet))
        acl.chmod(0o600)
        conf.write_text(text)
        if user and os.getuid() == 0:  # Mosquitto reads and saves as this user
            for path in (state, acl):
                shutil.chown(path, user)
    except OSError as error:
        raise ConfigError([f"{error.filename} cannot be written: {error.strerror}"]) from error
    return conf


def _check(bind: str, user: str | None) -> None:
    problems = []
    try:
        ipaddress.ip_address(bind)
    except ValueError:
        problems.append(f"cannot listen on {bind!r}; expected an address, as 0.0.0.0 (all)")
    if user is not None:
        try:
            pwd.getpwnam(user)
        except (KeyError, ValueError):
            problems.append(f"there is no user {user!r} here; expected one, as mosquitto")
    if problems:
        raise ConfigError(problems)


def _template(name: str) -> str:
    folder = _IN_SOURCE if _IN_SOURCE.is_dir() else _INSTALLED
    return (folder / name).read_text()


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    parser = argparse.ArgumentParser(
        prog="python -m provisioning.broker",
        description="Writes the configuration of the fleet's Mosquitto.",
    )
    parser.add_argument(
        "fleet",
        type=Path,
        metavar="FLEET",
        help=f"folder with {', '.join(_NEEDED)} and the certificates of workers and operators",
    )
    parser.add_argument(
        "--state",
        type=Path,
        required=True,
        metavar="DIR",
        help="where mosquitto.conf is written and the broker keeps its sessions",
    )
    parser.add_argument("--port", type=_port, required=True, metavar="N", help="as 8883")
    parser.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen here; 0.0.0.0 is everywhere (default: %(default)s)",
    )
    parser.add_argument(
        "--websocket-port",
        type=_port,
        metavar="N",
        help="take kiosks over WebSocket too, for networks that let only 443 through",
    )
    parser.add_argument("--user", help="run as this user, as mosquitto (default: whoever calls)")
    given = parser.parse_args(arguments)
    try:
        print(
            prepare(
                given.fleet,
                given.state,
                given.port,
                given.bind,
                given.user,
                given.websocket_port,
            )
        )
    except KioskError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; expected 1 to 65535, as 8883")


if __name__ == "__main__":
    main()
