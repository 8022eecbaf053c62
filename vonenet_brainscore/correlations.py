"""Correlations between a model's neuroids over trials: `noise_correlations`."""

import warnings
from collections.abc import Sequence
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from xarray import Dataset


def noise_correlations(
    model: Any,
    units: Sequence[int],
    stimuli: Any,
    trials: int = 50,
    *,
    layer: str | None = None,
    seed: int = 0,
    device: "str | torch.device | None" = None,
    progress: bool = True,
) -> "Dataset":
    """Noise and signal correlations between neuroids over trials of images.

    Parameters
    ----------
    model, layer, seed, device, progress
        As for `v1_properties`; a model without noise has none.
    units : sequence of int
        Numbers of the layer's neuroids, as `neuroid_num` of `record`; each once.
    stimuli : folder, sequence of images, or StimulusSet
        As for `record`.
    trials : int
        Noise draws for each image, at least 2.

    Returns
    -------
    Dataset
        ``noise_correlation`` and ``signal_correlation`` (neuroid, other_neuroid), as
        `tuning.variability.correlations` defines them; their means over pairs, and how it was recorded, in ``attrs``.

    Raises
    ------
    ValueError
        For neuroids that do not exist, fewer than two neuroids or trials, or a model without noise.
    TypeError
        For a `BrainModel`, for which Brain-Score returns only the mean over trials.
    """
    import xarray as xr

    from .arguments import check_whole
    from .provenance import recording_settings
    from .recordings.assemblies import presentation_coordinates
    from .recordings.loading import load_subject
    from .recordings.subject import Subject
    from .tuning.variability import correlations

    check_whole(trials=trials)
    regions = None if layer is None else {"V1": layer}
    # One image at a time: the trials of a batch of eight would fill gigabytes.
    subject = load_subject(model, seed=seed, region_layer_map=regions, device=device, batch_size=1, progress=progress)
    if not isinstance(subject, Subject):
        raise TypeError(f"noise_correlations takes a named model or a network, not {type(subject).__name__}")
    subject.start_recording("V1")
    if not subject.extractor.is_noisy or trials < 2:
        raise ValueError(
            f"{subject.identifier} is shown in {trials} trials and has {'' if subject.extractor.is_noisy else 'no '}"
            "noise; noise correlations take two or more trials that differ"
        )
    count, chosen = subject.count_features(), np.asarray(units)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or len(set(chosen.tolist())) < max(len(chosen), 2):
        raise ValueError(f"units are two or more numbers, each once, not {shortened(units)}")
    if chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"no unit {chosen[(chosen < 0) | (chosen >= count)][0]}: {subject.layer} has {count}, from 0")
    images = presentation_coordinates(stimuli)[1]
    responses = np.empty((len(chosen), len(images), trials))
    for rows, part in subject.stream_recording(images, trials, average=False):
        responses[:, rows] = part[..., chosen].transpose(2, 0, 1)
    noise, signal = correlations(responses)
    dims = ("neuroid", "other_neuroid")
    pairs = np.triu_indices(len(chosen), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no pair is defined, its mean is NaN
        means = {
            f"mean_{name}_correlation": float(np.nanmean(values[pairs]))
            for name, values in (("noise", noise), ("signal", signal))
        }
    return xr.Dataset(
        {"noise_correlation": (dims, noise), "signal_correlation": (dims, signal)},
        coords={"neuroid": chosen, "other_neuroid": chosen},
        attrs={
            "model": subject.identifier,
            "seed": seed,
            "stimuli": len(images),
            **means,
            **recording_settings(subject, "V1", trials),
        },
    )
