"""Which wordings read like another topic? `guppylm check PERSONA --confusable`

A linear classifier over pieces of words and runs of words, which learns a topic in seconds, is asked about wordings
that it has not been taught (cross-validation: every wording is left out once). What it gets wrong, the model will
find hard too: either the wording does not say what it is about, or its words stand in no other wording of its
exchange. More wordings with the same key words mend the second kind; only a clearer wording mends the first.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline, make_union

from guppylm.persona.schema import Exchange, Persona, Template
from guppylm.persona.template import fill

FOLDS = 6
FILLINGS = 4  # of each wording


@dataclass(frozen=True)
class Guess:
    """One filling of a wording, and the topic that the classifier took it for."""

    exchange: Exchange
    template: Template
    text: str
    topic: str


def guesses(persona: Persona, seed: int = 1) -> Iterator[Guess]:
    """Every wording's fillings, each guessed by a classifier that was taught the other folds' wordings."""
    rng = random.Random(seed)
    folds: list[list[tuple[Exchange, Template, str]]] = [[] for _ in range(FOLDS)]
    for exchange in persona.exchanges:
        for number, template in enumerate(rng.sample(exchange.say, len(exchange.say))):
            for _ in range(FILLINGS):
                text = fill(template.nodes, exchange.lists, {}, rng)
                folds[number % FOLDS].append((exchange, template, text))
    for asked in folds:
        taught = [row for fold in folds if fold is not asked for row in fold]
        if not asked or len({exchange.topic for exchange, _, _ in taught}) < 2:
            continue
        classifier = make_pipeline(
            make_union(
                TfidfVectorizer(ngram_range=(1, 3), token_pattern=r"\S+", sublinear_tf=True),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
            ),
            SGDClassifier(loss="modified_huber", alpha=3e-6, max_iter=8, tol=None, random_state=seed),
        )
        classifier.fit([text for _, _, text in taught], [exchange.topic for exchange, _, _ in taught])
        topics = classifier.predict([text for _, _, text in asked])
        for (exchange, template, text), topic in zip(asked, topics, strict=True):
            yield Guess(exchange, template, text, str(topic))


def report(persona: Persona, seed: int = 1) -> Iterator[str]:
    """A line for every wording of which half the fillings or more are taken for another topic; then the score."""
    wrong: dict[tuple[str, str], list[Guess]] = defaultdict(list)
    count, right = 0, 0
    for guess in guesses(persona, seed):
        count += 1
        if guess.topic == guess.exchange.topic:
            right += 1
        else:
            wrong[guess.exchange.key, guess.template.text].append(guess)
    for (_, wording), missed in sorted(wrong.items()):
        if len(missed) * 2 >= FILLINGS:
            topic = Counter(guess.topic for guess in missed).most_common(1)[0][0]
            exchange = missed[0].exchange
            yield f'{exchange.file}, {exchange.name}, "{wording}": reads like {topic}, as in "{missed[0].text}"'
    if not count:
        yield f"{persona.name}: too few topics or wordings to tell"
        return
    yield f"{persona.name}: of wordings it was not taught, a linear classifier puts {right / count:.1%} in their topic"
