"""Published distributions of V1 tuning properties, and how similar a model's are.

The seven of Brain-Score's ``Marques2020`` benchmarks whose primate data are histograms in print. The counts are those
that Marques, Schrimpf & DiCarlo 2021 (bioRxiv 2021.03.01.433495) read from the studies for Brain-Score; the metric is
Brain-Score's own, seeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .binned_similarity import binned_similarity, property_assembly

if TYPE_CHECKING:
    from brainscore_core.metrics import Score
    from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly


@dataclass(frozen=True)
class PrimateHistogram:
    """One property of macaque V1 neurons as published.

    `n_neurons` were measured; where `counts` add up to fewer, the property is undefined for the rest. A benchmark
    is `held_out` if VOneBlocks are not sampled from its data.
    """

    identifier: str
    study: str
    property: str
    n_neurons: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    grating_set: str
    held_out: bool
    published_ceiling: float
    label: str
    unit: str = ""
    log_axis: bool = False


_DE_VALOIS_1982A = "De Valois, Yund & Hepler 1982, Vision Res 22:531"
_DE_VALOIS_1982B = "De Valois, Albrecht & Thorell 1982, Vision Res 22:545"
_SCHILLER_1976 = "Schiller, Finlay & Volman 1976, J Neurophysiol 39:1334"
_CAVANAUGH_2002 = "Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2530"
_NO_OR_YES = (0.0, 0.5, 1.0)  # edges of the bins of a property that is 0 or 1
_DIAMETER_EDGES = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

PRIMATE_V1 = {
    row.identifier: row
    for row in (
        PrimateHistogram(
            identifier="Marques2020_DeValois1982-pref_or",
            study=_DE_VALOIS_1982A,
            property="preferred_orientation",
            n_neurons=385,
            edges=(-22.5, 22.5, 67.5, 112.5, 157.5),
            counts=(110, 83, 100, 92),
            grating_set="orientation",
            held_out=False,
            published_ceiling=0.962,
            label="Preferred orientation",
            unit="degrees",
        ),
        PrimateHistogram(
            identifier="Marques2020_DeValois1982-peak_sf",
            study=_DE_VALOIS_1982B,
            property="peak_spatial_frequency",
            n_neurons=363,
            edges=(0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2, 16.0, 22.4),
            # Simple and complex, foveal and parafoveal cells; VOneBlocks are sampled from the foveal simple ones.
            counts=(3, 10, 15, 31, 57, 62, 67, 63, 31, 15, 5, 4),
            grating_set="spatial_frequency",
            held_out=False,
            published_ceiling=0.967,
            label="Peak spatial frequency",
            unit="cycles/degree",
            log_axis=True,
        ),
        PrimateHistogram(
            identifier="Marques2020_Schiller1976-sf_selective",
            study=_SCHILLER_1976,
            property="spatial_frequency_selective",
            n_neurons=87,
            edges=_NO_OR_YES,
            counts=(14, 73),
            grating_set="spatial_frequency",
            held_out=True,
            published_ceiling=0.963,
            label="Selective for spatial frequency",
        ),
        PrimateHistogram(
            identifier="Marques2020_Schiller1976-sf_bandwidth",
            study=_SCHILLER_1976,
            property="spatial_frequency_bandwidth",
            n_neurons=87,  # of which 73 are selective: 30 simple, 43 complex cells
            edges=(0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0),
            counts=(0, 3, 4, 16, 22, 16, 9, 3, 0, 0),
            grating_set="spatial_frequency",
            held_out=True,
            published_ceiling=0.933,
            label="Spatial frequency bandwidth",
            unit="% low/high",
        ),
        PrimateHistogram(
            identifier="Marques2020_Cavanaugh2002-grating_summation_field",
            study=_CAVANAUGH_2002,
            property="grating_summation_field",
            n_neurons=190,  # of which 148 are suppressed by more than 10 %
            edges=_DIAMETER_EDGES,
            counts=(0, 9, 30, 55, 42, 10, 2, 0),
            grating_set="size",
            held_out=True,
            published_ceiling=0.956,
            label="Grating summation field",
            unit="degrees",
            log_axis=True,
        ),
        PrimateHistogram(
            identifier="Marques2020_Cavanaugh2002-surround_diameter",
            study=_CAVANAUGH_2002,
            property="surround_diameter",
            n_neurons=190,  # of which 148 are suppressed by more than 10 %
            edges=_DIAMETER_EDGES,
            counts=(0, 0, 2, 20, 33, 49, 40, 4),
            grating_set="size",
            held_out=True,
            published_ceiling=0.955,
            label="Surround diameter",
            unit="degrees",
            log_axis=True,
        ),
        PrimateHistogram(
            identifier="Marques2020_Cavanaugh2002-surround_suppression_index",
            study=_CAVANAUGH_2002,
            property="surround_suppression_index",
            n_neurons=190,
            edges=tuple(np.linspace(0, 2, 11)),
            counts=(66, 44, 38, 23, 16, 3, 0, 0, 0, 0),
            grating_set="size",
            held_out=True,
            published_ceiling=0.958,
            label="Surround suppression index",
        ),
    )
}
V1_PROPERTIES = tuple(PRIMATE_V1)


def primate_assembly(identifier: str) -> PropertyAssembly:
    """The neurons behind a published histogram, as Brain-Score's data set of them is built.

    Parameters
    ----------
    identifier : str
        One of `V1_PROPERTIES`.

    Returns
    -------
    PropertyAssembly, shape (neuroid, neuronal_property 1)
        First the neurons for which the property is undefined (NaN), then each bin's, evenly spaced inside it, because
        print gives bins, not values; 0 and 1 for a yes or no. ``attrs``: ``number_of_trials``, ``<property>_bins``.

    Raises
    ------
    ValueError
        If there is no such histogram.
    """
    row = _row(identifier)
    undefined = np.full(row.n_neurons - sum(row.counts), np.nan)
    if row.edges == _NO_OR_YES:
        defined = np.repeat([0.0, 1.0], row.counts)
    else:
        bins = zip(row.edges[:-1], row.edges[1:], row.counts, strict=True)
        defined = np.concatenate([low + (high - low) * (np.arange(n) + 0.5) / max(n, 1) for low, high, n in bins])
    return property_assembly(np.concatenate([undefined, defined]), row.property, row.edges)


def distribution_similarity(model_values: ArrayLike, identifier: str, *, seed: int) -> Score:
    """How similar a model's distribution of a property is to the published one.

    Parameters
    ----------
    model_values : array, shape (neuroid,)
        The property of the model's responsive neuroids; NaN where it is undefined.
    identifier : str
        One of `V1_PROPERTIES`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Score
        As `binned_similarity`, which also says what is refused.
    """
    row = _row(identifier)
    primate_values = primate_assembly(identifier).values[:, 0]
    return binned_similarity(model_values, primate_values, row.edges, name=row.property, seed=seed)


def ceiling(identifier: str, *, seed: int) -> Score:
    """The similarity of a published distribution to samples of itself: the best that a model can be expected to reach.

    Parameters, attributes and refusals as for `distribution_similarity`.
    """
    return distribution_similarity(primate_assembly(identifier).values[:, 0], identifier, seed=seed)


def _row(identifier: str) -> PrimateHistogram:
    if identifier not in PRIMATE_V1:
        raise ValueError(f"no published V1 histogram for {identifier!r}; have {', '.join(PRIMATE_V1)}")
    return PRIMATE_V1[identifier]
