"""The optimizer against linear algebra: what orthogonalising does to singular values, and Muon's step by hand."""

import pytest
import torch

from guppylm.optimizer import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_orthogonalise_keeps_the_directions_and_makes_the_weak_ones_strong(shape: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(3)
    u, _, vh = torch.linalg.svd(torch.randn(shape, generator=random), full_matrices=False)
    strengths = torch.logspace(0, -2.5, min(shape))  # all above a thousandth of the norm
    made = orthogonalise(u @ torch.diag(strengths) @ vh)
    inside = u.mT @ made @ vh.mT  # diagonal, if no direction was mixed with another
    assert torch.allclose(inside, torch.diag(inside.diagonal()), atol=1e-4)
    assert 0.13 < float(inside.diagonal().min()) <= float(inside.diagonal().max()) < 1.87


def test_orthogonalise_works_on_stacks_and_on_nothing() -> None:
    stack = torch.randn(5, 6, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(orthogonalise(stack)[2], orthogonalise(stack[2]), atol=1e-5)
    assert torch.equal(orthogonalise(torch.zeros(4, 4)), torch.zeros(4, 4))


def test_a_step_of_muon() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 8))
    weight.grad = torch.randn(4, 8, generator=torch.Generator().manual_seed(2))
    Muon([{"params": [weight]}], lr=0.1, momentum=0.9, weight_decay=0.5).step()
    # the first momentum is 0.1 * gradient, and Nesterov's mix of both still points along the gradient
    expected = torch.ones(4, 8) * (1 - 0.1 * 0.5) - 0.1 * 0.2 * 8**0.5 * orthogonalise(weight.grad)
    assert torch.allclose(weight.detach(), expected, atol=1e-5)


def test_matrices_that_stand_on_top_of_each_other_are_worked_on_one_by_one() -> None:
    both = torch.nn.Parameter(torch.ones(6, 8))
    both.grad = torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
    Muon([{"params": [both], "parts": 2}], lr=0.1).step()
    for part, gradient in zip(both.detach().chunk(2), both.grad.chunk(2), strict=True):
        alone = torch.nn.Parameter(torch.ones(3, 8))
        alone.grad = gradient
        Muon([{"params": [alone]}], lr=0.1).step()
        assert torch.allclose(part, alone.detach(), atol=1e-6)
