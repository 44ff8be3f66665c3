"""Days and times of the day, however payloads and people write them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials import times
from kiosk.credentials.text import Malformed
from kiosk.model import VIETNAM


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2021-08-02T10:00:00Z", "2021-08-02T10:00:00+00:00"),
        ("2021-08-02t10:00:00z", "2021-08-02T10:00:00+00:00"),
        ("2021-08-02 10:00:00+07:00", "2021-08-02T10:00:00+07:00"),
        ("2021-08-02T10:00:00.123456789-03:30", "2021-08-02T10:00:00-03:30"),
        ("2021-08-02T10:00:00,5+0700", "2021-08-02T10:00:00+07:00"),
        ("2021-08-02T10:00+07", "2021-08-02T10:00:00+07:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60.9Z", "2017-01-01T00:00:00+00:00"),
        ("2021-08-02T10:00:00", "2021-08-02T10:00:00+07:00"),  # in Vietnam
        ("2021-08-02", "2021-08-02"),
        ("2021-08", ""),
        ("2021", ""),
        (None, ""),
    ],
)
def test_moments(written: str | None, found: str) -> None:
    assert times.moment(written, "time") == found
    assert times.day(written, "time") == ("" if not found else (written or "")[:10])


@pytest.mark.parametrize(
    "written",
    [
        *("", "2021-8-2", "20210802", "2021-08-02T", "2021-08-02T10", "2021-08-02T24:00:00Z"),
        *("2021-08-02T10:60:00Z", "2021-08-02T10:00:61Z", "2021-08-02T10:00:00+24:00"),
        *("2021-02-30T10:00:00Z", "2021-W31-1", "2021-08-02T10:00:00Zulu", "２０２１-08-02"),
        *("2021-08-02T10:00:00+0", "2021-08-02T10:00:00Z\n", " 2021-08-02", "0000-01-01"),
        *("2021-08-02T100000Z", "2021-08-02T１０:00:00Z", "9999-12-31T23:59:60Z"),
        *(20210802, True, b"2021-08-02", ["2021-08-02"]),
    ],
)
def test_moments_that_are_none(written: object) -> None:
    for read in (times.moment, times.day, times.date):
        with pytest.raises(Malformed, match=r"^time is "):
            read(written, "time")


@given(st.datetimes(datetime(1850, 1, 1), datetime(2199, 12, 31), timezones=st.timezones()))
def test_what_python_writes_is_read(at: datetime) -> None:
    offset = at.utcoffset()
    at = at.replace(microsecond=0)
    if offset is not None and offset % timedelta(minutes=1) == timedelta(0):
        assert times.parse(at.isoformat()) == datetime.fromisoformat(at.isoformat())


@given(st.text("0123456789-:.,+ TtZz", max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        at = times.parse(text)
    except ValueError:
        return
    assert text.startswith(f"{at.year:04}") or text[17:19] == "60"


def vietnam(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=VIETNAM).timestamp()


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("2021-08-02", "2021-08-02", "2021-08-02", "2021-08-03"),
        ("2021-12-31", "2021-12-31", "2021-12-31", "2022-01-01"),
        ("2021-02", "2021-02", "2021-02-01", "2021-03-01"),
        ("2021-12", "2021-12", "2021-12-01", "2022-01-01"),
        ("2021", "2021", "2021-01-01", "2022-01-01"),
    ],
)
def test_days_begin_in_vietnam_and_the_last_one_counts(
    first: str, last: str, start: str, end: str
) -> None:
    assert times.days(first, last) == (vietnam(start), vietnam(end))
    assert times.days(first, "") == (vietnam(start), None)
    assert times.days("", last) == (None, vietnam(end))
    assert times.days("", "") == (None, None)


def test_midnight_is_that_of_vietnam() -> None:
    assert times.midnight(date(2021, 8, 2)) == datetime(2021, 8, 1, 17, tzinfo=UTC).timestamp()


def test_spans_overlap() -> None:
    assert times.overlap((None, None), (None, None)) == (None, None)
    assert times.overlap((1.0, None), (None, 9.0)) == (1.0, 9.0)
    assert (
        times.overlap((1.0, 9.0), (2.0, 8.0)) == times.overlap((2.0, 8.0), (1.0, 9.0)) == (2.0, 8.0)
    )
