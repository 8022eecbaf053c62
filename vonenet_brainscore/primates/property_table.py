"""The V1 properties of Brain-Score's twenty-two ``Marques2020`` benchmarks, one row each.

A row gives the measurement of a property, its stimuli, the neurons for comparison and the bins, which are Brain-Score's
(``data/marques2020`` of the installed package). The counts of fifteen properties are part of this package; each study
says who counted them. The neurons of the seven texture properties are in Brain-Score's storage. Their bins are included
so that a model's distribution can be shown without the data; a score uses the bins that come with the data.
"""

import numpy as np
from numpy.typing import ArrayLike

from ..models.suppression_counts import COUNTED, DIGITISED, SUPPRESSION
from ..tuning.grating_tuning import (
    peak_spatial_frequency,
    preferred_orientation,
    size_tuning,
    spatial_frequency_bandwidth,
)
from ..tuning.orientation_selectivity import orientation_selectivity
from ..tuning.texture_tuning import texture_tuning
from .v1_property import NO_OR_YES, Experiment, Study, V1Property

TEXTURE_STIMULI = "FreemanZiemba2013_properties"  # Brain-Score's stimulus set behind the texture properties

_PREFERRED_ORIENTATION = Experiment("orientation", preferred_orientation)
_PEAK_FREQUENCY = Experiment("spatial_frequency", peak_spatial_frequency)
_FREQUENCY_BANDWIDTH = Experiment("spatial_frequency", spatial_frequency_bandwidth)
_SIZE = Experiment("size", size_tuning)
_SELECTIVITY = Experiment("orientation", orientation_selectivity)
_TEXTURE = Experiment(TEXTURE_STIMULI, texture_tuning)

_DE_VALOIS_A = Study("De Valois, Yund & Hepler 1982, Vision Res 22:531", 385, "DeValois1982a", DIGITISED)
_DE_VALOIS_B = Study("De Valois, Albrecht & Thorell 1982, Vision Res 22:545", 363, "DeValois1982b", DIGITISED)
_SCHILLER = Study("Schiller, Finlay & Volman 1976, J Neurophysiol 39:1334", 87, "Schiller1976c", DIGITISED)
_SUPPRESSION = SUPPRESSION["cavanaugh2002"]  # from which surrounds of a VOneBlock can be sampled
_CAVANAUGH = Study(_SUPPRESSION.study, _SUPPRESSION.n, "Cavanaugh2002a", _SUPPRESSION.counted)
# Those of 308 neurons whose highest mean rate exceeds the spontaneous rate by more than 5 spikes/s. Values beyond the
# outermost bins count in these, and a bandwidth above 90 degrees is undefined, both as in Brain-Score's data set.
_RINGACH = Study("Ringach, Shapley & Hawken 2002, J Neurosci 22:5639", 304, "Ringach2002", COUNTED)
_FREEMAN = Study(
    "Freeman, Ziemba, Heeger, Simoncelli & Movshon 2013, Nat Neurosci 16:974", 102, "FreemanZiemba2013_V1_properties"
)


def _edges(values: ArrayLike) -> tuple[float, ...]:
    return tuple(np.asarray(values, float).tolist())


_DIAMETER = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # degrees
_SHARE = _edges(np.linspace(0, 1, 11))
_EVOKED_RATE = _edges(np.logspace(-1, 3, 13))  # spikes/s

_ROWS = (
    V1Property(
        "preferred_orientation",
        "Marques2020_DeValois1982-pref_or",
        "Preferred orientation",
        _PREFERRED_ORIENTATION,
        _DE_VALOIS_A,
        edges=(-22.5, 22.5, 67.5, 112.5, 157.5),
        counts=(110, 83, 100, 92),
        published_ceiling=0.962,
        unit="degrees",
        held_out=False,
    ),
    V1Property(
        "peak_spatial_frequency",
        "Marques2020_DeValois1982-peak_sf",
        "Peak spatial frequency",
        _PEAK_FREQUENCY,
        _DE_VALOIS_B,
        edges=(0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2, 16.0, 22.4),
        # Simple and complex, foveal and parafoveal cells; VOneBlocks are sampled from the foveal simple ones.
        counts=(3, 10, 15, 31, 57, 62, 67, 63, 31, 15, 5, 4),
        published_ceiling=0.967,
        unit="cycles/degree",
        held_out=False,
    ),
    V1Property(
        "spatial_frequency_selective",
        "Marques2020_Schiller1976-sf_selective",
        "Selective for spatial frequency",
        _FREQUENCY_BANDWIDTH,
        _SCHILLER,
        edges=NO_OR_YES,
        counts=(14, 73),
        published_ceiling=0.963,
    ),
    V1Property(
        "spatial_frequency_bandwidth",
        "Marques2020_Schiller1976-sf_bandwidth",
        "Spatial frequency bandwidth",
        _FREQUENCY_BANDWIDTH,
        _SCHILLER,  # of its cells 73 are selective: 30 simple, 43 complex
        edges=(0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0),
        counts=(0, 3, 4, 16, 22, 16, 9, 3, 0, 0),
        published_ceiling=0.933,
        unit="% low/high",
    ),
    V1Property(
        "grating_summation_field",
        "Marques2020_Cavanaugh2002-grating_summation_field",
        "Grating summation field",
        _SIZE,
        _CAVANAUGH,  # of its cells 148 are suppressed by more than 10 %
        edges=_DIAMETER,
        counts=(0, 9, 30, 55, 42, 10, 2, 0),
        published_ceiling=0.956,
        unit="degrees",
    ),
    V1Property(
        "surround_diameter",
        "Marques2020_Cavanaugh2002-surround_diameter",
        "Surround diameter",
        _SIZE,
        _CAVANAUGH,  # of its cells 148 are suppressed by more than 10 %
        edges=_DIAMETER,
        counts=(0, 0, 2, 20, 33, 49, 40, 4),
        published_ceiling=0.955,
        unit="degrees",
    ),
    V1Property(
        "surround_suppression_index",
        "Marques2020_Cavanaugh2002-surround_suppression_index",
        "Surround suppression index",
        _SIZE,
        _CAVANAUGH,
        edges=_SUPPRESSION.edges,
        counts=_SUPPRESSION.counts,
        published_ceiling=0.958,
    ),
    V1Property(
        "circular_variance",
        "Marques2020_Ringach2002-circular_variance",
        "Circular variance",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.linspace(0, 1, 14)),
        counts=(4, 21, 26, 17, 24, 20, 24, 22, 31, 33, 34, 36, 12),
        published_ceiling=0.959,
    ),
    V1Property(
        "bandwidth",
        "Marques2020_Ringach2002-or_bandwidth",
        "Orientation bandwidth",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.linspace(0, 90, 18)),
        counts=(0, 0, 27, 90, 68, 40, 30, 12, 10, 4, 8, 2, 4, 2, 0, 1, 0),
        published_ceiling=0.964,
        unit="degrees",
    ),
    V1Property(
        "orthogonal_preferred_ratio",
        "Marques2020_Ringach2002-orth_pref_ratio",
        "Orthogonal/preferred ratio",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.linspace(0, 1, 14)),
        counts=(114, 26, 22, 25, 23, 23, 21, 16, 12, 10, 8, 3, 1),
        published_ceiling=0.962,
    ),
    V1Property(
        "orientation_selective",
        "Marques2020_Ringach2002-or_selective",
        "Selective for orientation",
        _SELECTIVITY,
        _RINGACH,
        edges=NO_OR_YES,
        counts=(6, 298),
        published_ceiling=0.994,
    ),
    V1Property(
        "circular_variance_bandwidth_ratio",
        "Marques2020_Ringach2002-cv_bandwidth_ratio",
        "Circular variance/bandwidth",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.logspace(-3, 0, 16)),
        counts=(0, 0, 2, 8, 24, 62, 119, 70, 12, 1, 0, 0, 0, 0, 0),
        published_ceiling=0.968,
        unit="1/degree",
    ),
    V1Property(
        "orthogonal_preferred_ratio_circular_variance_difference",
        "Marques2020_Ringach2002-opr_cv_diff",
        "Orthogonal/preferred ratio − circular variance",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.linspace(-1, 1, 20)),
        counts=(0, 0, 0, 2, 21, 71, 93, 65, 46, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        published_ceiling=0.967,
    ),
    V1Property(
        "max_dc",
        "Marques2020_Ringach2002-max_dc",
        "Maximum rate",
        _SELECTIVITY,  # the map from a model's units to spikes/s sets its median; its shape is held out
        _RINGACH,
        edges=_edges(np.logspace(0, 3, 10)),
        counts=(0, 0, 23, 66, 114, 82, 16, 3, 0),
        published_ceiling=0.968,
        unit="spikes/s",
    ),
    V1Property(
        "modulation_ratio",
        "Marques2020_Ringach2002-modulation_ratio",
        "Modulation ratio F1/F0",
        _SELECTIVITY,
        _RINGACH,
        edges=_edges(np.linspace(0, 2, 11)),
        counts=(70, 47, 38, 17, 11, 11, 17, 39, 39, 15),
        published_ceiling=0.959,
    ),
    V1Property(
        "texture_modulation_index",
        "Marques2020_FreemanZiemba2013-texture_modulation_index",
        "Texture modulation index",
        _TEXTURE,
        _FREEMAN,
        edges=_edges(np.linspace(-1, 1, 25)),
        published_ceiling=0.948,
    ),
    V1Property(
        "absolute_texture_modulation_index",
        "Marques2020_FreemanZiemba2013-abs_texture_modulation_index",
        "Absolute texture modulation index",
        _TEXTURE,
        _FREEMAN,
        edges=_edges(np.linspace(0, 1, 13)),
        published_ceiling=0.958,
    ),
    V1Property(
        "texture_selectivity",
        "Marques2020_FreemanZiemba2013-texture_selectivity",
        "Selectivity for texture families",
        _TEXTURE,
        _FREEMAN,
        edges=_SHARE,
        published_ceiling=0.940,
    ),
    V1Property(
        "texture_sparseness",
        "Marques2020_FreemanZiemba2013-texture_sparseness",
        "Sparseness over texture images",
        _TEXTURE,
        _FREEMAN,
        edges=_SHARE,
        published_ceiling=0.935,
    ),
    V1Property(
        "variance_ratio",
        "Marques2020_FreemanZiemba2013-texture_variance_ratio",
        "Variance between/within texture families",
        _TEXTURE,
        _FREEMAN,
        edges=_edges(np.logspace(-2, 1, 13)),
        published_ceiling=0.939,
    ),
    V1Property(
        "max_texture",
        "Marques2020_FreemanZiemba2013-max_texture",
        "Maximum response to texture",
        _TEXTURE,
        _FREEMAN,
        edges=_EVOKED_RATE,
        published_ceiling=0.946,
        unit="spikes/s",
    ),
    V1Property(
        "max_noise",
        "Marques2020_FreemanZiemba2013-max_noise",
        "Maximum response to noise",
        _TEXTURE,
        _FREEMAN,
        edges=_EVOKED_RATE,
        published_ceiling=0.945,
        unit="spikes/s",
    ),
)

V1_PROPERTIES = {row.name: row for row in _ROWS}
V1_BENCHMARKS = {row.benchmark: row for row in _ROWS}
