"""An explanation, printed for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from guppylm.explain.explain import Chosen, Explanation, Guess
from guppylm.explain.provenance import Near, Provenance

SHOWN_RIVALS = 4
LONGEST_LABEL = 12
BAR = 5  # characters for a share of 1


def show(told: Explanation, console: Console) -> None:
    """The reply, each token with its rivals, a look inside at the most surprising one, and where it comes from."""
    settings = told.settings
    _say(console, f"you>   {told.message}")
    _say(console, f"reply> {told.reply or '(no words came)'}")
    _say(
        console,
        f"       temperature {settings.temperature:g}, top-k {settings.top_k or 'off'}, top-p {settings.top_p:g}, "
        f"seed {settings.seed}",
        "dim",
    )
    _say(console, f"\nread as {len(told.prompt)} tokens", "bold")
    _say(console, " ".join(label(token.text) for token in told.prompt))
    if told.chosen:
        _tokens(told, console)
        _look_inside(told, console)
    if told.provenance:
        _origin(told.provenance, console)
    else:
        _say(console, "\nwhere it comes from: this folder has no training conversations (data/train.jsonl)", "dim")


def label(text: str) -> str:
    """A token so that its blanks are seen, and nothing that a terminal would obey.

    >>> label(" hi"), label("\\n"), label("\\x1b[2J")
    ('·hi', '\\\\n', '\\\\x1b[2J')
    """
    seen = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text.replace(" ", "·"))
    return seen if len(seen) <= LONGEST_LABEL else seen[: LONGEST_LABEL - 2] + ".."


def most_surprising(chosen: list[Chosen]) -> Chosen:
    """The one to which the model gave the smallest share."""
    return min(chosen, key=lambda one: one.share)


def _say(console: Console, text: str, style: str = "") -> None:
    """Text as it is: neither rich's markup nor control characters in it do anything."""
    safe = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
    console.print(Text(safe, style=style))


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"


def _guesses(guesses: list[Guess]) -> str:
    return "  ".join(f"{label(one.text)} {_percent(one.share)}" for one in guesses)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis", header_style="dim")
    return table


def _tokens(told: Explanation, console: Console) -> None:
    _say(console, "\nthe reply, token by token", "bold")
    table = _table("token", "share", "", "random", "others that were likely")
    room = console.width - LONGEST_LABEL - BAR - len("share" + "random") - 4 * 2  # rich would narrow all columns
    for one in told.chosen:
        bar = Text("#" * round(one.share * BAR) or ".", "green" if one.share >= 0.5 else "yellow")
        rivals = Text(_guesses(one.rivals[:SHOWN_RIVALS]), "dim")
        rivals.truncate(max(1, room), overflow="ellipsis")
        table.add_row(Text(label(one.text)), Text(_percent(one.share)), bar, Text(f"{one.number:.3f}"), rivals)
    console.print(table)


def _look_inside(told: Explanation, console: Console) -> None:
    one = most_surprising(told.chosen)
    _say(console, f"\nmost surprising: {label(one.text)}. What it would have said after each part", "bold")
    depths = _table("part", "guess")
    for name, guess in zip(_depths(len(one.lens) // 2), one.lens, strict=True):
        depths.add_row(name, Text(_guesses([guess])))
    console.print(depths)
    _say(console, "\nwhere each head looked most then", "bold")
    _say(console, "((1st): the first place of all, where heads look that seek nothing)", "dim")
    heads = 1 + max(glance.head for glance in one.attention)
    room = (console.width - len("layer")) // heads - 2
    looks = _table("layer", *(f"head {head + 1}" for head in range(heads)))
    for start in range(0, len(one.attention), heads):
        cells = [
            Text(f"{_percent(glance.weight)} " + ("(1st)" if glance.place == 0 else label(glance.text)))
            for glance in one.attention[start : start + heads]
        ]
        for cell in cells:
            cell.truncate(max(1, room), overflow="ellipsis")
        looks.add_row(str(start // heads + 1), *cells)
    console.print(looks)


def _depths(layers: int) -> Iterator[str]:
    yield "before layer 1"
    for layer in range(1, layers + 1):
        yield f"layer {layer}, attention"
        yield f"layer {layer}, feed-forward"


def _origin(found: Provenance, console: Console) -> None:
    copied = "word for word, it is one of them" if found.whole else "as a whole, it is none of them"
    _say(console, "\nwhere it comes from", "bold")
    _say(console, f"{found.copied:.0%} of its words stand in runs of four or more from one training reply; {copied}")
    for title, nearest in (("nearest training replies", found.replies), ("nearest training messages", found.messages)):
        _say(console, f"\n{title}" + ("" if nearest else ": none shares a word"), "bold")
        for near in nearest:
            _near(near, near.reply if nearest is found.replies else near.message, console)


def _near(near: Near, text: str, console: Console) -> None:
    _say(console, f"  {text}")
    _say(console, f"      {near.exchange}" + (f", {near.file}" if near.file else ""), "dim")
