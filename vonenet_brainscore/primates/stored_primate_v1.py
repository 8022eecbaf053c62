"""The V1 tuning properties whose primate data Brain-Score keeps in its storage, one row each.

The fifteen of its ``Marques2020`` benchmarks that rest on single neurons' values, not on histograms in print. The
bins are those of its data sets (``data/marques2020/data_packaging`` of the installed package), written here so that a
model's distribution can be shown without the data; a score takes the bins that come with them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .primate_v1 import PRIMATE_V1, PrimateHistogram

TEXTURE_STIMULI = "FreemanZiemba2013_properties"  # Brain-Score's stimulus set behind the texture properties


class _Study(NamedTuple):
    name: str  # in Brain-Score's benchmark identifiers
    reference: str
    data_set: str
    n_neurons: int


@dataclass(frozen=True)
class StoredProperty:
    """One property of macaque V1 neurons, of the `n_neurons` in a Brain-Score data set that it keeps in storage.

    VOneBlocks are sampled from none of these data, so all are `held_out`.
    """

    identifier: str
    study: str
    data_set: str
    property: str
    n_neurons: int
    edges: tuple[float, ...]
    published_ceiling: float
    label: str
    unit: str = ""
    log_axis: bool = False
    held_out: bool = True


def _row(
    study: _Study,
    name: str,
    property_name: str,
    edges: ArrayLike,
    published_ceiling: float,
    label: str,
    unit: str = "",
    log_axis: bool = False,
) -> StoredProperty:
    return StoredProperty(
        identifier=f"Marques2020_{study.name}-{name}",
        study=study.reference,
        data_set=study.data_set,
        property=property_name,
        n_neurons=study.n_neurons,
        edges=tuple(np.asarray(edges, float).tolist()),
        published_ceiling=published_ceiling,
        label=label,
        unit=unit,
        log_axis=log_axis,
    )


_RINGACH = _Study("Ringach2002", "Ringach, Shapley & Hawken 2002, J Neurosci 22:5639", "Ringach2002", 304)
_FREEMAN = _Study(
    "FreemanZiemba2013",
    "Freeman, Ziemba, Heeger, Simoncelli & Movshon 2013, Nat Neurosci 16:974",
    "FreemanZiemba2013_V1_properties",
    102,
)
_SHARE = np.linspace(0, 1, 11)
_EVOKED_RATE = np.logspace(-1, 3, 13)

STORED_PRIMATE_V1 = {
    row.identifier: row
    for row in (
        _row(_RINGACH, "circular_variance", "circular_variance", np.linspace(0, 1, 14), 0.959, "Circular variance"),
        _row(_RINGACH, "or_bandwidth", "bandwidth", np.linspace(0, 90, 18), 0.964, "Orientation bandwidth", "degrees"),
        _row(
            _RINGACH,
            "orth_pref_ratio",
            "orthogonal_preferred_ratio",
            np.linspace(0, 1, 14),
            0.962,
            "Orthogonal/preferred ratio",
        ),
        _row(_RINGACH, "or_selective", "orientation_selective", (0, 0.5, 1), 0.994, "Selective for orientation"),
        _row(
            _RINGACH,
            "cv_bandwidth_ratio",
            "circular_variance_bandwidth_ratio",
            np.logspace(-3, 0, 16),
            0.968,
            "Circular variance/bandwidth",
            "1/degree",
            log_axis=True,
        ),
        _row(
            _RINGACH,
            "opr_cv_diff",
            "orthogonal_preferred_ratio_circular_variance_difference",
            np.linspace(-1, 1, 20),
            0.967,
            "Orthogonal/preferred ratio − circular variance",
        ),
        # Its median is set by the map from the model's units to spikes/s; its shape is held out.
        _row(_RINGACH, "max_dc", "max_dc", np.logspace(0, 3, 10), 0.968, "Maximum rate", "spikes/s", log_axis=True),
        _row(_RINGACH, "modulation_ratio", "modulation_ratio", np.linspace(0, 2, 11), 0.959, "Modulation ratio F1/F0"),
        _row(
            _FREEMAN,
            "texture_modulation_index",
            "texture_modulation_index",
            np.linspace(-1, 1, 25),
            0.948,
            "Texture modulation index",
        ),
        _row(
            _FREEMAN,
            "abs_texture_modulation_index",
            "absolute_texture_modulation_index",
            np.linspace(0, 1, 13),
            0.958,
            "Absolute texture modulation index",
        ),
        _row(_FREEMAN, "texture_selectivity", "texture_selectivity", _SHARE, 0.940, "Selectivity for texture families"),
        _row(_FREEMAN, "texture_sparseness", "texture_sparseness", _SHARE, 0.935, "Sparseness over texture images"),
        _row(
            _FREEMAN,
            "texture_variance_ratio",
            "variance_ratio",
            np.logspace(-2, 1, 13),
            0.939,
            "Variance between/within texture families",
            log_axis=True,
        ),
        _row(
            _FREEMAN,
            "max_texture",
            "max_texture",
            _EVOKED_RATE,
            0.946,
            "Maximum response to texture",
            "spikes/s",
            log_axis=True,
        ),
        _row(
            _FREEMAN,
            "max_noise",
            "max_noise",
            _EVOKED_RATE,
            0.945,
            "Maximum response to noise",
            "spikes/s",
            log_axis=True,
        ),
    )
}

# All twenty-two V1 property benchmarks, those whose data are part of this package first.
V1_PROPERTY_ROWS: dict[str, PrimateHistogram | StoredProperty] = {**PRIMATE_V1, **STORED_PRIMATE_V1}
