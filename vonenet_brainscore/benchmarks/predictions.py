"""The predictions of a neural benchmark in each split, and the neurons on which its score is based."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ConstantInputWarning

from ..brainscore import replaced

_SHOWN = 10  # most neurons that a remark names


@dataclass(frozen=True)
class Predicted:
    """The test part of one split.

    Attributes
    ----------
    stimulus_ids : array, shape (stimulus,)
    recorded, predicted : arrays, shape (stimulus, neuron)
    """

    stimulus_ids: np.ndarray
    recorded: np.ndarray
    predicted: np.ndarray


class KeptPredictions:
    """Wraps a metric's correlation: returns the same result and keeps the predictions in each split.

    Parameters
    ----------
    correlation : callable
        (prediction, target) -> Score, as Brain-Score's `XarrayCorrelation`.
    """

    def __init__(self, correlation: Any) -> None:
        self._correlation = correlation
        self.splits: list[Predicted] = []

    def __call__(self, prediction: Any, target: Any) -> Any:
        prediction, target = (each.transpose("presentation", "neuroid") for each in (prediction, target))
        ids = target["stimulus_id"].values
        rows = {stimulus_id: row for row, stimulus_id in enumerate(prediction["stimulus_id"].values)}
        predicted = prediction.values[[rows[stimulus_id] for stimulus_id in ids]]
        self.splits.append(Predicted(ids, target.values, predicted))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantInputWarning)  # `beside` names the neurons
            return self._correlation(prediction, target)


@contextmanager
def kept_predictions(benchmark: Any) -> Iterator[KeptPredictions | None]:
    """Within the context, keep the predictions of a cross-validated neural benchmark of one time bin; else None."""
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
    from brainscore_vision.metric_helpers.xarray_utils import XarrayCorrelation
    from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation

    metric: Any = getattr(benchmark, "_similarity_metric", None)
    known = type(metric) is CrossRegressedCorrelation and type(metric.correlation) is XarrayCorrelation
    if not known or type(benchmark).__call__ is not NeuralBenchmark.__call__:
        yield None
        return
    kept = KeptPredictions(metric.correlation)
    with replaced(metric, correlation=kept):
        yield kept


def beside(score: Any, kept: KeptPredictions) -> dict[str, Any]:
    """What a reader of a neural score needs to know in addition to its value.

    Parameters
    ----------
    score : Score
        Of the benchmark whose predictions were kept.
    kept : KeptPredictions

    Returns
    -------
    dict
        `splits_counted` (neuroid,), the number of splits in which each neuron has a correlation (Brain-Score's median
        ignores the others); `n_neurons`; `error_of`, the quantity of which `error` is the error (Brain-Score passes on
        that of r); and `remarks`, text with one line per remark, if there are any.
    """
    r = score.attrs["raw"].attrs["raw"].transpose("split", "neuroid")
    counted = np.isfinite(r).sum("split")
    said = {
        "splits_counted": counted,
        "n_neurons": r.sizes["neuroid"],
        "error_of": "raw, its standard error over splits",
    }
    remarks = [*_of_the_value(score), *_of_neurons(r, counted, kept)]
    return said | ({"remarks": "\n".join(remarks)} if remarks else {})


def _of_the_value(score: Any) -> list[str]:
    remarks = []
    raw, ceiling = float(score.attrs["raw"]), score.attrs["ceiling"]
    if raw < 0:
        remarks.append(
            f"raw is negative ({raw:.3f}): predictions and responses are anticorrelated, which "
            "the score, a square, hides"
        )
    if float(score) > 1:
        remarks.append(
            f"the score is above 1, because r^2 ({raw**2:.3f}) is above the ceiling ({float(ceiling):.3f}): both are "
            "estimates, and a model cannot explain more than the ceiling"
        )
    if ceiling.attrs.get("estimator", "split halves") != "split halves":
        remarks.append(f"repetitions are uneven, so the ceiling is from the {ceiling.attrs['estimator']}")
    if not ceiling.attrs.get("claimed", True):
        remarks.append(f"no ceiling is claimed, because {ceiling.attrs['reason']}: the score is r^2 itself")
    return remarks


def _of_neurons(r: Any, counted: Any, kept: KeptPredictions) -> list[str]:
    """A remark on the neurons that do not count in every split, if any, with the reasons."""
    splits, neurons = r.shape
    left_out = [
        f"{neuron!s} in {int(count)}"
        for neuron, count in zip(counted["neuroid_id"].values, counted.values, strict=True)
        if count < splits
    ]
    if not left_out:
        return []
    silent = sum(int((np.ptp(part.recorded, axis=0) == 0).sum()) for part in kept.splits)
    reasons = ["their responses to the test stimuli are constant"] if silent else []
    if int(np.isnan(r.values).sum()) > silent:
        reasons.append("their predicted responses are constant")
    shown = ", ".join(left_out[:_SHOWN]) + (f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else "")
    return [
        f"{len(left_out)} of {neurons} neurons are left out of some of the {splits} splits, because "
        f"{' or '.join(reasons)}; splits in which each counts: {shown}"
    ]
