"""Frame to symbols: an activity gate, zxing-cpp, and second looks by it and by zbar.

`Decoder.look` is for a camera: it keeps state from frame to frame, so that an empty door
costs next to nothing and no frame costs much. `Decoder.picture` sees one picture by itself and
tries everything at once. A payload is the exact bytes of the code; what two decoders read
differently counts as unread. `docs/decisions/reading.md` says why.
"""

from __future__ import annotations

from kiosk.decode.decoder import Decoder, Sight

__all__ = ["Decoder", "Sight"]
