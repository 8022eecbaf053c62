"""Published suppression indices of macaque V1, as counts in bins.

Surrounds are sampled from them (`surround.sample_suppression`), and models are compared with them
(`primates.property_table`, `primates.other_laboratories`).
"""

from dataclasses import dataclass

import numpy as np

# Who counted published neurons in bins.
COUNTED = "counted from the study's public data for this package"
DIGITISED = "digitised from the printed histogram by Marques et al. 2021 (bioRxiv 2021.03.01.433495) for Brain-Score"

_EDGES = tuple(np.linspace(0, 2, 11).tolist())


@dataclass(frozen=True)
class SuppressionCounts:
    """Surround suppression indices of macaque V1: 1 - (response to the largest grating) / (largest response).

    Attributes
    ----------
    study
        Authors, year, journal, volume and first page or article number.
    population
        The neurons or recording sites.
    counted
        Who counted the neurons in each bin.
    n
        How many they are.
    counts
        Of them in each bin.
    edges
        Of the bins, shape (bin + 1,); those of Brain-Score.
    """

    study: str
    population: str
    counted: str
    n: int
    counts: tuple[int, ...]
    edges: tuple[float, ...] = _EDGES


_LI = "Li et al. 2022, Cell Rep 40:111221"

SUPPRESSION = {
    "li2022": SuppressionCounts(_LI, "sites", COUNTED, 331, (27, 66, 107, 96, 35, 0, 0, 0, 0, 0)),
    "li2022_input": SuppressionCounts(_LI, "sites of input layers", COUNTED, 95, (11, 40, 37, 7, 0, 0, 0, 0, 0, 0)),
    "li2022_output": SuppressionCounts(_LI, "sites of output layers", COUNTED, 134, (0, 4, 30, 70, 30, 0, 0, 0, 0, 0)),
    "cavanaugh2002": SuppressionCounts(
        "Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2530",
        "neurons",
        DIGITISED,
        190,
        (66, 44, 38, 23, 16, 3, 0, 0, 0, 0),
    ),
}
