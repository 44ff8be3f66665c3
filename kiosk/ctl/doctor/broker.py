"""Whether the centre's broker can be reached, and takes this kiosk's certificate.

No MQTT is spoken: a second session under the kiosk's client id would end the uplink's.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.validity import Validity

PATIENCE_S = 5.0
REFUSAL_S = 1.0
CALL = "the records wait on the kiosk meanwhile; tell the centre if the network is well"


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """Each host: name, TCP, TLS both ways."""
    broker = config.broker
    if not broker.hosts:
        yield wrong("no broker is configured: broker.hosts is empty", "enrolment sets it")
        return
    try:
        context = ssl.create_default_context(cafile=str(broker.ca))
        context.load_cert_chain(broker.certificate, broker.key)
        kept = Clock(config.clock.source, config.paths.run)
        Validity(kept.is_set, kept.earliest_ms).judge(context)
    except (OSError, ssl.SSLError) as error:
        yield wrong(
            f"TLS cannot start with the kiosk's files: {error.strerror or error}",
            "see what identity, above, says",
        )
        return
    for host in broker.hosts:
        yield _host(host, context)


def _host(where: str, context: ssl.SSLContext) -> Finding:
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), PATIENCE_S) as plain:
            try:
                return _tls(where, plain, host, context)
            except TimeoutError:
                return wrong(f"{where} accepts a connection, but does not speak TLS", CALL)
            except ssl.SSLCertVerificationError as error:
                return wrong(
                    f"{where} is not to be trusted: {error.verify_message}",
                    "check broker.hosts, broker.ca and the kiosk's clock; a stranger may stand"
                    " between the kiosk and the centre",
                )
            except ssl.SSLError as error:
                return wrong(f"{where} breaks off TLS: {_reason(error)}", CALL)
            except ConnectionError as error:
                return wrong(f"{where} hangs up during TLS: {error.strerror}", CALL)
    except socket.gaierror as error:
        return wrong(
            f"the name {host} cannot be resolved: {error.strerror}",
            "check the network and its name server (resolvectl query), then broker.hosts",
        )
    except ConnectionRefusedError:
        return wrong(f"nobody listens on {where}", f"check broker.hosts; {CALL}")
    except TimeoutError:
        return wrong(f"{where} does not answer within {PATIENCE_S:.0f} s", CALL)
    except OSError as error:
        return wrong(
            f"{where} cannot be reached: {error.strerror}", "check cable, Wi-Fi and router"
        )


def _tls(where: str, plain: socket.socket, host: str, context: ssl.SSLContext) -> Finding:
    with context.wrap_socket(plain, server_hostname=host) as secure:
        # In TLS 1.3 the server judges our certificate after our handshake is done; it then
        # either breaks off, or waits in silence for MQTT.
        secure.settimeout(REFUSAL_S)
        try:
            answer = secure.recv(1)
        except TimeoutError:
            spoken = secure.version()
            # Said goodbye to, the broker logs no error. It need not answer, and then hangs up.
            with suppress(OSError):
                secure.unwrap()
            return fine(f"{where} takes the kiosk's certificate ({spoken})")
        except ssl.SSLError as error:
            return wrong(
                f"{where} refuses the kiosk's certificate: {_reason(error)}",
                "have the kiosk enrolled anew, unless identity, above, says what is wrong",
            )
        except ConnectionError:
            answer = b""
        if answer:
            return wrong(f"{where} speaks before being asked: not an MQTT broker", CALL)
        return wrong(f"{where} hangs up after the kiosk's certificate was shown", CALL)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
