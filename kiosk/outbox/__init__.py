"""The durable queue between scanner and uplink.

A directory with three folders: `open/` is the scanner's alone, `sealed/` is where the
uplink reads and unlinks, `quarantine/` keeps what could not be read. All three lie under
one parent, because `rename(2)` is the hand-over and does not cross mounts. A segment is a
small TinyDB database (`journal.JournalStorage`) of at most 64 check-ins; its name carries
the epoch, its first sequence number, and how many records were green when it was handed over.
"""

from kiosk.outbox.handover import seal_leftovers
from kiosk.outbox.lock import scanner_at_work
from kiosk.outbox.mark import ConnectedMark, is_held
from kiosk.outbox.sealed import SealedSegments, Segment, read_segment
from kiosk.outbox.writer import Outbox

__all__ = [
    "ConnectedMark",
    "Outbox",
    "SealedSegments",
    "Segment",
    "is_held",
    "read_segment",
    "scanner_at_work",
    "seal_leftovers",
]
