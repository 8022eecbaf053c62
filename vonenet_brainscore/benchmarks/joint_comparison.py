"""`compare_joint`: two V1 properties of the same cells, model against macaque."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..primates.joint_distributions import (
    JOINT_DISTRIBUTIONS,
    JointDistribution,
    joint_ceiling,
    joint_similarity,
    joint_without_pairing,
)
from ..primates.property_table import V1_BENCHMARKS, V1_PROPERTIES

if TYPE_CHECKING:
    import torch
    from brainscore_core.metrics import Score


@dataclass(frozen=True, eq=False)
class JointComparison:
    """A joint distribution of two V1 properties, model against macaque.

    Attributes
    ----------
    model : str
    primate : JointDistribution
    model_pairs : array, shape (neuroid, 2)
        Values of the responsive neuroids that have both properties.
    n_units : int
        Number of responsive neuroids, whether or not they have both properties.
    similarity, ceiling, without_pairing : Score
        Similarity to the neurons of the model, of samples of the neurons themselves, and of cells that match the
        distribution of each property but pair the values at random, which single histograms cannot distinguish.
    """

    model: str
    primate: JointDistribution
    model_pairs: np.ndarray
    n_units: int
    similarity: "Score"
    ceiling: "Score"
    without_pairing: "Score"

    def to_frame(self) -> pd.DataFrame:
        """One row, indexed by the two properties.

        `score` is the similarity over its ceiling, with the interval from `score_low` to `score_high` that holds 95 %
        of samples of neuroids as large as the study; `without_pairing` is on the same scale.
        """
        ceiling = float(self.ceiling)
        low, high = np.percentile(self.similarity.attrs["raw"], [2.5, 97.5]) / ceiling
        row = {
            "score": float(self.similarity) / ceiling,
            "score_low": low,
            "score_high": high,
            "without_pairing": float(self.without_pairing) / ceiling,
            "similarity": float(self.similarity),
            "ceiling": ceiling,
            "n_neurons": self.primate.study.n_neurons,
            "n_pairs": len(self.model_pairs),
            "n_units": self.n_units,
            "source": f"{self.primate.study.reference}; {self.primate.study.counted}",
        }
        index = pd.MultiIndex.from_tuples([self.primate.properties], names=["property", "with"])
        return pd.DataFrame([row], index=index)

    def __repr__(self) -> str:
        return f"{self.model} against macaque V1\n{self.to_frame().round(3).T.to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{self.model} against macaque V1</p>{self.to_frame().round(3).to_html()}"


def compare_joint(
    model: Any,
    properties: Sequence[str] = ("grating_summation_field", "surround_diameter"),
    layer: str | None = None,
    *,
    trials: int | None = None,
    noise: str = "model",
    seed: int = 0,
    device: "str | torch.device | None" = None,
    progress: bool = True,
) -> JointComparison:
    """The joint distribution of two V1 properties in a model, compared with that in macaque V1.

    A model may match the distribution of each property without having cells that combine them as neurons do. The
    similarity is Peacock's two-dimensional Kolmogorov-Smirnov similarity of the pairs, over 1000 samples of the model's
    neuroids as large as the study, as in Brain-Score's comparison of a single property.

    Parameters
    ----------
    model, layer, trials, noise, seed, device, progress
        As for `v1_properties`.
    properties : sequence of two str
        Measured in the same neurons: a key of ``primates.joint_distributions.JOINT_DISTRIBUTIONS``.

    Returns
    -------
    JointComparison

    Raises
    ------
    TypeError
        If `properties` is not a sequence of names.
    ValueError
        If there is no such joint distribution, if no neuroid has both properties, or as in `v1_properties`.
    """
    from ..recordings.loading import load_subject
    from ..tuning.grating_experiments import GratingExperiments
    from .v1_properties import REGION, measured

    if isinstance(properties, str) or not isinstance(properties, Sequence):
        raise TypeError(f"properties are two names, not {shortened(properties)}")
    primate = next((each for pair, each in JOINT_DISTRIBUTIONS.items() if list(pair) == list(properties)), None)
    if primate is None:
        known = "; ".join(", ".join(pair) for pair in JOINT_DISTRIBUTIONS)
        raise ValueError(f"no published joint distribution of {shortened(properties)}; have {known}")
    regions = None if layer is None else {REGION: layer}
    subject = load_subject(
        model, region_layer_map=regions, trials=trials, noise=noise, seed=seed, device=device, progress=progress
    )
    experiments = GratingExperiments(subject, REGION)
    tables = [measured(experiments, V1_PROPERTIES[name].experiment) for name in primate.properties]
    responsive = np.all([table["responsive"] for table in tables], axis=0)
    values = [table.loc[responsive, name] for table, name in zip(tables, primate.properties, strict=True)]
    return _compared(subject.identifier, primate, np.stack(values, axis=1), seed)


def joint_comparisons(scores: "Mapping[str, Score]") -> list[JointComparison]:
    """Comparisons of all joint distributions whose two properties were scored and are defined for at least one neuroid.

    Parameters
    ----------
    scores : mapping from benchmark identifier to Score
        As `score_model(model, 'V1-properties')` returns.
    """
    measured = {
        V1_BENCHMARKS[identifier].name: score.attrs
        for identifier, score in scores.items()
        if "model_values" in score.attrs and identifier in V1_BENCHMARKS
    }
    comparisons = []
    for primate in JOINT_DISTRIBUTIONS.values():
        if not all(name in measured for name in primate.properties):
            continue
        first, second = (measured[name] for name in primate.properties)
        # One experiment measures both properties, so their neuroids are the same.
        pairs = np.stack([first["model_values"], second["model_values"]], axis=1)
        if np.isfinite(pairs).all(axis=1).any():
            comparisons.append(_compared(first["model_identifier"], primate, pairs, first["seed"]))
    return comparisons


def _compared(model: str, primate: JointDistribution, pairs: np.ndarray, seed: int) -> JointComparison:
    """The comparison of `pairs` (neuroid, 2), the values of all responsive neuroids."""
    defined = pairs[np.isfinite(pairs).all(axis=1)]
    if not len(defined):
        raise ValueError(
            f"none of {len(pairs)} responsive neuroids of {model} has both {' and '.join(primate.properties)}"
        )
    return JointComparison(
        model=model,
        primate=primate,
        model_pairs=defined,
        n_units=len(pairs),
        similarity=joint_similarity(defined, primate, seed=seed),
        ceiling=joint_ceiling(primate, seed=seed),
        without_pairing=joint_without_pairing(primate, seed=seed),
    )
