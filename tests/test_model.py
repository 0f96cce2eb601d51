"""The transformer against GPT-2 of transformers, and against what a language model must and must not do."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from guppylm.cached import Cache, greedy_replies
from guppylm.chat import Encoded
from guppylm.data import collate
from guppylm.errors import GuppyError
from guppylm.generate import generate
from guppylm.model import ModelConfig, Transformer
from guppylm.sample import Sampling, draw, probabilities
from guppylm.train import token_losses
from guppylm.weights import from_gpt2, to_gpt2

SMALL = ModelConfig(vocabulary=97, context=32, layers=2, width=48, heads=3, feed_forward=80)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(5)
    model = Transformer(SMALL).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)  # large and everywhere, so that no part can hide
    return model


def test_logits_equal_those_of_gpt2_on_the_same_weights(model: Transformer) -> None:
    shape = {"n_positions": 32, "n_layer": 2, "n_embd": 48, "n_head": 3, "n_inner": 80}
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=97, activation_function="relu", **shape)).eval()
    missing, unexpected = gpt2.transformer.load_state_dict(to_gpt2(model.state_dict()), strict=False)
    assert not missing
    assert not unexpected
    ids = torch.randint(97, (3, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert (gpt2(ids).logits - model(ids)).abs().max() < 1e-4


def test_names_of_weights_go_to_gpt2_and_back(model: Transformer) -> None:
    state = model.state_dict()
    back = from_gpt2({f"transformer.{name}": weight for name, weight in to_gpt2(state).items()}, list(state))
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_no_position_sees_the_future(model: Transformer) -> None:
    ids = torch.randint(97, (1, 20), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[0, 12:] = (changed[0, 12:] + 1) % 97
    with torch.no_grad():
        before, after = model(ids), model(changed)
    assert torch.allclose(before[:, :12], after[:, :12], atol=1e-6)
    assert not torch.allclose(before[:, 12:], after[:, 12:], atol=1e-2)


def test_it_learns_one_batch_by_heart() -> None:
    torch.manual_seed(2)
    model = Transformer(SMALL)
    rng = random.Random(3)
    batch = collate([Encoded([rng.randrange(97) for _ in range(length)], 4) for length in (9, 14, 20)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss = token_losses(model, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


def test_loss_looks_at_the_reply_alone(model: Transformer) -> None:
    """By hand: the mean of -log p over the reply's tokens, each guessed from what stands before it."""
    rows = [Encoded([5, 6, 7, 8, 9], 3), Encoded([1, 2, 3], 1)]
    with torch.no_grad():
        by_hand = sum(
            -model(torch.tensor([row.ids[:place]]))[0, -1].log_softmax(-1)[row.ids[place]]
            for row in rows
            for place in range(row.reply_starts, len(row.ids))
        )
        assert torch.allclose(token_losses(model, collate(rows)).sum(), by_hand, rtol=1e-5)


def test_reading_bit_by_bit_gives_the_scores_of_the_whole(model: Transformer) -> None:
    ids = torch.randint(0, SMALL.vocabulary, (3, 12))
    padding = torch.tensor([0, 2, 5])
    cache, at = Cache(model, padding), 0
    with torch.inference_mode():
        for new in (6, 1, 1, 3, 1):
            at += new
            found = cache.read(ids[:, at - new : at])
            for row, empty in enumerate(padding):
                assert torch.allclose(found[row], model(ids[row : row + 1, empty:at])[0, -1], atol=1e-5)


def test_greedy_in_batches_equals_greedy_alone(model: Transformer) -> None:
    prompts = [[3, 4, 5], [9], list(range(1, 25)), [7, 7], [5, 4, 3], [4, 4, 4]]
    together = greedy_replies(model, prompts, end=0, forbidden=[1, 2], longest=40)
    for prompt, (reply, ended) in zip(prompts, together, strict=True):
        assert reply == list(generate(model, prompt, 0, [1, 2], Sampling(temperature=0)))
        assert ended == (len(prompt) + len(reply) < SMALL.context)


def test_the_same_seed_gives_the_same_tokens(model: Transformer) -> None:
    def run(seed: int) -> list[int]:
        return list(generate(model, [3, 4], 0, [], Sampling(temperature=1.5, top_k=None, top_p=1, seed=seed)))

    assert run(1) == run(1)
    assert run(1) != run(2)


@given(
    logits=st.lists(st.floats(-20, 20), min_size=2, max_size=30),
    temperature=st.floats(0.05, 5),
    top_k=st.none() | st.integers(1, 40),
    top_p=st.floats(0.01, 1),
)
def test_sampling_keeps_the_likeliest(logits: list[float], temperature: float, top_k: int | None, top_p: float) -> None:
    shares = probabilities(np.array(logits), Sampling(temperature=temperature, top_k=top_k, top_p=top_p))
    plain = np.exp(np.array(logits) / temperature - max(logits) / temperature)
    kept = shares > 0
    assert shares.sum() == pytest.approx(1)
    assert kept.sum() <= (top_k or len(logits))
    assert kept[int(np.argmax(logits))]
    assert np.allclose(shares[kept], plain[kept] / plain[kept].sum())
    assert plain[kept].min() >= plain[~kept].max(initial=0)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_no_numbers_are_refused(broken: float, temperature: float) -> None:
    with pytest.raises(GuppyError, match="not numbers"):
        probabilities(np.array([0.0, broken, 1.0]), Sampling(temperature=temperature))


def test_draws_follow_the_shares() -> None:
    shares, rng = np.array([0.5, 0.0, 0.3, 0.2]), random.Random(1)
    drawn = np.bincount([draw(shares, rng) for _ in range(20_000)], minlength=4) / 20_000
    assert drawn[1] == 0
    assert np.allclose(drawn, shares, atol=0.02)


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0}])
def test_impossible_sampling_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(GuppyError):
        Sampling(**wrong)  # type: ignore[arg-type]
