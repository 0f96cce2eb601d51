"""The company that tokens keep, against counting by hand."""

import torch
from torch.nn import functional as F

from guppylm import embeddings
from guppylm.chat import Encoded

ROWS = [Encoded([1, 2, 3, 4, 5, 6, 8, 2], 5, range(1, 4)), Encoded([2, 6, 1], 1), Encoded([7], 0)]


def test_company_is_what_counting_by_hand_gives() -> None:
    by_hand = torch.zeros(9, 9)
    for row in ROWS:
        for i, left in enumerate(row.ids):
            for j, right in enumerate(row.ids):
                if i != j and abs(i - j) <= embeddings.REACH:
                    by_hand[left, right] += 1 / abs(i - j)
    for word in (2, 3, 4):  # the first row's message
        for thought in (6, 8):  # and what it brings up
            by_hand[word, thought] += 1
            by_hand[thought, word] += 1
    assert torch.allclose(embeddings.company(ROWS, 9, {6, 8}), by_hand)


def test_surprise_is_nothing_where_tokens_meet_by_chance() -> None:
    independent = torch.outer(torch.tensor([4.0, 4.0, 4.0]), torch.tensor([4.0, 4.0, 4.0]))
    assert torch.allclose(embeddings.surprise(independent), torch.zeros(3, 3), atol=1e-6)
    friends = embeddings.surprise(independent + torch.tensor([[0, 30.0, 0], [30.0, 0, 0], [0, 0, 0]]))
    assert friends[0, 1] == friends.max() > 0
    assert friends[0, 2] == 0


def test_tokens_that_keep_the_same_company_begin_close_to_each_other() -> None:
    torch.manual_seed(1)
    rows = [Encoded([ask, word, done], 1) for ask, word, done in ((1, 2, 5), (1, 3, 5), (6, 4, 7)) for _ in range(20)]
    before = 0.1 * torch.randn(12, 8)
    after = before.clone()
    embeddings.begin(after, rows)
    near = F.cosine_similarity(after[2], after[3], dim=0)
    far = F.cosine_similarity(after[2], after[4], dim=0)
    assert near > 0.95
    assert far < 0.5
    assert torch.equal(after[8:], before[8:]), "tokens that nobody has seen stay as they were"
    assert torch.allclose(after[1:8].norm(dim=1), before.norm(dim=1).mean().expand(7), rtol=1e-4)


def test_an_embedding_wider_than_the_vocabulary_is_possible() -> None:
    embedding = torch.randn(12, 40)
    embeddings.begin(embedding, ROWS)
    assert embedding.isfinite().all()
