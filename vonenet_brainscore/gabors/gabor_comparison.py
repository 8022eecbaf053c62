"""`compare_gabors`: the filters of a VOneBlock against published distributions of macaque V1."""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..arguments import check_seed
from ..brainscore import import_quietly
from ..models.vone_block import VOneBlock
from ..primates.binned_similarity import binned_similarity, joint_ks_similarity
from .gabor_filters import gabor_front_end, gabor_table
from .histogram_distances import joint_wasserstein_distance, wasserstein_distance
from .primate_gabors import PARAMETERS, PRIMATE_GABORS, PrimateDistribution
from .sampling_grid import sampling_table

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

UNPUBLISHED = (("phase",), ("width",), ("length",), ("aspect_ratio",), ("nx", "spatial_frequency"))
NO_COUNTS = "no published counts at hand; not scored"


@dataclass(frozen=True, eq=False)
class DistributionComparison:
    """One distribution of Gabor parameters, model against primate.

    Attributes
    ----------
    primate : PrimateDistribution
    model_counts : int array
        Of the model's cells of that type in the primate's bins; those beyond the outermost bins count in them.
    n_outside : int
        Number of cells beyond the outermost bins.
    similarity, ceiling : Score or None
        Kolmogorov-Smirnov similarity of the model, and of samples of the primate data themselves (see
        `binned_similarity`); for a joint distribution as `joint_ks_similarity`. None if the model has no
        such cells.
    distance, floor : Score or None
        The same for the Wasserstein distance between the histograms, each cell at the middle of its bin: octaves,
        decades, degrees on the circle. The floor is what sampling as few cells as the study alone makes of it.
    """

    primate: PrimateDistribution
    model_counts: np.ndarray
    n_outside: int
    similarity: "Score | None"
    ceiling: "Score | None"
    distance: "Score | None"
    floor: "Score | None"

    def row(self) -> dict[str, Any]:
        """What `GaborComparison.to_frame` shows."""
        primate = self.primate
        similarity, distance = _summary(self.similarity), _summary(self.distance)
        return {
            "similarity": similarity[0],
            "similarity_low": similarity[1],
            "similarity_high": similarity[2],
            "ceiling": _summary(self.ceiling)[0],
            "distance": distance[0],
            "distance_low": distance[1],
            "distance_high": distance[2],
            "distance_floor": _summary(self.floor)[0],
            "distance_unit": PARAMETERS[primate.parameters[0]].distance_unit,
            "n_model": int(self.model_counts.sum()),
            "n_outside": self.n_outside,
            "n_neurons": primate.n_neurons,
            "n_bins": primate.counts.size,
            "data": "held out" if primate.held_out else "built from",
            "source": primate.study,
        }

    def bins(self) -> pd.DataFrame:
        """The histograms: for each bin its edges, `primate` and `model` counts."""
        primate = self.primate
        index = np.indices(primate.counts.shape).reshape(primate.counts.ndim, -1)  # (parameter, bin)
        columns: dict[str, np.ndarray] = {}
        for name, bins in zip(primate.parameters, index, strict=True):
            columns |= {f"{name}_low": primate.edges[bins], f"{name}_high": primate.edges[bins + 1]}
        return pd.DataFrame({**columns, "primate": primate.counts.ravel(), "model": self.model_counts.ravel()})


@dataclass(frozen=True, eq=False)
class GaborComparison:
    """A VOneBlock's filters against macaque V1; a notebook shows it as its table.

    Attributes
    ----------
    model : str
    block : VOneBlock
    filters : DataFrame, one row per channel
        `cell_type`, `colour` and the parameters of `PARAMETERS`.
    distributions : tuple of DistributionComparison
    sampling : DataFrame
        Number of filters that the pixel grid or the kernel cannot represent (`sampling_table`).
    seed : int
        Of the bootstraps.
    """

    model: str
    block: VOneBlock
    filters: pd.DataFrame
    distributions: tuple[DistributionComparison, ...]
    sampling: pd.DataFrame
    seed: int

    def of(self, *parameters: str, population: str | None = None) -> DistributionComparison:
        """The comparison of a parameter, or of a pair of them; the first population unless told otherwise.

        Raises
        ------
        ValueError
            If there is none.
        """
        for comparison in self.distributions:
            primate = comparison.primate
            if primate.parameters == parameters and population in (None, primate.population):
                return comparison
        known = "; ".join(f"{', '.join(row.parameters)} ({row.population})" for row in PRIMATE_GABORS)
        asked = ", ".join(parameters) + (f" ({population})" if population else "")
        raise ValueError(f"no published distribution of {asked}; have {known}")

    def to_frame(self) -> pd.DataFrame:
        """One row per distribution, indexed by `parameter` and `population`.

        `similarity`, `ceiling`, `distance` and `distance_floor` are means over 1000 samples as large as the study,
        `_low` and `_high` the interval that holds 95 % of them. NaN where there are no primate data, which `source`
        says, or the model has no such cells (`n_model` 0).
        """
        rows = {}
        for comparison in self.distributions:
            rows[comparison.primate.name, comparison.primate.population] = comparison.row()
        for parameters in UNPUBLISHED:
            rows["-".join(parameters), ""] = {"n_model": len(self.filters), "source": NO_COUNTS}
        table = pd.DataFrame.from_dict(rows, orient="index")
        counts = ["n_model", "n_outside", "n_neurons", "n_bins"]
        return table.astype(dict.fromkeys(counts, "Int64")).rename_axis(["parameter", "population"])

    def __repr__(self) -> str:
        return f"{self._title()}\n\n{self._shown().to_string(na_rep='')}\n\n{self.sampling.to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self._shown().to_html(na_rep='')}{self.sampling.to_html()}"

    def _title(self) -> str:
        return f"Gabor filters of {self.model} against macaque V1 (seed {self.seed})"

    def _shown(self) -> pd.DataFrame:
        """The table with its numbers as text, interval in brackets."""
        table = self.to_frame()

        def text(row: pd.Series, name: str) -> str:
            if np.isnan(row[name]):
                return ""
            unit = f" {row['distance_unit']}" if name == "distance" else ""
            return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]{unit}"

        shown = pd.DataFrame({name: table.apply(text, axis=1, name=name) for name in ("similarity", "distance")})
        shown.insert(1, "ceiling", table["ceiling"].map("{:.3f}".format, na_action="ignore"))
        shown["floor"] = table["distance_floor"].map("{:.3f}".format, na_action="ignore")
        for name in ("n_model", "n_neurons"):
            shown[name] = table[name].astype(str).replace("<NA>", "")
        return shown.join(table[["data", "source"]])


def compare_gabors(model: Any, *, seed: int = 0) -> GaborComparison:
    """The Gabor filters of a model against published distributions of macaque V1.

    Each population of neurons is compared with the model's cells of the same type (simple, complex or all). 'Built
    from' marks data from which VOneBlocks are sampled by default (not with ``rand_param`` or other limits of spatial
    frequency).

    Parameters
    ----------
    model : str, nn.Module or VOneBlock
        A name in `MODELS`, whose published front end is rebuilt; a network with a VOneBlock; or a VOneBlock.
    seed : int
        Of the bootstraps.

    Returns
    -------
    GaborComparison

    Raises
    ------
    ValueError
        If the model has no Gabor filters of known parameters.
    TypeError
        If it is not a model, or there is no seed.

    Examples
    --------
    >>> from vonenet_brainscore import compare_gabors, get_model
    >>> comparison = compare_gabors(get_model(None, simple_channels=32, complex_channels=32))
    >>> 0 < comparison.to_frame()["similarity"].dropna().min() <= 1
    True
    """
    import_quietly()
    check_seed(seed)
    identifier, block = gabor_front_end(model)
    filters = gabor_table(block)
    return GaborComparison(
        model=identifier,
        block=block,
        filters=filters,
        distributions=tuple(_compare(primate, filters, seed) for primate in PRIMATE_GABORS),
        sampling=sampling_table(block, filters),
        seed=seed,
    )


def _compare(primate: PrimateDistribution, filters: pd.DataFrame, seed: int) -> DistributionComparison:
    cells = filters if primate.cells == "all" else filters[filters["cell_type"] == primate.cells]
    values = [cells[name].to_numpy() for name in primate.parameters]
    similarity, distance = _scores(primate, primate.bin_numbers(*values), seed) if len(cells) else (None, None)
    ceiling, floor = _scores_of_primates(primate, seed)
    return DistributionComparison(
        primate=primate,
        model_counts=primate.histogram(*values),
        n_outside=primate.outside(*values),
        similarity=similarity,
        ceiling=ceiling,
        distance=distance,
        floor=floor,
    )


@cache
def _scores_of_primates(primate: PrimateDistribution, seed: int) -> "tuple[Score, Score]":
    """Ceiling and floor, which do not depend on the model."""
    return _scores(primate, primate.neurons, seed)


def _scores(primate: PrimateDistribution, bin_numbers: np.ndarray, seed: int) -> "tuple[Score, Score]":
    """Similarity and distance of cells to the primate's, over the same samples.

    Each cell is represented by its bin, so that joint distributions are treated like those of one parameter.
    """
    edges = np.arange(primate.counts.size + 1) - 0.5
    similarity, distance = (
        binned_similarity(bin_numbers, primate.neurons, edges, name=primate.name, seed=seed, measure=measure)
        for measure in _measures(primate)
    )
    return similarity, distance


def _measures(primate: PrimateDistribution) -> tuple[Any, Any]:
    """Similarity (None is Brain-Score's own) and distance for a distribution's histograms, flattened."""
    shape, centres = primate.counts.shape, primate.centres
    if len(shape) == 1:
        period = PARAMETERS[primate.parameters[0]].period
        return None, partial(wasserstein_distance, positions=centres, period=period)
    positions = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1).reshape(-1, 2)  # (bin, parameter)
    return (
        lambda p, q: joint_ks_similarity(p.reshape(shape), q.reshape(shape)),
        partial(joint_wasserstein_distance, positions=positions, n_cells=primate.n_neurons),
    )


def _summary(score: "Score | None") -> tuple[float, float, float]:
    """Mean over samples, and the interval that holds 95 % of them."""
    if score is None:
        return np.nan, np.nan, np.nan
    low, high = np.percentile(score.attrs["raw"], [2.5, 97.5])
    return float(score), float(low), float(high)
