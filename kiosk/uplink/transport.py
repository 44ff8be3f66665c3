"""paho's client over a connection that `kiosk.reach` made.

paho's own way (`proxy_set`, `tls_set_context`, `transport="websockets"`) needs PySocks for a
proxy, has no limit for an answer that trickles in, and does not tell what answered instead of
WebSocket. Of paho we replace the making of the socket, and keep its frames.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.reach import Address, Reason, of_error


class Client(mqtt.Client):
    """MQTT 5. `way` makes the connection to `to`, up to and including WebSocket's upgrade."""

    def __init__(self, kid: str, to: Address, way: Callable[[], ssl.SSLSocket]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=kid, protocol=mqtt.MQTTv5)
        self._to = to
        self._way = way

    def _create_socket(self) -> Any:
        made = self._way()
        return _Frames(made, self._to) if self._to.path else made


class _Frames(mqtt._WebsocketWrapper):
    def __init__(self, made: ssl.SSLSocket, to: Address) -> None:
        super().__init__(made, to.name, to.port, True, to.path, None)

    def _do_handshake(self, extra_headers: Any) -> None:
        self.connected = True  # it is done


class ErrorNotes(logging.Handler):
    """paho tells errors of the socket to its logger alone; this keeps the last, in words."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: Reason | None = None
        self.logger = logging.Logger("paho", logging.ERROR)  # not of the tree: says nothing
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args or ():
            if isinstance(argument, OSError):
                self.last = of_error(argument)
