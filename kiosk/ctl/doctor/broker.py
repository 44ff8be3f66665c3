"""Whether the centre's broker can be reached, and takes this kiosk's certificate.

No MQTT is spoken: a second session under the kiosk's client id would end the uplink's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from kiosk import reach
from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.errors import ConfigError
from kiosk.validity import Validity

TLS_S = 5.0


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """Each host: proxy, name, TCP, TLS both ways, WebSocket."""
    broker = config.broker
    if not broker.hosts:
        yield wrong("no broker is configured: broker.hosts is empty", "enrolment sets it")
        return
    try:
        context = reach.tls_context(broker.ca, broker.certificate, broker.key)
    except ConfigError as error:
        why = reach.of_error(error)
        yield wrong(str(why), why.todo)
        return
    kept = Clock(config.clock.source, config.paths.run)
    Validity(kept.is_set, kept.earliest_ms).judge(context)
    by = reach.proxy(broker.proxy)
    for host in broker.hosts:
        to = reach.address(host)
        where = f"{host} by the proxy {by.name}:{by.port}" if by else host
        try:
            way = reach.connect(to, by, context, patient=True, tls_s=TLS_S)
        except reach.Unreachable as error:
            yield wrong(f"{where}: {error.reason}", error.reason.todo)
            continue
        spoken = way.version()
        # Said goodbye to, the broker logs no error. It need not answer, and then hangs up.
        with suppress(OSError), way:
            way.settimeout(reach.REFUSAL_S)
            way.unwrap()
        yield fine(f"{where} takes the kiosk's certificate ({spoken})")
