"""Gabor parameters, and their published distributions over macaque V1 neurons.

Adding a distribution is adding a row. Counts split by cell type and eccentricity are those that Marques, Schrimpf &
DiCarlo 2021 (bioRxiv 2021.03.01.433495) read from the studies for Brain-Score. For phase, size and aspect ratio, and
for spatial frequency jointly with nx, we have no published counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models.gabors import ENVELOPE_COUNTS, ENVELOPE_EDGES, ORIENTATION_COUNTS, ORIENTATION_EDGES_DEG
from ..primates.property_table import V1_PROPERTIES


@dataclass(frozen=True)
class GaborParameter:
    """A parameter of Gabor filters and the scale on which differences of it are meant.

    Attributes
    ----------
    label, unit
        For axes and tables.
    scale
        'linear', 'log2' (distances in octaves) or 'log10' (in decades).
    period
        Of a parameter that lives on a circle, in its unit.
    """

    label: str
    unit: str
    scale: str = "linear"
    period: float | None = None

    @property
    def distance_unit(self) -> str:
        """The unit of a distance between two distributions."""
        return {"log2": "octaves", "log10": "decades"}.get(self.scale, self.unit)

    def on_scale(self, values: NDArray) -> NDArray:
        """The values on the scale on which differences are distances."""
        if self.scale == "linear":
            return values
        return np.log2(values) if self.scale == "log2" else np.log10(values)


PARAMETERS = {
    "orientation": GaborParameter("Orientation", "degrees", period=180),
    "spatial_frequency": GaborParameter("Spatial frequency", "cycles/degree", scale="log2"),
    "nx": GaborParameter("nx, sigma along the carrier", "periods", scale="log10"),
    "ny": GaborParameter("ny, sigma across the carrier", "periods", scale="log10"),
    "phase": GaborParameter("Phase", "degrees", period=360),
    "width": GaborParameter("Sigma along the carrier", "degrees", scale="log2"),  # nx / spatial frequency
    "length": GaborParameter("Sigma across the carrier", "degrees", scale="log2"),  # ny / spatial frequency
    "aspect_ratio": GaborParameter("Aspect ratio, ny / nx", "", scale="log2"),
}


@dataclass(frozen=True, eq=False)
class PrimateDistribution:
    """Binned Gabor parameters of a population of macaque V1 neurons.

    Attributes
    ----------
    parameters
        One of `PARAMETERS`, or two for a joint distribution.
    population
        Which neurons.
    cells
        'simple', 'complex' or 'all': the model's cells to compare with.
    study
    edges
        Of the bins, shape (bin + 1,); of a joint distribution for both axes.
    counts
        Neurons in each bin, one dimension for each parameter.
    held_out
        False if VOneBlocks are, unless told otherwise, sampled from these neurons.
    """

    parameters: tuple[str, ...]
    population: str
    cells: str
    study: str
    edges: NDArray
    counts: NDArray
    held_out: bool

    @property
    def name(self) -> str:
        """Of the parameters, joined by a hyphen."""
        return "-".join(self.parameters)

    @property
    def neurons(self) -> NDArray:
        """The bin of each neuron, as an index into the flattened `counts`: (neuron,)."""
        return np.repeat(np.arange(self.counts.size), self.counts.ravel())

    @property
    def n_neurons(self) -> int:
        return int(self.counts.sum())

    @property
    def centres(self) -> NDArray:
        """Middles of the bins on the scale of the parameter, shape (bin,)."""
        edges = PARAMETERS[self.parameters[0]].on_scale(self.edges)
        return (edges[:-1] + edges[1:]) / 2

    def histogram(self, *values: NDArray) -> NDArray:
        """Counts of values in the bins; those beyond the outermost bins count in them.

        Parameters
        ----------
        *values : arrays, shape (channel,)
            Of each of `parameters`.

        Returns
        -------
        int array, shape of `counts`
        """
        return np.bincount(self.bin_numbers(*values), minlength=self.counts.size).reshape(self.counts.shape)

    def bin_numbers(self, *values: NDArray) -> NDArray:
        """The bin of each value, as an index into the flattened `counts`: (channel,)."""
        bins = [
            np.clip(np.searchsorted(self.edges, each, side="right") - 1, 0, len(self.edges) - 2)
            for each in self.on_axis(*values)
        ]
        return np.ravel_multi_index(bins, self.counts.shape)

    def outside(self, *values: NDArray) -> int:
        """How many values lie beyond the outermost bins."""
        each_outside = [(each < self.edges[0]) | (each > self.edges[-1]) for each in self.on_axis(*values)]
        return int(np.any(each_outside, axis=0).sum())

    def on_axis(self, *values: NDArray) -> list[NDArray]:
        """The values, those on a circle turned to start at the first edge."""
        turned = []
        for name, each in zip(self.parameters, values, strict=True):
            period, start = PARAMETERS[name].period, self.edges[0]
            turned.append(each if period is None else (each - start) % period + start)
        return turned


_ALL_ORIENTATIONS = V1_PROPERTIES["preferred_orientation"]
_ALL_FREQUENCIES = V1_PROPERTIES["peak_spatial_frequency"]
_RINGACH_2002 = "Ringach 2002, J Neurophysiol 88:455"
_SF_COUNTS = {
    ("simple", "foveal"): (0, 4, 4, 8, 25, 33, 26, 28, 12, 5, 2, 1),
    ("complex", "foveal"): (0, 0, 0, 9, 9, 7, 10, 23, 12, 8, 3, 3),
    ("simple", "parafoveal"): (2, 4, 10, 12, 18, 7, 18, 3, 4, 0, 0, 0),
    ("complex", "parafoveal"): (1, 2, 1, 2, 5, 15, 13, 9, 3, 2, 0, 0),
}


def _orientations(population: str, edges: NDArray, counts: NDArray) -> PrimateDistribution:
    return PrimateDistribution(
        ("orientation",), population, "all", _ALL_ORIENTATIONS.study.reference, edges, counts, held_out=False
    )


def _frequencies(population: str, cells: str, counts: tuple[int, ...], *, held_out: bool) -> PrimateDistribution:
    edges = np.array(_ALL_FREQUENCIES.edges)
    return PrimateDistribution(
        ("spatial_frequency",), population, cells, _ALL_FREQUENCIES.study.reference, edges, np.array(counts), held_out
    )


def _envelopes(parameters: tuple[str, ...], counts: NDArray) -> PrimateDistribution:
    return PrimateDistribution(parameters, "simple", "simple", _RINGACH_2002, ENVELOPE_EDGES, counts, held_out=False)


PRIMATE_GABORS = (
    _orientations("all", np.array(_ALL_ORIENTATIONS.edges), np.array(_ALL_ORIENTATIONS.counts)),
    # VOneBlocks are sampled from fewer cells of the study; their source does not say which.
    _orientations("246 cells", ORIENTATION_EDGES_DEG, ORIENTATION_COUNTS),
    _frequencies("all", "all", _ALL_FREQUENCIES.counts, held_out=False),
    # VOneBlocks are sampled from the simple foveal cells, without the bins above 8 cycles/degree.
    *(
        _frequencies(f"{cells} {place}", cells, counts, held_out=(cells, place) != ("simple", "foveal"))
        for (cells, place), counts in _SF_COUNTS.items()
    ),
    _envelopes(("nx",), ENVELOPE_COUNTS.sum(axis=1)),
    _envelopes(("ny",), ENVELOPE_COUNTS.sum(axis=0)),
    _envelopes(("nx", "ny"), ENVELOPE_COUNTS),
)
