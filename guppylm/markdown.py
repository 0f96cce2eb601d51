"""Text written by others, in a card: it is shown, and never becomes Markdown, HTML or metadata.

>>> plain("# hi\\n---\\nlicense: other <b>[x](y)</b>")
'\\\\# hi \\\\-\\\\-\\\\- license\\\\: other \\\\<b\\\\>\\\\[x\\\\]\\\\(y\\\\)\\\\<\\\\/b\\\\>'
>>> plain("a sleepy owl: it hoots, twice. isn't it?")
"a sleepy owl\\\\: it hoots, twice. isn't it?"
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping

LONGEST = 400
_MARKUP = re.compile(r"""[!-/:-@\[-`{-~](?<![,'"?!.])|\.(?=\S)|(?<=\d)\.""")


def line(text: str) -> str:
    """On one line, and without letters that nobody sees."""
    seen = "".join(" " if letter.isspace() else letter for letter in text)
    seen = "".join(letter for letter in seen if not unicodedata.category(letter).startswith("C"))
    return " ".join(seen.split())[:LONGEST]


def plain(text: str) -> str:
    """As `line`, with a backslash before all that Markdown could take for more than a letter.

    https://spec.commonmark.org/0.31.2/#backslash-escapes
    """
    return _MARKUP.sub(r"\\\g<0>", line(text))


def front_matter(metadata: Mapping[str, object]) -> str:
    """The metadata that stands before a card, between dashes. JSON is YAML, and nothing can break out of its quotes."""
    rows = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in metadata.items()]
    return "\n".join(["---", *rows, "---", "", ""])


def licence(name: str | None) -> dict[str, object]:
    """The line of a card's metadata; none where the character's persona.toml says nothing."""
    return {"license": name} if name else {}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; its cells are Markdown already."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
