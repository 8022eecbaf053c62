"""Simple and complex cells against their formulas."""

import math

import pytest
import torch
from torch.nn import functional as F

from vonenet_brainscore.models.v1_cells import simple_and_complex_cells

SIMPLE, COMPLEX = 3, 2


def responses():
    return torch.randn(2, SIMPLE + 2 * COMPLEX, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("differentiated", [False, True])
def test_rates_are_the_formulas(differentiated):
    q = responses()
    simple, complex_ = simple_and_complex_cells(
        responses().requires_grad_(differentiated), SIMPLE, COMPLEX, gain=25, rectify=F.relu
    )
    torch.testing.assert_close(simple, 25 * q[:, :3].clamp(min=0))
    torch.testing.assert_close(complex_, 25 * torch.hypot(q[:, 3:5], q[:, 5:]) / math.sqrt(2))
    assert simple.requires_grad == complex_.requires_grad == differentiated


def test_silent_filters_have_gradients_of_zero():
    q = torch.zeros(1, SIMPLE + 2 * COMPLEX, 1, 1, requires_grad=True)
    for rates in simple_and_complex_cells(q, SIMPLE, COMPLEX, gain=25, rectify=F.relu):
        rates.sum().backward(retain_graph=True)
    assert not q.grad.any()


def test_simple_cells_are_rectified_as_asked():
    simple, _ = simple_and_complex_cells(responses(), SIMPLE, COMPLEX, gain=1, rectify=torch.abs)
    torch.testing.assert_close(simple, responses()[:, :3].abs())
