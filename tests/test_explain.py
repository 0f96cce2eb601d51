"""What `explain` tells is what the model does: against other ways to compute the same."""

import io
import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from conftest import guppylm
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from guppylm import chat, generate, talk, weights
from guppylm.errors import RunError
from guppylm.explain import recorded, show
from guppylm.explain.explain import Explanation, explain
from guppylm.explain.overlap import Overlap, words
from guppylm.explain.provenance import exchanges, provenance
from guppylm.explain.trace import trace
from guppylm.model import ModelConfig, Transformer
from guppylm.persona import generate as conversations
from guppylm.persona import schema
from guppylm.run import Run
from guppylm.sample import Sampling

MESSAGES = ["are you hungry", "🦉", "", "[bold]<script>\x1b[2J", "good night " * 60]


@pytest.mark.parametrize("length", [1, 2, 17])
def test_the_trace_is_what_the_model_computes(length: int) -> None:
    torch.manual_seed(length)
    model = Transformer(ModelConfig(vocabulary=40, context=17, layers=3, width=24, heads=4, feed_forward=16)).eval()
    for weight in model.parameters():  # so large that every part counts
        torch.nn.init.normal_(weight, std=0.4)
    ids = torch.randint(40, (length,)).tolist()
    seen = trace(model, ids)
    with torch.inference_mode():
        assert (seen.logits - model(torch.tensor([ids]))[0]).abs().max() < 1e-5
        for layers in (1, 2, 3):
            scores = model.logits(model.hidden(torch.tensor([ids]), layers))[0]
            assert (seen.lens[2 * layers] - scores).abs().max() < 1e-5
        for layer, block in enumerate(model.blocks):
            v = block.attn.qkv(block.norm1(seen.stream[2 * layer])).chunk(3, -1)[2]
            gathered = [seen.attention[layer, head] @ v[:, 6 * head : 6 * head + 6] for head in range(4)]
            added = block.attn.out(torch.cat(gathered, -1))
            assert (seen.stream[2 * layer + 1] - seen.stream[2 * layer] - added).abs().max() < 1e-4
    assert seen.attention.shape == (3, 4, length, length)
    assert seen.stream.shape == (7, length, 24)
    assert (seen.attention.sum(-1) - 1).abs().max() < 1e-5
    assert not seen.attention.triu(1).any()
    assert (seen.attention >= 0).all()
    assert torch.equal(seen.lens[-1], seen.logits)


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "D", "é", "it's,", "4.", "吃"]), max_size=9).map(" ".join)


def count_shared(one: tuple[str, ...], other: tuple[str, ...], length: int) -> int:
    """Of the different runs of `one`, those that `other` holds: slowly."""
    runs = {one[i : i + length] for i in range(len(one) - length + 1)}
    return sum(any(other[i : i + length] == run for i in range(len(other))) for run in runs)


@given(st.lists(TEXTS, max_size=8), TEXTS)
def test_overlap_is_what_a_slow_search_finds(known: list[str], text: str) -> None:
    told, said, others = Overlap(known), words(text), [words(other) for other in known]
    marked = set()
    for start in range(len(said)):
        for end in range(start + 1, len(said) + 1):
            enough = end - start >= 4 or (len(said) < 4 and end - start == len(said))
            if enough and any(said[start:end] == o[i : i + end - start] for o in others for i in range(len(o))):
                marked |= set(range(start, end))
    assert told.copied(text) == (len(marked) / len(said) if said else 0)
    assert told.whole(text) == (said in others and bool(said))
    left, expected = list(range(len(known))), []
    for length in (3, 2, 1):
        shared = {at: count_shared(said, others[at], length) for at in left}
        tier = sorted((at for at in left if shared[at]), key=lambda at: (-shared[at], len(others[at]), at))
        expected += tier
        left = [at for at in left if at not in tier]
    assert told.nearest(text, 5) == expected[:5]


def test_words_are_letters_digits_and_apostrophes() -> None:
    assert words("Don’t—it's 2nd, CAFE\u0301!") == ("don’t", "it's", "2nd", "café")


@pytest.fixture(scope="module")
def explained(small_run: Run) -> Explanation:
    return explain(small_run, "are you hungry", Sampling(temperature=0.9, seed=3))


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize(
    "settings",
    [Sampling(temperature=0, seed=1), Sampling(seed=5), Sampling(temperature=1.5, top_k=None, top_p=1, seed=2)],
)
def test_the_reply_is_the_one_that_chat_gives(small_run: Run, message: str, settings: Sampling) -> None:
    model = weights.read_model(small_run)
    tokenizer = weights.read_tokenizer(small_run, model.config)
    told = explain(small_run, message, settings)
    assert told.reply == generate.reply(model, tokenizer, message, settings)
    assert [token.id for token in told.prompt] == chat.encode_prompt(tokenizer, message, model.config.context)
    screen = io.StringIO()
    show.show(told, Console(file=screen, width=80))
    assert all(len(line) <= 80 for line in screen.getvalue().splitlines())
    assert "\x1b" not in screen.getvalue()


def test_each_token_is_explained_by_the_place_before_it(small_run: Run, explained: Explanation) -> None:
    model = weights.read_model(small_run)
    ids = [token.id for token in explained.prompt] + [one.id for one in explained.chosen]
    rng = random.Random(3)
    _, forbidden = chat.special_ids(weights.read_tokenizer(small_run, model.config))
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0].double()
        logits[:, forbidden] = -torch.inf
        shares = logits.softmax(-1)
    for number, one in enumerate(explained.chosen):
        place = len(explained.prompt) + number - 1
        assert one.number == rng.random()
        assert one.share == pytest.approx(float(shares[place, one.id]), abs=1e-6)
        assert 0 < one.chance <= 1
        assert len({rival.id for rival in one.rivals} - {one.id}) == len(one.rivals) == 10
        others = shares[place].tolist()
        others[one.id] = 0
        assert [rival.share for rival in one.rivals] == pytest.approx(sorted(others)[:-11:-1], abs=1e-6)
        assert len(one.lens) == 5
        assert one.lens[-1].share == pytest.approx(float(shares[place].max()), abs=1e-6)
        assert [(glance.layer, glance.head) for glance in one.attention] == [(0, 0), (0, 1), (1, 0), (1, 1)]
        for glance in one.attention:
            assert glance.place <= place
            assert 0 <= glance.first <= glance.weight <= 1


def test_it_goes_into_json_and_says_which_seed_it_took(small_run: Run) -> None:
    told = explain(small_run, "is it dark", Sampling())
    again = json.loads(json.dumps(told.to_json(), allow_nan=False))
    assert again["reply"] == told.reply
    assert again["settings"]["seed"] == told.settings.seed is not None
    assert explain(small_run, "is it dark", told.settings) == told


def test_the_nearest_conversations_come_with_their_file(small_run: Run, explained: Explanation) -> None:
    found = explained.provenance
    assert found is not None
    said = list(conversations.read(small_run.train_data()))
    assert len({near.message for near in found.messages}) == 5
    for near in found.messages + found.replies:
        one = next(c for c in said if (c.input, c.output) == (near.message, near.reply))
        assert near.exchange == one.exchange
        assert near.file == f"topics/{one.category}.toml"
    seen = said[7]
    known = provenance(small_run, seen.input, seen.output)
    assert known is not None
    assert (words(known.messages[0].message), words(known.replies[0].reply)) == (words(seen.input), words(seen.output))
    assert (known.copied, known.whole) == (1, True)
    every = {f"{topic.topic}/{one.name}" for _, topic, one in exchanges(small_run.persona)}
    assert every == {exchange.key for exchange in schema.load(small_run.persona).exchanges}


def test_a_run_without_its_data_is_explained_too(small_run: Run, tmp_path: Path) -> None:
    place = Run(tmp_path / "run")
    shutil.copytree(small_run.folder, place.folder, ignore=shutil.ignore_patterns("data", "persona", "*.jsonl"))
    told = explain(place, "hi owl", Sampling(seed=1))
    assert told.provenance is None
    show.show(told, Console(file=io.StringIO(), width=80))
    place.weights.unlink()
    with pytest.raises(RunError, match=r"model\.safetensors"):
        explain(place, "hi owl", Sampling(seed=1))


def test_a_recording_is_the_model(small_run: Run) -> None:
    model = weights.read_model(small_run)
    tokenizer = weights.read_tokenizer(small_run, model.config)
    told = json.loads(json.dumps(recorded.record(model, tokenizer, ["hi owl", "is it dark"])))
    ids, starts = told["ids"], told["replyStarts"]
    assert ids[:starts] == chat.encode_prompt(tokenizer, told["message"])
    assert len(told["steps"]) == len(ids) - 1
    assert len(told["draws"]) == len(ids)
    assert told["draws"][:starts] == [None] * starts
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0]
    for place, step in enumerate(told["steps"]):
        scores = [score for _, score in step["logits"]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 200
        for id, score in step["logits"]:
            assert abs(score - float(logits[place, id])) < 1e-3
        rows = torch.tensor(step["attention"]).view(2, 2, place + 1)
        assert (rows.sum(-1) - 1).abs().max() < 0.001 * (place + 1)
        assert [len(guesses) for guesses in step["lens"]] == [5] * 5
        assert step["lens"][-1][0][0] == step["logits"][0][0]


def test_the_command_tells_of_the_reply_that_chat_gives(small_run: Run) -> None:
    asked = ("are you hungry", "--seed", "3", "--temperature", "1.2")
    told = json.loads(guppylm("explain", small_run.folder, *asked, "--json").stdout)
    said = guppylm("chat", "--model", small_run.folder, "--prompt", *asked).stdout
    assert said.strip() == (told["reply"] or talk.SILENCE)
    printed = guppylm("explain", small_run.folder, *asked)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert "the reply, token by token" in printed.stdout
