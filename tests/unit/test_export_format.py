"""Lines of an export file: good ones come back as they were, all others are None."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from kiosk import export

ID = "0123456789abcdef"


@given(st.binary(max_size=300).filter(lambda b: b"\n" not in b), st.integers(0, 10**9 - 1))
def test_a_line_comes_back(json: bytes, number: int) -> None:
    raw = export.line(ID, number, "segment", json, lambda data: b"signature of %d" % len(data))
    line = export.parse(raw.removesuffix(b"\n"))
    assert line is not None
    assert (line.id, line.number, line.kind, line.json) == (ID, number, "segment", json)
    assert line.signed == b"%s %d segment %s" % (ID.encode(), number, json)
    assert line.signature == b"signature of %d" % len(line.signed)


@given(st.data())
def test_no_bit_may_change(data: st.DataObject) -> None:
    raw = export.line(ID, 7, "end", b'{"segments":1}', None).removesuffix(b"\n")
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    changed = bytearray(raw)
    changed[place // 8] ^= 1 << place % 8
    assert export.parse(bytes(changed)) is None


@given(st.binary(max_size=2000))
def test_whatever_a_file_holds_it_is_read(content: bytes) -> None:
    found = list(export.lines(io.BytesIO(content)))
    assert found == [None] * len(found)
    good = export.line(ID, 0, "head", b"{}", None)
    before = content + b"\n" if content and not content.endswith(b"\n") else content
    assert [line for line in export.lines(io.BytesIO(before + good)) if line] == [
        export.parse(good[:-1])
    ]


def test_a_line_without_end_takes_no_memory() -> None:
    long = b"x" * (3 * export.MAX_LINE_BYTES) + b"\n" + export.line(ID, 1, "end", b"{}", None)
    *bad, good = export.lines(io.BytesIO(long))
    assert set(bad) == {None}
    assert good is not None
