"""Two rivals on the same prompts, so that the model's figures mean something.

Nearest neighbour: answer with the reply to the training prompt that shares the weightiest words.
N-gram: continue the prompt word by word with what most often followed the last words in training.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from sklearn.feature_extraction.text import TfidfVectorizer

from guppylm.persona.generate import Conversation

Context = tuple[str, ...]


def nearest_neighbour(training: list[Conversation], prompts: list[str], batch: int = 200) -> list[str]:
    """Replies by lookup with TF-IDF over words and pairs of words; no learning at all."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"[^\s?.!,]+", sublinear_tf=True)
    known = vectorizer.fit_transform([one.input for one in training])
    replies = []
    for first in range(0, len(prompts), batch):
        likeness = vectorizer.transform(prompts[first : first + batch]) @ known.T  # (batch, training), cosine
        replies += [training[int(best)].output for best in likeness.toarray().argmax(axis=1)]
    return replies


class NGram:
    """A word-level n-gram model with back-off, greedy: the language model before neural ones.

    >>> model = NGram(order=3)
    >>> model.learn("hi fish", "hello big shape.")
    >>> model.reply("hi fish")
    'hello big shape.'
    """

    def __init__(self, order: int = 5) -> None:
        self._order = order
        self._after: dict[Context, Counter[str]] = defaultdict(Counter)

    def learn(self, prompt: str, reply: str) -> None:
        words = [*_words(prompt), "<reply>", *_words(reply), "<end>"]
        for i in range(words.index("<reply>") + 1, len(words)):
            for length in range(self._order):
                if length <= i:
                    self._after[tuple(words[i - length : i])][words[i]] += 1

    def reply(self, prompt: str, longest: int = 60) -> str:
        words = [*_words(prompt), "<reply>"]
        said: list[str] = []
        while len(said) < longest:
            follower = self._likeliest(words)
            if follower == "<end>":
                break
            words.append(follower)
            said.append(follower)
        return " ".join(said)

    def _likeliest(self, words: list[str]) -> str:
        for length in range(self._order - 1, -1, -1):
            followers = self._after.get(tuple(words[len(words) - length :]))
            if followers:
                return followers.most_common(1)[0][0]
        return "<end>"


def _words(text: str) -> list[str]:
    return text.lower().split()


def n_gram(training: list[Conversation], prompts: list[str]) -> list[str]:
    model = NGram()
    for one in training:
        model.learn(one.input, one.output)
    return [model.reply(prompt) for prompt in prompts]
