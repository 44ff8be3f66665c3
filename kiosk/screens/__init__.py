"""What the panel shows, as pictures: pure, 1 bit, 128 x 64 or 128 x 32, in two languages.

answer(...)          what the visitor sees after showing a code; words(...) its sentence
hint(hint)           how to hold a code that cannot be read
question(...)        a question of the declaration
state(situation)     what stands there otherwise
"""

from __future__ import annotations

from kiosk.model import Page
from kiosk.screens.ahead import prepare
from kiosk.screens.answers import answer, hint, words
from kiosk.screens.canvas import LOW, SIZE, Size
from kiosk.screens.questions import question
from kiosk.screens.situation import WINS, Link, Scanner, Situation, Visitor, screen
from kiosk.screens.states import animation, keeps_off_the_rim, state
from kiosk.screens.technician import PAGES
from kiosk.screens.texts import Language

__all__ = [
    "LOW",
    "PAGES",
    "SIZE",
    "WINS",
    "Language",
    "Link",
    "Page",
    "Scanner",
    "Situation",
    "Size",
    "Visitor",
    "animation",
    "answer",
    "hint",
    "keeps_off_the_rim",
    "prepare",
    "question",
    "screen",
    "state",
    "words",
]
