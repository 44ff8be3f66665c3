"""`python -m central.schemas FILE`: the messages of the wire as JSON Schema, for other systems.

Generated from the types that kiosk and centre decode with (`kiosk/wire.py`), so that it says
what they take. A field that is not named there is ignored by both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

import msgspec

from kiosk import wire

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """One document; each message is below `$defs` by its name."""
    messages = get_args(wire.Message)
    _, parts = msgspec.json.schema_components(messages, ref_template="#/$defs/{name}")
    for part in parts.values():
        part["description"] = " ".join(part["description"].split())
    return {
        "$schema": _DIALECT,
        "title": f"Messages below {wire.ROOT}/",
        "anyOf": [{"$ref": f"#/$defs/{message.__name__}"} for message in messages],
        "$defs": parts,
    }


def text() -> str:
    """As it stands in docs/."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(prog="python -m central.schemas", description=__doc__)
    parser.add_argument("file", type=Path, help="docs/wire.schema.json in the source tree")
    parser.parse_args().file.write_text(text())


if __name__ == "__main__":
    main()
