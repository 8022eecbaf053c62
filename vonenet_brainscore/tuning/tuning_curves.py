"""Tuning curves of the probed neuroids, in spikes/s: orientation, spatial frequency, size, phase and contrast."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..stimuli.gratings import PROBED_POSITION, grating_parameters
from .grating_experiments import GratingExperiments
from .grating_responses import TUNING_AXES, first_harmonic, rates_by_axis, strongest_response

if TYPE_CHECKING:
    from xarray import Dataset

# Octaves up to the full contrast of the other experiments; ours, as Marques et al. 2021 have no contrast experiment.
CONTRASTS = np.logspace(-5, 0, 6, base=2)
_PHASES_DEG = np.arange(0, 360, 45)  # those of the other experiments


def tuning_curves_of(experiments: GratingExperiments, units: Sequence[int] | None = None) -> "Dataset":
    """Mean rates over phase along each axis of the grating experiments, and rates over phase at the best grating.

    Each curve goes through the unit's strongest mean rate in the experiment of its axis: orientation and phase in the
    orientation set, spatial frequency and diameter in the sets of those names.

    Parameters
    ----------
    experiments : GratingExperiments
    units : sequence of int, optional
        Positions among ``experiments.neuroids``; all of them by default.

    Returns
    -------
    Dataset
        ``orientation_tuning`` (neuroid, orientation), ``spatial_frequency_tuning`` (neuroid, spatial_frequency),
        ``size_tuning`` (neuroid, diameter) and ``phase_tuning`` (neuroid, phase), in spikes/s, baseline included;
        (neuroid,) ``baseline``, the rate at the blank, ``f0`` and ``f1``, mean and first harmonic of `phase_tuning`,
        and ``modulation_ratio`` F1/F0, NaN for a unit that never fires; and the unit's best grating,
        ``best_orientation``, ``best_spatial_frequency`` and ``best_diameter``. Every variable has its ``units``.

    Raises
    ------
    ValueError
        If a unit is not among the probed ones, or nothing can be measured (`GratingExperiments.neuroids`, `affine`).
    """
    import xarray as xr

    chosen = _checked_units(experiments, units)
    orientation, place = _curves(experiments, "orientation", TUNING_AXES[1:], chosen)
    frequency, _ = _curves(experiments, "spatial_frequency", TUNING_AXES, chosen)
    size, _ = _curves(experiments, "radius", TUNING_AXES, chosen)
    by_phase = _rates_by_phase(experiments, "orientation", TUNING_AXES[1:], chosen)[0]
    phase = pd.DataFrame(by_phase[(np.arange(len(chosen)), *place)], columns=_levels("orientation", "phase"))
    size.columns = 2 * size.columns

    f0, f1 = phase.to_numpy().mean(axis=1), first_harmonic(phase.to_numpy())
    variables: dict[str, tuple] = {}
    for name, dimension, curve in (
        ("orientation_tuning", "orientation", orientation),
        ("spatial_frequency_tuning", "spatial_frequency", frequency),
        ("size_tuning", "diameter", size),
        ("phase_tuning", "phase", phase),
    ):
        variables[name] = (("neuroid", dimension), curve.to_numpy(), {"units": "spikes/s"})
    for name, values, unit in (
        ("baseline", experiments.rates("blank")[chosen, 0], "spikes/s"),
        ("f0", f0, "spikes/s"),
        ("f1", f1, "spikes/s"),
        ("modulation_ratio", f1 / np.where(f0 > 0, f0, np.nan), "1"),
        ("best_orientation", _best(orientation), "degrees"),
        ("best_spatial_frequency", _best(frequency), "cycles/degree"),
        ("best_diameter", _best(size), "degrees"),
    ):
        variables[name] = ("neuroid", values, {"units": unit})
    axes = {
        "orientation": ("orientation", orientation.columns.to_numpy(), {"units": "degrees"}),
        "spatial_frequency": ("spatial_frequency", frequency.columns.to_numpy(), {"units": "cycles/degree"}),
        "diameter": ("diameter", size.columns.to_numpy(), {"units": "degrees"}),
        "phase": ("phase", phase.columns.to_numpy(), {"units": "degrees"}),
    }
    return xr.Dataset(variables, coords=axes | neuroid_coordinates_of(experiments, chosen))


def contrast_tuning(experiments: GratingExperiments, curves: "Dataset") -> "Dataset":
    """The curves with ``contrast_tuning`` (neuroid, contrast): mean rates over phase to each unit's best grating.

    Gratings of 1/32 to full contrast in octaves and of 8 phases, of the unit's best orientation, spatial frequency and
    diameter, centred on the probed position. Units with the same best grating share its presentations.

    Parameters
    ----------
    experiments : GratingExperiments
    curves : Dataset
        Of `tuning_curves_of`.
    """
    best = curves[["best_orientation", "best_spatial_frequency", "best_diameter"]].to_array().values.T  # (neuroid, 3)
    gratings, of_unit = np.unique(best, axis=0, return_inverse=True)
    presentations = [
        (*PROBED_POSITION, contrast, diameter / 2, frequency, orientation, phase)
        for orientation, frequency, diameter in gratings
        for contrast in CONTRASTS
        for phase in _PHASES_DEG
    ]
    parameters = pd.DataFrame(presentations, columns=list(grating_parameters("size")), dtype=float)
    rates = experiments.rates_to_gratings(parameters, "contrast")[curves["neuroid"].values]  # (neuroid, presentation)
    by_grating = rates.reshape(len(rates), len(gratings), len(CONTRASTS), len(_PHASES_DEG)).mean(axis=-1)
    curve = by_grating[np.arange(len(rates)), of_unit.ravel()]
    return curves.assign_coords(contrast=CONTRASTS).assign(
        contrast_tuning=(("neuroid", "contrast"), curve, {"units": "spikes/s"})
    )


def neuroid_coordinates_of(experiments: GratingExperiments, chosen: np.ndarray) -> dict[str, tuple]:
    """What is known of the probed neuroids, for an xarray object of dimension `neuroid`.

    `neuroid` itself is a unit's position among them. The parameters of its Gabor are `gabor_orientation` and so on,
    apart from the axes of its tuning curves.
    """
    table = experiments.neuroids.iloc[chosen]
    gabor = {name: f"gabor_{name}" for name in ("orientation", "spatial_frequency", "phase")}
    columns = {gabor.get(name, name): ("neuroid", table[name].to_numpy()) for name in table}
    return {"neuroid": ("neuroid", chosen), **columns}


def _checked_units(experiments: GratingExperiments, units: Sequence[int] | None) -> np.ndarray:
    count = len(experiments.neuroids)
    if units is None:
        return np.arange(count)
    try:
        chosen = np.asarray(units)
    except ValueError:  # lists of several lengths
        chosen = np.empty(0)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError(f"units are one or more positions among the {count} probed neuroids, not {units!r}")
    beyond = chosen[(chosen < 0) | (chosen >= count)]
    if len(beyond):
        raise ValueError(f"no unit {beyond[0]}: {count} neuroids are at the probed position, numbered from 0")
    return chosen


def _levels(name: str, axis: str) -> np.ndarray:
    return np.unique(grating_parameters(name)[axis])


def _rates_by_phase(
    experiments: GratingExperiments, name: str, axes: Sequence[str], chosen: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rates (neuroid, slower, *axes) to a grating set, and the levels of the axes."""
    rates, baseline = experiments.rates(name)[chosen], experiments.rates("blank")[chosen, 0]
    by_phase, _, levels = rates_by_axis(rates, baseline, grating_parameters(name), axes)
    return by_phase, levels


def _curves(
    experiments: GratingExperiments, axis: str, axes: Sequence[str], chosen: np.ndarray
) -> tuple[pd.DataFrame, tuple[np.ndarray, ...]]:
    """Mean rates (neuroid, level) along an axis, through the strongest one, and where that is."""
    by_phase, levels = _rates_by_phase(experiments, "size" if axis == "radius" else axis, axes, chosen)
    mean_rate = by_phase.mean(axis=-1)  # (neuroid, slower, *axes but phase)
    _, place = strongest_response(mean_rate)
    along = 1 + list(axes).index(axis)  # its place in `place`, which begins with `slower`
    others = (np.arange(len(mean_rate)), *place[:along], *place[along + 1 :])
    return pd.DataFrame(np.moveaxis(mean_rate, 1 + along, -1)[others], columns=levels[axis]), place


def _best(curve: pd.DataFrame) -> np.ndarray:
    return curve.columns.to_numpy()[curve.to_numpy().argmax(axis=1)]
