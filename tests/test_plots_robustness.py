"""The figure of accuracy under attack shows the numbers of the evaluation, a panel for each norm."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vonenet_brainscore.classification.accuracy import accuracy
from vonenet_brainscore.plots import accuracy_against_epsilon
from vonenet_brainscore.robustness.attacks import AutoPGD, ProjectedGradientDescent
from vonenet_brainscore.robustness.evaluate import AdversarialEvaluation, NoiseCondition


def of(shares):
    return accuracy([1.0] * shares + [0.0] * (20 - shares))


ROWS = [("model", "model", 19, {0.1: of(4), 0.01: of(15)}), ("none", "none", 20, {0.1: of(0), 0.01: of(9)})]
FOUND = AdversarialEvaluation(
    conditions=[
        NoiseCondition(attack, evaluation, of(clean), attacked, {0.1: of(3), 0.01: of(16)}, {0.1: 0, 0.01: 2})
        for attack, evaluation, clean, attacked in ROWS
    ],
    attack=ProjectedGradientDescent(eps=0.1),
    draws=10,
    n_classes=4,
    training_noise="neuronal",
    rows=[],
    output=Path(),
)


def test_lines_are_means_with_their_intervals_in_rising_epsilon():
    (ax,) = accuracy_against_epsilon(FOUND).axes
    bars = ax.containers[0]
    np.testing.assert_allclose(bars.lines[0].get_xdata().astype(float), [0, 0.01, 0.1], atol=0.0005)
    assert bars.lines[0].get_ydata().tolist() == [0.95, 0.75, 0.2]
    ends = np.array(bars.lines[2][0].get_segments())[:, :, 1]
    expected = [(each.low, each.high) for each in (of(19), of(15), of(4))]
    np.testing.assert_allclose(ends, expected)
    dotted = next(line for line in ax.lines if line.get_linestyle() == ":")
    np.testing.assert_array_equal(dotted.get_ydata(), [np.nan, 0.8, 0.15])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["on / on", "off / off"]
    assert ax.get_xlabel() == "$\\epsilon$ (L$_\\infty$, pixel values of [0, 1])" and ax.get_ylabel() == "Accuracy"


def test_norms_have_panels_and_attacks_names():
    others = [
        replace(FOUND, attack=AutoPGD(eps=0.1)),
        replace(FOUND, attack=ProjectedGradientDescent("2", 0.1)),
    ]
    first, second = accuracy_against_epsilon([FOUND, *others]).axes
    assert len(first.containers) == 4 and len(second.containers) == 2
    assert "AutoPGD, on / on" in [text.get_text() for text in first.get_legend().get_texts()]
    with pytest.raises(ValueError, match="no evaluations to draw"):
        accuracy_against_epsilon([])
