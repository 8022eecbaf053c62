"""Scores of ridge regression on a planted population, made without Brain-Score, which takes its time."""

from types import SimpleNamespace

import numpy as np
from brainscore_core.metrics import Score

from vonenet_brainscore.benchmarks.intervals import neural_intervals
from vonenet_brainscore.benchmarks.predictions import KeptPredictions, Predicted

FEATURES = 10


def planted_score(random, *, images=80, neurons=12, splits=4, test=0.2, noise=1.0):
    """r of neurons that are linear in ten features of fresh images, and what was predicted of them in each split.

    The neurons are the same in every call, the images, their noise and the splits are not.
    """
    x = random.normal(size=(images, FEATURES))
    weights = np.random.default_rng(5).normal(size=(FEATURES, neurons))
    y = x @ weights / np.sqrt(FEATURES) + noise * random.normal(size=(images, neurons))
    kept, medians = KeptPredictions(None), []
    for _ in range(splits):
        order = random.permutation(images)
        left, right = np.split(order, [images - max(2, round(test * images))])
        centre = x[left].mean(axis=0), y[left].mean(axis=0)
        inner = x[left] - centre[0]
        slopes = np.linalg.solve(inner.T @ inner + np.eye(FEATURES), inner.T @ (y[left] - centre[1]))
        predicted = (x[right] - centre[0]) @ slopes + centre[1]
        kept.splits.append(Predicted(right, y[right], predicted))
        medians.append(np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(y[right].T, predicted.T, strict=True)]))
    return float(np.mean(medians)), kept


def intervals_by_hand(raw, kept, images, seed):
    """`neural_intervals` of a planted score, without a ceiling."""
    score, ceiling = Score(raw**2), Score(1.0)
    ceiling.attrs["claimed"] = False
    score.attrs |= {"raw": Score(raw), "ceiling": ceiling}
    neurons = kept.splits[0].recorded.shape[1]
    names = {"stimulus_id": np.arange(images), "neuroid_id": np.arange(neurons)}
    assembly = {name: SimpleNamespace(values=values) for name, values in names.items()}
    return neural_intervals(score, SimpleNamespace(_assembly=assembly), kept, seed=seed)
