"""The waves that positions begin as, and where the first heads look because of them."""

import torch

from guppylm import positions
from guppylm.model import ModelConfig, Transformer


def test_different_places_are_at_right_angles() -> None:
    waves = positions.waves(60, 64)
    assert torch.allclose(waves @ waves.T, torch.eye(60), atol=1e-4)


def test_no_place_of_a_whole_context_is_taken_for_another() -> None:
    likeness = positions.waves(128, 64) @ positions.waves(128, 64).T
    assert (likeness - torch.eye(128)).max() < 0.01


def test_half_of_the_first_heads_begin_by_looking_back() -> None:
    torch.manual_seed(1)
    model = Transformer(ModelConfig(vocabulary=500))
    positions.begin(model)
    block, length = model.blocks[0], 100
    x = model.tok_emb(torch.randint(500, (1, length))) + model.pos_emb(torch.arange(length))
    # PyTorch's own attention module, with our weights
    theirs = torch.nn.MultiheadAttention(384, 6, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": block.attn.qkv.weight,
            "in_proj_bias": block.attn.qkv.bias,
            "out_proj.weight": block.attn.out.weight,
            "out_proj.bias": block.attn.out.bias,
        }
    )
    normed = block.norm1(x)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    _, weights = theirs(normed, normed, normed, attn_mask=future, average_attn_weights=False)  # (1, H, T, T)
    for head, back in ((0, 1), (1, 2), (2, 3)):
        assert weights[0, head].diagonal(-back).mean() > 0.5
    assert weights[0, 3:].diagonal(-1, -2, -1).mean() < 0.1, "the other half looks everywhere"


def test_heads_of_an_odd_width_can_wave_too() -> None:
    model = Transformer(ModelConfig(vocabulary=300, width=21, heads=3, feed_forward=8, layers=1))
    positions.begin(model)
    assert model.pos_emb.weight.isfinite().all()
    assert len(model.pos_emb.weight.unique(dim=0)) == 128
