"""One exchange a topic, not chosen: the first held-out prompt of each, and the likeliest reply to it."""

from __future__ import annotations

import html

from guppylm import cached, weights
from guppylm.persona import generate as conversations
from guppylm.run import Run


def gallery(place: Run) -> list[tuple[str, str, str]]:
    """Topic, message, reply; in the order of topics' names. Raises RunError when the run folder is not whole."""
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    firsts: dict[str, str] = {}
    for one in conversations.read(place.eval_data):
        firsts.setdefault(one.category, one.input)
    replies = cached.greedy(model.eval(), tokenizer, list(firsts.values()), longest=model.config.context)
    rows = ((topic, message, reply) for (topic, message), (reply, _) in zip(firsts.items(), replies, strict=True))
    return sorted(rows)


def as_table(rows: list[tuple[str, str, str]]) -> str:
    """Markdown."""
    lines = ["| topic | you | reply |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows])


def _cell(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "&#124;")
