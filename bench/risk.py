"""A risk list of a million people: how big, how fast it is asked."""

from __future__ import annotations

from statistics import quantiles
from time import perf_counter

from bench._report import arguments, machine, write
from kiosk.credentials.risk import RiskList, build, key_id

ENTRIES = 1_000_000
LOOKUPS = 2_000
_KEY = bytes(range(32))


def risk_figures() -> dict[str, float]:
    """`risk_lookup_ms`: 95th percentile of look-ups of listed and unlisted people in turn;
    `risk_list_mb`: the whole list, in units of 1,000,000 bytes."""
    people = (f"vn-id:{number:012d}" for number in range(0, ENTRIES * 2, 2))
    content = build(people, [], _KEY, 1)
    listed, keys = RiskList(content), {key_id(_KEY): _KEY}
    if len(listed) != ENTRIES:
        raise RuntimeError(f"{len(listed)} entries of {ENTRIES}")
    times = []
    for look in range(LOOKUPS):
        # A prime step: neighbours in time are not neighbours in anything else.
        number = look * 104_729 % (ENTRIES * 2)
        began = perf_counter()
        found = listed.check(f"vn-id:{number:012d}", keys)
        times.append((perf_counter() - began) * 1000)
        if (found == "quarantine") != (number % 2 == 0):
            raise RuntimeError(f"person {number}: {found}")
    slowest = round(quantiles(times, n=20)[-1], 3)
    return {"risk_lookup_ms": slowest, "risk_list_mb": round(len(content) / 1e6, 2)}


def main() -> None:
    """Prints the figures."""
    given = arguments(__doc__ or "").parse_args()
    figures = risk_figures()
    print(f"{machine()}, {ENTRIES:,} entries")
    for name, value in figures.items():
        print(f"  {name:16} {value:g}")
    write(given.json, {"machine": machine(), "entries": ENTRIES, **figures})


if __name__ == "__main__":
    main()
