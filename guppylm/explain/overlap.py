"""How much of a text is copied from other texts, word for word, and which of them are nearest to it.

    >>> told = Overlap(["i ate a moth in the oak.", "the oak rocks me.", "dark is my best colour."])
    >>> told.copied("yes! I ate a moth in the elm")  # of eight words, "i ate a moth in the" stands there
    0.75
    >>> told.nearest("is the oak dark", count=2)
    [1, 0]
    >>> told.whole("The oak rocks me")
    True

web/src/model/overlap.ts computes the same in the page.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

import regex

WORD = regex.compile(r"[\p{L}\p{N}'’]+")
COPIED = 4  # so many words in a row are no chance
LONGEST = 3  # words of a run by which texts are near

Run = tuple[str, ...]


def words(text: str) -> Run:
    """
    >>> words("It's 4 o'clock, Frédéric.")
    ("it's", '4', "o'clock", 'frédéric')
    """
    return tuple(word.lower() for word in WORD.findall(unicodedata.normalize("NFC", text)))


def runs(said: Run, length: int) -> list[Run]:
    """Every run of so many words, in order."""
    return [said[start : start + length] for start in range(len(said) - length + 1)]


class Overlap:
    """An index over texts; a text is known by its place among them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lines: list[str] = []  # each text's words, a space before and behind each
        self._lengths: list[int] = []
        self._holding: defaultdict[str, list[int]] = defaultdict(list)  # a word -> the texts with it
        for place, text in enumerate(texts):
            said = words(text)
            self._lines.append(_line(said))
            self._lengths.append(len(said))
            for word in set(said):
                self._holding[word].append(place)

    def _with(self, run: Run) -> list[int]:
        """The texts in which the run stands; only those with its rarest word are looked at."""
        line = _line(run)
        return [
            place for place in min((self._holding.get(word, []) for word in run), key=len) if line in self._lines[place]
        ]

    def copied(self, text: str) -> float:
        """The share of its words that stand in a run of four or more that also stands within one of the texts.

        (A longer run is several of four that overlap.) With fewer than four words, all of them must be one run.
        """
        said = words(text)
        if not said:
            return 0.0
        length = min(COPIED, len(said))
        starts = [start for start, run in enumerate(runs(said, length)) if self._with(run)]
        return len({place for start in starts for place in range(start, start + length)}) / len(said)

    def whole(self, text: str) -> bool:
        """Is it, word for word, one of the texts?"""
        said = words(text)
        return bool(said) and any(self._lines[place] == _line(said) for place in self._with(said))

    def nearest(self, text: str, count: int) -> list[int]:
        """The places of the texts that share most different runs of three words with it; of equals the shorter, then
        the earlier one. If these are too few, others follow by runs of two words, and then by single words. Who shares
        no word is no neighbour.
        """
        said = words(text)
        found: list[int] = []
        for length in range(LONGEST, 0, -1):
            shared = Counter(place for run in set(runs(said, length)) for place in self._with(run))
            best = sorted(shared.keys() - found, key=lambda at: (-shared[at], self._lengths[at], at))
            found += best[: count - len(found)]
        return found


def _line(said: Run) -> str:
    return f" {' '.join(said)} "
