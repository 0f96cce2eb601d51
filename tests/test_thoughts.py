"""Before it speaks, the model tells itself what it has understood: in the data, in replies, in other engines' files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import quick, write_persona
from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat, data, generate, pipeline, runtime, weights
from guppylm.errors import GuppyError
from guppylm.evaluate.card import Understood, understood
from guppylm.export import formats
from guppylm.hub import model_page
from guppylm.model import Transformer
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.sample import Sampling
from guppylm.tokenizer import fast

GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the owl with thoughts."""
    folder = tmp_path_factory.mktemp("thinking")
    place = Run(folder / "run")
    assert pipeline.whole_road(write_persona(folder / "owl"), place, quick(thoughts="true"), Console(quiet=True))
    return place


@pytest.fixture(scope="module")
def tokenizer(thinking: Run) -> Tokenizer:
    return fast.load(thinking.tokenizer)


@pytest.fixture
def model(thinking: Run) -> Transformer:
    return weights.read_model(thinking).eval()


def test_a_conversation_has_its_topic_and_exchange_before_the_reply(thinking: Run, tokenizer: Tokenizer) -> None:
    one = next(iter(conversations.read(thinking.train_data())))
    [row] = data.encode_all(tokenizer, [one], chat.CONTEXT)
    first, second, *reply = row.ids[row.reply_starts :]
    assert fast.thoughts(tokenizer)[first] == one.category
    assert fast.thoughts(tokenizer)[second] == one.exchange
    assert tokenizer.decode(reply, skip_special_tokens=True) == one.output
    assert chat.reply_text(tokenizer, row.ids[row.reply_starts :]) == one.output, "nobody hears them"
    assert row.ids[: row.reply_starts] == chat.encode_prompt(tokenizer, one.input)


def test_no_text_becomes_a_thought(tokenizer: Tokenizer) -> None:
    thoughts = fast.thoughts(tokenizer)
    assert len(thoughts) > 3
    for name in thoughts.values():
        ids = chat.encode_prompt(tokenizer, f"{fast.thought(name)} hi")
        assert not thoughts.keys() & set(ids)


def test_a_reply_may_hold_thoughts_and_shows_none(model: Transformer, tokenizer: Tokenizer) -> None:
    end, forbidden = chat.special_ids(tokenizer)
    thoughts = fast.thoughts(tokenizer).keys()
    assert not thoughts & set(forbidden)
    prompt = chat.encode_prompt(tokenizer, "is it dark")
    warm = [Sampling(temperature=1, seed=seed) for seed in range(20)]
    thinking = [how for how in warm if thoughts & {*generate.generate(model, prompt, end, forbidden, how)}]
    assert len(thinking) >= 15
    said = [generate.reply(model, tokenizer, "is it dark", how) for how in warm]
    assert not any("<|" in reply or "thought" in reply for reply in said)


def test_the_report_card_counts_what_was_understood(thinking: Run) -> None:
    asked = list(conversations.read(thinking.eval_data))[:4]
    names = dict(enumerate(sorted({name for one in asked for name in one.thoughts})))
    ids = {name: number for number, name in names.items()}
    right = [[ids[name] for name in one.thoughts] for one in asked]
    other = next(number for name, number in ids.items() if name not in asked[2].thoughts)
    replies = [
        [*right[0], 99],
        right[1][:1],
        [right[2][0], other],
        [99],
    ]  # whole, the topic only, another exchange, none
    assert understood(asked, replies, names) == Understood(topic=3 / 4, exchange=1 / 4)
    assert understood(asked, replies, {}) is None
    found = json.loads(thinking.report.read_text())["understood"]
    assert 0 <= found["exchange"] <= found["topic"] <= 1
    assert "thought of the right topic, and exchange |" in thinking.card.read_text()
    page = model_page.text(thinking, None, None, {})
    assert f"the right topic in {found['topic']:.1%}, and of the right exchange in {found['exchange']:.1%}" in page


def test_onnx_runtime_thinks_the_same(thinking: Run, tmp_path: Path) -> None:
    formats.export(thinking, tmp_path / "onnx", "onnx")
    fish, known = runtime.load(tmp_path / "onnx"), fast.load(thinking.tokenizer)
    end, forbidden = chat.special_ids(known)
    for message in ("is it dark", "hello", "do you like mice"):
        ids = chat.encode_prompt(known, message)
        expected = list(generate.generate(weights.read_model(thinking).eval(), ids, end, forbidden, GREEDY))
        assert list(fish.generate(ids, GREEDY)) == expected


def test_a_vocabulary_too_small_for_them_is_told(tmp_path: Path) -> None:
    small = quick(thoughts="true", vocabulary="300")
    owl = write_persona(tmp_path / "owl")
    text = (owl / "topics" / "night.toml").read_text(encoding="utf-8")
    exchange = '\n[[exchange]]\nname = "more {0}"\nsay = ["call the number {0}"]\nreply = ["hoo {0}."]\n'
    (owl / "topics" / "night.toml").write_text(text + "".join(map(exchange.format, range(60))), encoding="utf-8")
    with pytest.raises(GuppyError, match=r"vocabulary must be at least \d+ for the \d+ thoughts of .*thoughts=false"):
        pipeline.whole_road(owl, Run(tmp_path / "run"), small, Console(quiet=True))
    assert not (tmp_path / "run").exists()
