"""In silico physiology of any layer: `v1_properties` and `tuning_curves`."""

import warnings
from collections.abc import Sequence
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from xarray import Dataset

    from .tuning.grating_experiments import GratingExperiments

_REGION = "V1"


def v1_properties(
    model: Any,
    layer: str | None = None,
    *,
    properties: Sequence[str] | None = None,
    extra: bool = False,
    curves: bool = False,
    trials: int | None = None,
    noise: str = "model",
    seed: int = 0,
    device: "str | torch.device | None" = None,
    progress: bool = True,
) -> "Dataset":
    """V1 properties, of Marques et al. 2021 and beyond, of neuroids with a receptive field at the probed position.

    No primate data are needed. Receptive fields are mapped without noise.

    Parameters
    ----------
    model : str, nn.Module or BrainModel
        As for `score_model`.
    layer : str, optional
        Layer to measure in place of the model's V1: any layer of a named model or network.
    properties : sequence of str, optional
        Of ``primates.property_table.V1_PROPERTIES`` and ``primates.extra_properties.EXTRA_PROPERTIES``. By default
        all of the first that can be measured here: those on gratings, which are drawn, and the seven on textures if
        Brain-Score's stimuli are on this machine.
    extra : bool
        Also those that no benchmark has: contrast response, plaids, surrounds, size by contrast, receptive-field size
        and, of a VOneBlock with its noise on, Fano factors. Each neuroid is shown variants of its best
        grating, about 20,000 presentations in total.
    curves : bool
        Also the tuning curves of the experiments: all of `tuning_curves` but contrast.
    trials : int, optional
        Number of noise draws to average, in place of 20.
    noise : {'model', 'none'}
    seed : int
        Of the noise.
    device : str or torch.device, optional
    progress : bool

    Returns
    -------
    Dataset
        ``value`` (neuroid, property), NaN where a property is undefined, and ``responsive`` (neuroid, property):
        whether the neuroid fires strongly enough in the property's experiment to be compared with recorded neurons.
        With each property, its `benchmark` ('' where there is none), `label`, `unit`, what is `published` of macaque V1
        (its source, or a summary), and over its responsive neuroids `n_responsive` and
        `n_undefined`; with each neuroid, what is known of it (a VOneBlock's Gabor as `gabor_orientation` and so on) and
        its measured receptive field; ``attrs`` say how it was recorded and which properties were `not_measured`.

    Raises
    ------
    ValueError
        For an unknown model, layer or property, if a property asked for by name is one that the layer cannot have,
        if no neuroid is at the probed position, or if none of them responds more to gratings than to the blank; says
        how many there are.
    MissingDataError
        If a texture property is asked for by name and the stimuli are unavailable.

    Warns
    -----
    UserWarning
        If a property is undefined for every responsive neuroid, or none responds.

    Examples
    --------
    >>> from vonenet_brainscore import get_model, v1_properties
    >>> front_end = get_model(None, simple_channels=8, complex_channels=8)
    >>> measured = v1_properties(front_end, properties=["circular_variance"], noise="none", progress=False)
    >>> 0 < float(measured["value"].median()) < 1
    True
    """
    import xarray as xr

    from .tuning.tuning_curves import neuroid_coordinates_of, tuning_curves_of

    known = _known_properties()
    names, absent = _chosen_properties(properties, extra)
    experiments = _probe(model, layer, trials=trials, noise=noise, seed=seed, device=device, progress=progress)
    for name in names:
        reason = _why_unavailable(known[name], experiments)
        if reason and properties is not None:
            raise ValueError(f"{name}: {reason}")
        if reason:
            absent[name] = reason
    rows = [known[name] for name in names if name not in absent]
    names = [row.name for row in rows]
    tables = {how: _measured(experiments, how) for how in dict.fromkeys(row.experiment for row in rows)}
    value = np.stack([tables[row.experiment][row.name].to_numpy(float) for row in rows], axis=1)
    responsive = np.stack([tables[row.experiment]["responsive"].to_numpy(bool) for row in rows], axis=1)
    undefined = (np.isnan(value) & responsive).sum(axis=0)
    _warn_of_nothing(names, np.isfinite(value) & responsive, responsive)

    everyone = np.arange(len(value))
    dataset = xr.Dataset(
        {"value": (("neuroid", "property"), value), "responsive": (("neuroid", "property"), responsive)},
        coords={
            "property": names,
            "benchmark": ("property", [row.benchmark for row in rows]),
            "label": ("property", [row.label for row in rows]),
            "unit": ("property", [row.unit for row in rows]),
            "published": ("property", [row.data_source for row in rows]),
            "n_responsive": ("property", responsive.sum(axis=0)),
            "n_undefined": ("property", undefined),
            **neuroid_coordinates_of(experiments, everyone),
        },
        attrs=_record(experiments, seed),
    )
    if absent:
        reasons = {why: [name for name in absent if absent[name] == why] for why in absent.values()}
        dataset.attrs["not_measured"] = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    if curves:
        dataset = dataset.merge(tuning_curves_of(experiments))
    return dataset


def tuning_curves(
    model: Any,
    units: Sequence[int] | None = None,
    layer: str | None = None,
    *,
    trials: int | None = None,
    noise: str = "model",
    seed: int = 0,
    device: "str | torch.device | None" = None,
    progress: bool = True,
) -> "Dataset":
    """Tuning curves in spikes/s, of neuroids whose receptive field is at the probed position.

    Parameters
    ----------
    model, layer, trials, noise, seed, device, progress
        As for `v1_properties`.
    units : sequence of int, optional
        Positions on the `neuroid` axis of `v1_properties` of the same model, layer and seed. By default all, which
        takes many minutes for contrast curves of thousands of units, because nearly every unit has its own best
        grating.

    Returns
    -------
    Dataset
        As `tuning.tuning_curves.tuning_curves_of`, with ``contrast_tuning`` (neuroid, contrast).

    Raises
    ------
    ValueError
        As `v1_properties`, or for a unit that does not exist.
    """
    from .tuning.tuning_curves import contrast_tuning, tuning_curves_of

    experiments = _probe(model, layer, trials=trials, noise=noise, seed=seed, device=device, progress=progress)
    each_trial = units is not None and experiments.trials > 1
    curves = contrast_tuning(experiments, tuning_curves_of(experiments, units, trials=each_trial))
    return curves.assign_attrs(_record(experiments, seed))


def _probe(model: Any, layer: str | None, **settings: Any) -> "GratingExperiments":
    from .recordings.loading import load_subject
    from .tuning.grating_experiments import GratingExperiments

    regions = None if layer is None else {_REGION: layer}
    return GratingExperiments(load_subject(model, region_layer_map=regions, **settings), _REGION)


def _known_properties() -> dict[str, Any]:
    from .primates.extra_properties import EXTRA_PROPERTIES
    from .primates.property_table import V1_PROPERTIES

    return {**V1_PROPERTIES, **EXTRA_PROPERTIES}


def _why_unavailable(row: Any, experiments: "GratingExperiments") -> str:
    """Why a property cannot be measured in the recorded layer; '' if it can. No stimulus is shown."""
    requirement = getattr(row, "requirement", None)
    try:
        if requirement is not None:
            requirement(experiments)
    except ValueError as error:
        return str(error)
    return ""


def _measured(experiments: "GratingExperiments", how: Any) -> Any:
    """The table of an experiment of either kind of property."""
    from .benchmarks.v1_properties import measured

    return how(experiments) if callable(how) else measured(experiments, how)


def _chosen_properties(asked: Sequence[str] | None, extra: bool) -> tuple[list[str], dict[str, str]]:
    """The properties to measure, and why others are omitted (by default, because their stimuli are unavailable)."""
    from .benchmarks.storage import data_status
    from .primates.property_table import TEXTURE_STIMULI, V1_PROPERTIES

    known = _known_properties()
    if asked is not None:
        if isinstance(asked, str) or not isinstance(asked, Sequence):
            raise TypeError(f"properties are a list of names, not {shortened(asked)}")
        for name in asked:
            if name not in known:
                raise ValueError(f"unknown property {name!r}; have {', '.join(known)}")
        if not asked or len(set(asked)) < len(asked):
            raise ValueError(f"properties are one or more names, each once, not {list(asked)}")
        return list(asked), {}
    names = list(known) if extra else list(V1_PROPERTIES)
    if all(state == "verified" for state in data_status(TEXTURE_STIMULI).values()):
        return names, {}
    missing = f"stimuli {TEXTURE_STIMULI} are not on this machine"
    on_textures = {name: missing for name, row in V1_PROPERTIES.items() if row.experiment.stimuli == TEXTURE_STIMULI}
    return names, on_textures


def _warn_of_nothing(names: list[str], defined: np.ndarray, responsive: np.ndarray) -> None:
    """Both (neuroid, property)."""
    for name, n_defined, n_responsive in zip(names, defined.sum(axis=0), responsive.sum(axis=0), strict=True):
        if n_defined == 0:
            warnings.warn(
                f"{name} has no finite value: of {len(defined)} probed neuroids {n_responsive} respond, and it is "
                f"undefined for {'all of them' if n_responsive else 'want of any'}",
                stacklevel=3,
            )


def _record(experiments: "GratingExperiments", seed: int) -> dict[str, Any]:
    from .provenance import recording_settings
    from .recordings.subject import Subject
    from .tuning.grating_experiments import TRIALS

    subject = experiments.subject
    settings = recording_settings(subject, _REGION, TRIALS) if isinstance(subject, Subject) else {}
    return {"model": subject.identifier, "seed": seed, **settings}
