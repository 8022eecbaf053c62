"""Distances between histograms against scipy, Brain-Score and plain enumeration."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linear_sum_assignment

from vonenet_brainscore.gabors.histogram_distances import (
    joint_wasserstein_distance,
    wasserstein_distance,
)

ROUNDING = {"rel": 1e-9, "abs": 1e-12}


def histograms(seed, bins, cells=40):
    rng = np.random.default_rng(seed)
    return [rng.multinomial(cells, rng.dirichlet(np.ones(bins))) / cells for _ in range(2)]


# ---- reference


@pytest.mark.parametrize("seed", range(5))
def test_on_a_line_it_is_scipys(seed):
    p, q = histograms(seed, 12)
    positions = np.sort(np.random.default_rng(seed).normal(size=12))
    expected = stats.wasserstein_distance(positions, positions, p, q)
    assert wasserstein_distance(p, q, positions) == pytest.approx(expected, **ROUNDING)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bins", [2, 4, 7])
def test_on_a_circle_it_is_the_best_assignment_of_cells(seed, bins):
    p, q = histograms(seed, bins)
    positions = np.sort(np.random.default_rng(seed).uniform(-30, 150, bins))
    cells = [np.repeat(positions, np.rint(40 * shares).astype(int)) for shares in (p, q)]
    apart = np.abs(cells[0][:, None] - cells[1])
    ways = np.minimum(apart, 180 - apart)
    expected = ways[linear_sum_assignment(ways)].mean()
    assert wasserstein_distance(p, q, positions, period=180) == pytest.approx(expected, **ROUNDING)


@pytest.mark.parametrize("seed", range(5))
def test_jointly_it_is_the_best_of_all_assignments(seed):
    p, q = histograms(seed, 4, cells=6)
    positions = np.random.default_rng(seed).normal(size=(4, 2))
    first, second = (np.repeat(positions, np.rint(6 * shares).astype(int), axis=0) for shares in (p, q))
    expected = min(np.linalg.norm(first - second[list(order)], axis=1).mean() for order in permutations(range(6)))
    assert joint_wasserstein_distance(p, q, positions, 6) == pytest.approx(expected, **ROUNDING)


# ---- laws


def test_identical_histograms_are_no_distance_apart():
    p, _ = histograms(0, 6)
    positions = np.arange(6.0)
    plane = np.stack([positions, positions], axis=1)
    assert wasserstein_distance(p, p, positions) == 0
    assert wasserstein_distance(p, p, positions, period=6) == 0
    assert joint_wasserstein_distance(p, p, plane, 40) == 0


def test_the_short_way_round_the_circle_is_taken():
    first, last = np.eye(4)[[0, 3]]
    positions = np.array([0.0, 45, 90, 135])
    assert wasserstein_distance(first, last, positions) == 135
    assert wasserstein_distance(first, last, positions, period=180) == 45


def test_turning_the_circle_changes_nothing():
    p, q = histograms(3, 4)
    positions = np.array([0.0, 45, 90, 135])
    distances = [wasserstein_distance(np.roll(p, n), np.roll(q, n), positions, period=180) for n in range(4)]
    np.testing.assert_allclose(distances, distances[0], rtol=1e-9)


def test_distances_scale_with_their_unit_and_are_symmetric():
    p, q = histograms(4, 5)
    positions = np.arange(5.0)
    one = wasserstein_distance(p, q, positions)
    assert wasserstein_distance(q, p, positions) == pytest.approx(one)
    assert wasserstein_distance(p, q, 3 * positions + 7) == pytest.approx(3 * one)
