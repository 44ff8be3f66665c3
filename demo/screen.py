"""What the demo shows while it runs: a live screen in a terminal, else one line after another."""

from __future__ import annotations

import time
from collections import deque

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.round import Showing, Visits, Watcher

_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}
_REFRESH_S = 0.12
_TABLE_HEAD = 2  # lines of the table that are no visitor


class Screen(Watcher):
    """One line after another. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.visits: Visits | None = None

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def status(self, words: str) -> None:
        """What goes on now."""
        self.say(words)

    def progress(self, what: str, done: int, of: int) -> None:
        """How far `what` is."""
        if done and (done % 5 == 0 or done == of):
            self.say(f"{what}: {done} of {of}")

    def facts(self, lines: list[str]) -> None:
        """What to know while it runs."""
        for line in lines:
            self.say(line)

    def seen(self, showings: list[Showing]) -> None:
        """One visitor is done at every kiosk."""
        told = "; ".join(
            f"{s.kiosk.name} {_answer(s).plain}, {_record(s)}"
            + ("" if s.expected else ", NOT AS EXPECTED")
            for s in showings
        )
        self.say(f"{showings[0].visitor.label}: {told}")

    def note(self, words: str) -> None:
        """Something that is not the way of a normal day."""
        self.say(words, "bold red")

    def end_of_round(self) -> None:
        """A round is over."""
        self.say(_sums(self.visits))

    def say(self, words: str, style: str = "") -> None:
        """A line that stays."""
        self.console.print(Text(words, style), soft_wrap=True)


class LiveScreen(Screen):
    """A table that fills, with sums, paths and the last events below it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._status = ""
        self._facts: list[str] = []
        self._notes: deque[str] = deque(maxlen=3)
        self._drawn_at = 0.0

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def status(self, words: str) -> None:
        """What goes on now."""
        self._status = words
        self._draw()

    def progress(self, what: str, done: int, of: int) -> None:
        """How far `what` is."""
        self.status(f"{what}: {done} of {of}" if done < of else "")

    def facts(self, lines: list[str]) -> None:
        """What to know while it runs."""
        self._facts = lines
        self._draw()

    def changed(self) -> None:
        """Draws anew, a few times a second."""
        if time.monotonic() - self._drawn_at > _REFRESH_S:
            self._draw()

    def seen(self, showings: list[Showing]) -> None:
        """One visitor is done at every kiosk."""
        self._draw()

    def note(self, words: str) -> None:
        """Something that is not the way of a normal day."""
        line = f"{time.strftime('%H:%M:%S')} {words}"
        if line not in self._notes:
            self._notes.append(line)
            self.say(line, "bold red")  # it stays when the live screen has gone

    def end_of_round(self) -> None:
        """Leaves the whole table of the round above the live screen."""
        if self.visits is not None:
            self.console.print(_table(self.visits, len(self.visits.round)))
            self.console.print(_sums(self.visits))

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._live.update(self._picture(), refresh=True)

    def _picture(self) -> RenderableType:
        below = [_line(note, "bold red") for note in self._notes]
        below += [_line(fact, "dim") for fact in self._facts]
        if self._status:
            below.append(_line(self._status, "bold"))
        if self.visits is None:
            return Group(*below)
        below.insert(0, _line(_sums(self.visits), "bold"))
        rows = self.console.height - len(below) - _TABLE_HEAD - 1
        return Group(_table(self.visits, max(1, rows)), *below)


def _table(visits: Visits, rows: int) -> Table:
    """One row per visitor, the newest `rows` of them; the kiosks side by side."""
    kiosks = visits.town.kiosks
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("held up", no_wrap=True, width=22)
    for kiosk in kiosks:
        table.add_column(kiosk.name, no_wrap=True, width=17)
        table.add_column("record", no_wrap=True, width=9)
    visitors = [visits.round[i : i + len(kiosks)] for i in range(0, len(visits.round), len(kiosks))]
    for showings in visitors[-rows:]:
        cells = [Text(showings[0].visitor.label)]
        for showing in showings:
            cells += [_answer(showing), Text(_record(showing))]
        table.add_row(*cells)
    return table


def _answer(showing: Showing) -> Text:
    answer = showing.answer
    if answer is None and not showing.done:
        return Text("...")
    if answer is None:
        text = Text("no answer", "dim")
    else:
        text = Text(answer["outcome"], _COLOURS.get(answer["outcome"], ""))
        text.append(f" {answer['reason']}", "default")
    if showing.done and not showing.expected:
        text.stylize("bold white on red")
    return text


def _record(showing: Showing) -> str:
    if showing.committed:
        return "committed"
    return "stored" if showing.stored else "-"


def _sums(visits: Visits | None) -> str:
    if visits is None:
        return ""
    sums = visits.sums()
    return (
        f"shown {sums.shown}   as expected {sums.expected}   stored {sums.checkins}"
        f"   committed {max(0, sums.checkins - visits.waiting)}   waiting {visits.waiting}"
    )


def _line(words: str, style: str) -> Text:
    return Text(words, style, no_wrap=True, overflow="ellipsis")
