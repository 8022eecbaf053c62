"""Tuning curves of the probed neuroids, in spikes/s: orientation, spatial frequency, size, phase and contrast."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class _Kind(NamedTuple):
    dimension: str
    unit: str
    grating_set: str
    axis: str  # of the set


CURVES = {
    "orientation_tuning": _Kind("orientation", "degrees", "orientation", "orientation"),
    "spatial_frequency_tuning": _Kind("spatial_frequency", "cycles/degree", "spatial_frequency", "spatial_frequency"),
    "size_tuning": _Kind("diameter", "degrees", "size", "radius"),
    "phase_tuning": _Kind("phase", "degrees", "orientation", "phase"),
}


class _Curve(NamedTuple):
    rates: np.ndarray  # (neuroid, level), mean over phase
    levels: np.ndarray
    presentations: np.ndarray  # (neuroid, level, phase): rows of the grating set


def tuning_curves_of(
    experiments: GratingExperiments, units: Sequence[int] | None = None, *, trials: bool = False
) -> "Dataset":
    """Mean rates over phase along each axis of the grating experiments, and rates over phase at the best grating.

    Each curve goes through the unit's strongest mean rate in the experiment of its axis: orientation and phase in the
    orientation set, spatial frequency and diameter in the sets of those names.

    Parameters
    ----------
    experiments : GratingExperiments
    units : sequence of int, optional
        Positions among ``experiments.neuroids``; all of them by default.
    trials : bool
        Also every trial's curve. The gratings on the curves are shown once more, with the same noise draws.

    Returns
    -------
    Dataset
        ``orientation_tuning`` (neuroid, orientation), ``spatial_frequency_tuning`` (neuroid, spatial_frequency),
        ``size_tuning`` (neuroid, diameter) and ``phase_tuning`` (neuroid, phase), in spikes/s, baseline included;
        (neuroid,) ``baseline``, the rate at the blank, ``f0`` and ``f1``, mean and first harmonic of `phase_tuning`,
        and ``modulation_ratio`` F1/F0, NaN for a unit that never fires; and the unit's best grating,
        ``best_orientation``, ``best_spatial_frequency`` and ``best_diameter``. With `trials`, for each curve
        ``<curve>_trials`` (neuroid, level, trial), their mean ``<curve>_mean`` (neuroid, level), and
        ``<curve>_half_width`` (neuroid, level), half the 95 % interval of this mean (`half_width_of_mean`). The mean
        is above ``<curve>``, the rate of the mean response, where single trials are rectified at 0 spikes/s. Every
        variable has its ``units``.

    Raises
    ------
    ValueError
        If a unit is not among the probed ones, or nothing can be measured (`GratingExperiments.neuroids`, `affine`).
    """
    import xarray as xr

    chosen = checked_units(experiments, units)
    curves = {name: _curve(experiments, kind, chosen) for name, kind in CURVES.items()}
    phase = curves["phase_tuning"].rates
    f0, f1 = phase.mean(axis=1), first_harmonic(phase)
    variables: dict[str, tuple] = {
        name: (("neuroid", CURVES[name].dimension), curve.rates, {"units": "spikes/s"})
        for name, curve in curves.items()
    }
    if trials:
        variables |= _trial_variables(experiments, curves, chosen)
    for name, values, unit in (
        ("baseline", experiments.rates("blank")[chosen, 0], "spikes/s"),
        ("f0", f0, "spikes/s"),
        ("f1", f1, "spikes/s"),
        ("modulation_ratio", f1 / np.where(f0 > 0, f0, np.nan), "1"),
        ("best_orientation", _best(curves["orientation_tuning"]), "degrees"),
        ("best_spatial_frequency", _best(curves["spatial_frequency_tuning"]), "cycles/degree"),
        ("best_diameter", _best(curves["size_tuning"]), "degrees"),
    ):
        variables[name] = ("neuroid", values, {"units": unit})
    axes = {
        kind.dimension: (kind.dimension, curves[name].levels, {"units": kind.unit}) for name, kind in CURVES.items()
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
        Of `tuning_curves_of`; where it has trials, so has what is added.
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
    shape = (len(gratings), len(CONTRASTS), len(_PHASES_DEG))
    chosen = curves["neuroid"].values
    own = (np.arange(len(chosen)), of_unit.ravel())
    rates = experiments.rates_to_gratings(parameters, "contrast")[chosen]  # (neuroid, presentation)
    by_contrast = rates.reshape(len(chosen), *shape)[own].mean(axis=-1)
    variables: dict[str, tuple] = {"contrast_tuning": (("neuroid", "contrast"), by_contrast, {"units": "spikes/s"})}
    if "trial" in curves.dims:
        by_trial = experiments.trial_rates(parameters, "contrast trials", chosen)  # (neuroid, presentation, trial)
        by_trial = by_trial.reshape(len(chosen), *shape, -1)[own].mean(axis=-2)  # (neuroid, contrast, trial)
        variables |= _of_trials("contrast_tuning", "contrast", by_trial)
    return curves.assign_coords(contrast=CONTRASTS).assign(variables)


def half_width_of_mean(by_trial: np.ndarray) -> np.ndarray:
    """Half the 95 % interval of a mean over trials, the last axis: ``t s / sqrt(n)`` with Student's .975 quantile.

    NaN where there is one trial.
    """
    from scipy.stats import t

    count = by_trial.shape[-1]
    if count < 2:
        return np.full(by_trial.shape[:-1], np.nan)
    return by_trial.std(axis=-1, ddof=1) / np.sqrt(count) * t.ppf(0.975, count - 1)


def _trial_variables(
    experiments: GratingExperiments, curves: dict[str, _Curve], chosen: np.ndarray
) -> dict[str, tuple]:
    variables: dict[str, tuple] = {}
    for grating_set in dict.fromkeys(kind.grating_set for kind in CURVES.values()):
        names = [name for name, kind in CURVES.items() if kind.grating_set == grating_set]
        shown = np.unique(np.concatenate([curves[name].presentations.ravel() for name in names]))
        parameters = grating_parameters(grating_set).iloc[shown]
        doing = f"{grating_set.replace('_', ' ')} trials"
        by_trial = experiments.trial_rates(parameters, doing, chosen)  # (neuroid, presentation, trial)
        for name in names:
            place = np.searchsorted(shown, curves[name].presentations)  # (neuroid, level, phase)
            own = by_trial[np.arange(len(chosen))[:, None, None], place]  # (neuroid, level, phase, trial)
            variables |= _of_trials(name, CURVES[name].dimension, own.mean(axis=2))
    return variables


def _of_trials(name: str, dimension: str, by_trial: np.ndarray) -> dict[str, tuple]:
    unit = {"units": "spikes/s"}
    return {
        f"{name}_trials": (("neuroid", dimension, "trial"), by_trial, unit),
        f"{name}_mean": (("neuroid", dimension), by_trial.mean(axis=-1), unit),
        f"{name}_half_width": (("neuroid", dimension), half_width_of_mean(by_trial), unit),
    }


def neuroid_coordinates_of(experiments: GratingExperiments, chosen: np.ndarray) -> dict[str, tuple]:
    """What is known of the probed neuroids, for an xarray object of dimension `neuroid`.

    `neuroid` itself is a unit's position among them. The parameters of its Gabor are `gabor_orientation` and so on,
    apart from the axes of its tuning curves.
    """
    table = experiments.neuroids.iloc[chosen]
    gabor = {name: f"gabor_{name}" for name in ("orientation", "spatial_frequency", "phase")}
    columns = {gabor.get(name, name): ("neuroid", table[name].to_numpy()) for name in table}
    return {"neuroid": ("neuroid", chosen), **columns}


def checked_units(experiments: GratingExperiments, units: Sequence[int] | None) -> np.ndarray:
    """Positions of the chosen units among the probed neuroids, all by default; ValueError for what is none."""
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


def _curve(experiments: GratingExperiments, kind: _Kind, chosen: np.ndarray) -> _Curve:
    """The curve along an axis through each unit's strongest mean rate over phase in a grating set."""
    axes = TUNING_AXES[1:] if kind.grating_set == "orientation" else TUNING_AXES
    parameters = grating_parameters(kind.grating_set)
    rates, baseline = experiments.rates(kind.grating_set)[chosen], experiments.rates("blank")[chosen, 0]
    by_phase, _, levels = rates_by_axis(rates, baseline, parameters, axes)  # (neuroid, slower, *axes), phase last
    presentation = np.arange(len(parameters)).reshape(by_phase.shape[1:])
    mean_rate = by_phase.mean(axis=-1)
    _, place = strongest_response(mean_rate)  # of each unit, beginning with `slower`
    units = np.arange(len(chosen))
    if kind.axis == "phase":
        return _Curve(by_phase[(units, *place)], levels["phase"], presentation[place][..., None])
    along = 1 + list(axes).index(kind.axis)
    others = (*place[:along], *place[along + 1 :])
    return _Curve(
        np.moveaxis(mean_rate, 1 + along, -1)[(units, *others)],
        (2 if kind.axis == "radius" else 1) * levels[kind.axis],
        np.moveaxis(presentation, along, -2)[others],
    )


def _best(curve: _Curve) -> np.ndarray:
    return curve.levels[curve.rates.argmax(axis=1)]
