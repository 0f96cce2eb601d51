"""The report card of a run: `guppylm eval RUN`.

Held-out loss over all held-out conversations; everything about replies over the first REPLIES of them,
each answered greedily, and judged against the persona's own templates by `judge`; then the harder questions of
`persona/exam.py`. The baselines know the first drawing of the training conversations; all of them would take minutes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from guppylm import cached, chat, data, files, precision, train, weights
from guppylm.evaluate import baselines
from guppylm.evaluate.judge import Judge, Verdict
from guppylm.persona import generate as conversations
from guppylm.persona.exam import Question, exam
from guppylm.persona.generate import Conversation
from guppylm.persona.match import plain
from guppylm.persona.schema import Persona
from guppylm.persona.split import split
from guppylm.run import Run, settings, training_data
from guppylm.tokenizer import fast

REPLIES = 1_000
HARDER_FEWER = 10  # times fewer questions in each harder set
EXAMPLES = 40
WORST = 10
SEED = 1  # of the harder questions: every run of a character meets the same

Answer = tuple[str, bool]  # a reply, and whether it came to its end


@dataclass(frozen=True)
class Replies:
    """Shares of replies, from 0 to 1; length in words."""

    on_topic: float
    on_exchange: float
    well_formed: float  # exact + recombined
    exact: float  # one template makes the whole reply
    recombined: float  # every sentence is a template's, but not together
    ended: float  # came to its end in the room that every message leaves for its reply
    lowercase: float
    faulty: float  # a wrong verb or article, a word said twice, a hole
    words: float  # mean length
    copied: float  # stands in training word for word


@dataclass(frozen=True)
class Understood:
    """How often the model's thoughts before a reply name what the message was made for. Shares from 0 to 1."""

    topic: float
    exchange: float  # and the topic


@dataclass(frozen=True)
class Harder:
    """One set of `exam` questions. Shares from 0 to 1; None where the set does not ask for it."""

    asked: int
    on_topic: float  # composed: either message is answered; unheard words: puzzled, however the word is repeated
    well_formed: float
    repeated: float | None = None  # the unheard word stands in the reply, letter by letter


@dataclass(frozen=True)
class Card:
    persona: str
    parameters: int
    held_out: int
    loss: float  # nats a reply token
    perplexity: float
    bits_per_byte: float
    judged: int
    model: Replies
    nearest_neighbour: Replies
    n_gram: Replies
    topics: dict[str, float]  # the share on topic, worst topic first
    confusions: list[tuple[str, str, int]]  # topic asked, topic answered, how often; most frequent first
    off_topic: list[dict[str, str]]  # a few replies that missed, worst topics first, to be read
    harder: dict[str, Harder]
    understood: Understood | None  # None if the model doesn't think before it speaks

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(place: Run, persona: Persona, replies: int = REPLIES) -> Card:
    """Make the card of a run of `persona`. Raises RunError when the run folder is not whole."""
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    config = settings(place)
    held_out = list(conversations.read(place.eval_data))
    training = list(conversations.read(place.train_data()))
    # whoever trained without a GPU, though there is one, is measured without it
    device = precision.choose_device("cpu" if config.device == "cpu" else None)
    model.to(device)

    rows = data.encode_all(tokenizer, held_out, model.config.context)
    loss = train.held_out_loss(model, rows, precision.choose(device, "fp32"))  # on every machine the same
    model.eval()
    tokens = sum(len(row.ids) - row.reply_starts for row in rows)

    def answer(prompts: list[str]) -> list[Answer]:
        return cached.greedy(model, tokenizer, prompts, longest=chat.REPLY_ROOM)

    asked = list(islice(held_out, replies))
    prompts = [one.input for one in asked]
    judge = Judge(persona)
    known = {plain(one.output) for file in training_data(place, config) for one in conversations.read(file)}
    replies_ids = cached.greedy_ids(model, tokenizer, prompts, longest=chat.REPLY_ROOM)
    answers = [(chat.reply_text(tokenizer, ids), ended) for ids, ended in replies_ids]
    verdicts = [judge.judge(one, text) for one, (text, _) in zip(asked, answers, strict=True)]

    def baseline(texts: list[str]) -> Replies:
        found = [judge.judge(one, text) for one, text in zip(asked, texts, strict=True)]
        return score(judge, [(text, True) for text in texts], found, known)

    topics, confusions, off_topic = by_topic(judge, asked, answers, verdicts)
    sets = exam(split(persona, config.seed), max(1, len(asked) // HARDER_FEWER), SEED)
    return Card(
        persona=persona.name,
        parameters=sum(weight.numel() for weight in model.parameters()),
        held_out=len(held_out),
        loss=loss,
        perplexity=math.exp(loss),
        bits_per_byte=train.bits_per_byte(loss, tokens, [one.output for one in held_out]),
        judged=len(asked),
        model=score(judge, answers, verdicts, known),
        nearest_neighbour=baseline(baselines.nearest_neighbour(training, prompts)),
        n_gram=baseline(baselines.n_gram(training, prompts)),
        topics=topics,
        confusions=confusions,
        off_topic=off_topic,
        harder={
            name: grade(judge, questions, answer([one.text for one in questions])) for name, questions in sets.items()
        },
        understood=understood(asked, [ids for ids, _ in replies_ids], fast.thoughts(tokenizer)),
    )


def understood(asked: list[Conversation], replies: list[list[int]], names: dict[int, str]) -> Understood | None:
    """What the thoughts in front of the `replies` say of the conversations that were asked, if there are thoughts."""
    if not names:
        return None
    thoughts = [tuple(names[id] for id in ids if id in names) for ids in replies]
    pairs = list(zip(asked, thoughts, strict=True))
    return Understood(
        topic=mean(thought[:1] == one.thoughts[:1] for one, thought in pairs),
        exchange=mean(thought == one.thoughts for one, thought in pairs),
    )


def by_topic(
    judge: Judge, asked: list[Conversation], answers: list[Answer], verdicts: list[Verdict]
) -> tuple[dict[str, float], list[tuple[str, str, int]], list[dict[str, str]]]:
    """How well each topic is understood, what it is taken for, and examples."""
    hits: dict[str, list[bool]] = defaultdict(list)
    taken_for: Counter[tuple[str, str]] = Counter()
    missed: list[dict[str, str]] = []
    for one, (text, _), verdict in zip(asked, answers, verdicts, strict=True):
        hits[one.category].append(verdict.topic)
        if not verdict.topic:
            taken_for.update((one.category, other) for other in judge.topics(text) if other != one.category)
            missed.append({"input": one.input, "output": text, "exchange": one.exchange})
    topics = dict(sorted(((topic, mean(found)) for topic, found in hits.items()), key=lambda row: row[1]))
    missed.sort(key=lambda miss: list(topics).index(miss["exchange"].split("/")[0]))
    return topics, [(*pair, count) for pair, count in taken_for.most_common()], missed[:EXAMPLES]


def grade(judge: Judge, questions: list[Question], answers: list[Answer]) -> Harder:
    """How well one set of harder questions was answered."""
    fits, formed, repeated = [], [], []
    for one, (text, _) in zip(questions, answers, strict=True):
        verdicts = [judge.judge(meant, text) for meant in one.meant]
        if one.unheard:
            fits.append(judge.deflects(one.meant[0], text))
            repeated.append(any(word in plain(text).split() for word in one.unheard))
        else:
            fits.append(any(verdict.topic for verdict in verdicts))
        formed.append(verdicts[0].form != "broken")
    return Harder(len(questions), mean(fits), mean(formed), mean(repeated) if repeated else None)


def score(judge: Judge, answers: list[Answer], verdicts: list[Verdict], known: set[str]) -> Replies:
    """The shares of replies that have been judged, one for each prompt."""
    texts = [text for text, _ in answers]
    exact = mean(verdict.form == "exact" for verdict in verdicts)
    recombined = mean(verdict.form == "recombined" for verdict in verdicts)
    return Replies(
        on_topic=mean(verdict.topic for verdict in verdicts),
        on_exchange=mean(verdict.exchange for verdict in verdicts),
        well_formed=exact + recombined,
        exact=exact,
        recombined=recombined,
        ended=mean(ended for _, ended in answers),
        lowercase=mean(text == text.lower() for text in texts),
        faulty=mean(judge.language.fault(text) is not None for text in texts),
        words=mean(len(text.split()) for text in texts),
        copied=mean(plain(text) in known for text in texts),
    )


def write(place: Run, card: Card) -> None:
    files.write_json(place.report, card.to_json())


_ROWS = {
    "on topic": "on_topic",
    "on exchange": "on_exchange",
    "well formed": "well_formed",
    "  as one template": "exact",
    "  as a recombination": "recombined",
    "ended properly": "ended",
    "lowercase": "lowercase",
    "faults of language": "faulty",
    "words a reply": "words",
    "copied from training": "copied",
}


def show(card: Card, console: Console) -> None:
    console.print(
        f"report card of {card.persona}: {card.parameters:,} parameters, {card.held_out:,} held-out conversations\n"
        f"held-out loss {card.loss:.3f} nats/token   perplexity {card.perplexity:.2f}   "
        f"{card.bits_per_byte:.3f} bits/byte",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(title=f"greedy replies to {card.judged:,} held-out prompts", title_justify="left")
    table.add_column("")
    for name in (card.persona, "nearest neighbour", "n-gram"):
        table.add_column(name, justify="right")
    for label, key in _ROWS.items():
        values = [getattr(replies, key) for replies in (card.model, card.nearest_neighbour, card.n_gram)]
        table.add_row(label, *(f"{value:.1f}" if key == "words" else f"{value:.1%}" for value in values))
    console.print(table, highlight=False)
    if card.understood:
        said = f"thought of the right topic: {card.understood.topic:.1%}, and exchange: {card.understood.exchange:.1%}"
        console.print(said, highlight=False)
    if card.harder:
        harder = Table(title="harder questions", title_justify="left")
        harder.add_column("")
        for name in ("asked", "on topic", "well formed", "word repeated"):
            harder.add_column(name, justify="right")
        for name, row in card.harder.items():
            repeated = "" if row.repeated is None else f"{row.repeated:.1%}"
            harder.add_row(name, f"{row.asked:,}", f"{row.on_topic:.1%}", f"{row.well_formed:.1%}", repeated)
        console.print(harder, highlight=False)
    worst = [f"{topic} {share:.0%}" for topic, share in list(card.topics.items())[:WORST] if share < 1]
    taken = [f"{asked} for {answered} {count}x" for asked, answered, count in card.confusions[:WORST]]
    for label, texts in (("least understood", worst), ("taken for another topic", taken)):
        if texts:
            console.print(f"{label}: {', '.join(texts)}", highlight=False, soft_wrap=True)
