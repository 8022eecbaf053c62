"""Your own images and responses as a Brain-Score `NeuralBenchmark`."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..arguments import check_real, check_seed, check_text, check_whole, nearest_names
from .comparisons import GEOMETRIES, METRICS, check_splits, geometry_benchmark, load_metric
from .noise_ceiling import no_ceiling, repetition_ceiling
from .nwb_files import TIME_BIN
from .pairing import paired
from .response_files import check_time_bin

VISUAL_DEGREES = 8  # default if the width of images is not stated; Brain-Score's default of a model's visual field
SPLIT_SEED = 1  # Brain-Score's own


def neural_benchmark(
    identifier: str,
    stimuli: Any,
    responses: Any,
    region: str = "V1",
    visual_degrees: float | None = None,
    metric: str = "pls",
    *,
    number_of_trials: int | None = None,
    time_bin: tuple[float, float] | None = None,
    stratify: str | None = None,
    splits: int = 10,
    split_seed: int = SPLIT_SEED,
    variable: str | None = None,
    axes: Any = None,
    region_in_file: str | None = None,
) -> Any:
    """A Brain-Score `NeuralBenchmark` from images and the responses recorded to them.

    The score is ``r^2 / ceiling``, r the median over neurons of the cross-validated correlation between recorded and
    predicted responses, the mean over splits. With repetitions the ceiling is `noise_ceiling.repetition_ceiling`.
    Without, none is claimed: the score is r^2 itself, and ``benchmark.ceiling.attrs['claimed']`` is False.

    Responses that name their stimuli are matched to images by name: a stimulus's id or the name of its file. Otherwise
    row i belongs to image i: of a folder in the sorted order of file names, of a list, mapping or stimulus set in its
    own order.

    Parameters
    ----------
    identifier : str
        Name of the benchmark.
    stimuli : path of a folder, sequence of paths, mapping of stimulus id to path, or Brain-Score StimulusSet
        For a folder or sequence, a stimulus's id is the file's name without suffix. Other files there are ignored.
    responses : array, xarray.DataArray, pandas.DataFrame, or path of a file
        (stimulus, neuron) or (stimulus, neuron, repetition), NaN for missing repetitions; in the experimenter's unit.
        `response_files` lists the kinds of files and their layouts.
    region : str
        The region recorded from the subject. If the responses state the region of each neuron, only its neurons count.
    visual_degrees : float, optional
        Width of an image in degrees; by default the value that the responses' source states, else 8.
    metric : str
        One of `comparisons.METRICS`, by Brain-Score's names; or 'rsa' or 'cka', which compare geometries:
        representational dissimilarities (1 - Pearson's correlation; Spearman's correlation of both, Kriegeskorte et al.
        2008, Front Syst Neurosci 2:4) or unbiased linear kernel alignment (Kornblith et al. 2019). Their score is the
        similarity itself; no ceiling is claimed, and splits are not used.
    number_of_trials : int, optional
        Number of trials of each stimulus for the subject; by default the median number of repetitions of a stimulus in
        the recordings (the lower median).
    time_bin : (float, float), optional
        Window of the responses, start and end in ms after stimulus onset; by default the window that their source
        states, else 50 to 200.
    stratify : str, optional
        Column of the StimulusSet whose values every split balances.
    splits : int
        Random splits into 90 % training and 10 % test stimuli. They depend on the order of the stimuli (in a folder,
        the order of file names as text), so that the same pictures under other names give another score, within the
        interval over splits. More splits narrow that interval.
    split_seed : int
        Of the splits; 1 as in Brain-Score.
    variable, axes
        Name of the responses in a file, and the axes of an array, as in `response_files.read_responses`.
    region_in_file : str, optional
        Name of the region in the responses' source, if it differs from Brain-Score's.

    Returns
    -------
    brainscore_vision NeuralBenchmark
        `own_recordings` describes the basis of the score in plain values: `visual_degrees`, `metric`, `splits`,
        `split_seed`, `stratify`, `time_bin`, `n_stimuli`, `n_neurons`, `n_repetitions` (median of a stimulus),
        `n_responses` in all, `stimuli` and `responses_sha256`, digests of both; `recordings`, the numbers of
        stimuli, neurons and repetitions; and `notes`, the assumptions made in reading them, one per line.

    Raises
    ------
    ValueError
        For an image without a response, a response without an image, lengths that do not match, NaN without another
        repetition, infinite values, a constant neuron, an unreadable image, a duplicated name, one picture under
        two names, too few stimuli for the splits, an unknown metric, or a source that contradicts an argument; the
        message gives the name and the number.
    FileNotFoundError
        For a missing folder, image or file of responses.
    TypeError
        If an argument or its contents have the wrong type.
    """
    from ..brainscore import import_quietly

    import_quietly()
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark

    _check_settings(
        identifier,
        region,
        VISUAL_DEGREES if visual_degrees is None else visual_degrees,
        metric,
        number_of_trials,
        TIME_BIN if time_bin is None else time_bin,
        stratify,
        splits,
    )
    check_seed(split_seed, "split_seed")
    if region_in_file is not None:
        check_text(region_in_file=region_in_file)
    recordings = paired(
        stimuli, responses, region=region_in_file or region, variable=variable, axes=axes, time_bin=time_bin
    )
    notes = [*recordings.notes, *_assumptions(visual_degrees, time_bin, recordings.stated)]
    visual_degrees = _agreed("visual_degrees", visual_degrees, recordings.stated, VISUAL_DEGREES)
    time_bin = _agreed("time_bin", time_bin, recordings.stated, TIME_BIN)
    values, stimulus_set, neurons = recordings.values, recordings.stimulus_set, recordings.neurons
    neuroids = {"neuroid_id": np.array(neurons), "region": np.full(len(neurons), region)}
    repetitions = median_repetitions(values)
    shown = {"visual_degrees": visual_degrees, "number_of_trials": number_of_trials or repetitions}
    benchmark: Any
    if metric in GEOMETRIES:
        ceiling, estimate = no_ceiling("that of a similarity of geometries is not estimated"), None
        assembly = _assembly(values, stimulus_set, neuroids | {"subject": np.full(len(neurons), "all")}, time_bin)
        benchmark = geometry_benchmark(identifier, metric, assembly, region, ceiling, **shown)
    else:
        metric_object = load_metric(metric, stratify, splits, split_seed)
        check_splits(stimulus_set, metric, metric_object, stratify)
        if values.shape[-1] > 1:
            ceiling, estimate = repetition_ceiling(values, neuroids)
        else:
            ceiling, estimate = no_ceiling("no repetitions were recorded"), None
        assembly = _assembly(values, stimulus_set, neuroids, time_bin)
        benchmark = NeuralBenchmark(
            identifier=identifier,
            assembly=assembly,
            similarity_metric=metric_object,
            ceiling_func=lambda: ceiling,
            version=1,
            parent=region,
            **shown,
        )
    # Brain-Score stores a ceiling on disk under the benchmark's name alone; other recordings of that name would get it.
    benchmark._ceiling = lambda identifier: ceiling
    benchmark.ceiling_estimate = estimate  # lets an interval resample the ceiling together with the score
    split_settings = {"splits": int(splits), "split_seed": int(split_seed), "stratify": stratify}
    benchmark.own_recordings = {
        "visual_degrees": float(visual_degrees),
        "metric": metric,
        **({} if metric in GEOMETRIES else split_settings),
        "time_bin": f"{time_bin[0]:g} to {time_bin[1]:g} ms",
        "n_stimuli": len(values),
        "n_neurons": len(neurons),
        "n_repetitions": repetitions,
        "n_responses": int((~np.isnan(values)).sum()),
        "stimuli": stimulus_set.identifier,
        "responses_sha256": assembly.attrs["responses_sha256"],
        "recordings": recordings.summary,
        "notes": "\n".join(notes),
    }
    return benchmark


def _agreed(name: str, said: Any, stated: Mapping[str, Any], default: Any) -> Any:
    """The caller's value, else that of the responses' source, else the default; ValueError if the first two differ."""
    if name not in stated:
        return default if said is None else said
    if said is not None and not np.array_equal(np.asarray(said, float), np.asarray(stated[name], float)):
        option = {"visual_degrees": "--degrees", "time_bin": "--window"}[name]
        raise ValueError(
            f"{name} ({option}) is {said}, but the responses state {stated[name]}; leave it out, or correct the file"
        )
    return stated[name] if said is None else said


def _assumptions(
    visual_degrees: float | None, time_bin: tuple[float, float] | None, stated: Mapping[str, Any]
) -> Iterator[str]:
    """Notes on the defaults that stand for what neither the caller nor the responses' source says."""
    if visual_degrees is None and "visual_degrees" not in stated:
        yield f"the width of images is not stated; {VISUAL_DEGREES:g} degrees are assumed (--degrees, visual_degrees=)"
    if time_bin is None and "time_bin" not in stated:
        start, end = TIME_BIN
        yield f"the time window is not stated; {start:g} to {end:g} ms are assumed (--window, time_bin=)"


def median_repetitions(values: np.ndarray) -> int:
    """Number of presentations of a stimulus: the lower median over stimuli and neurons.

    The largest number would be misleading, because few stimuli may have it, and so would the number of repetition
    labels: if trials are numbered through a session, there is one label per trial of the session.

    Parameters
    ----------
    values : array, shape (stimulus, neuron, repetition)
        NaN where a repetition is missing.
    """
    return int(np.quantile((~np.isnan(values)).sum(axis=-1), 0.5, method="lower"))


def _check_settings(
    identifier: str,
    region: str,
    visual_degrees: float,
    metric: str,
    number_of_trials: int | None,
    time_bin: tuple[float, float],
    stratify: str | None,
    splits: int,
) -> None:
    check_text(identifier=identifier, region=region, metric=metric)
    if stratify is not None:
        check_text(stratify=stratify)
    check_real(visual_degrees=visual_degrees)
    check_whole(splits=splits, number_of_trials=1 if number_of_trials is None else number_of_trials)
    if metric not in (*METRICS, *GEOMETRIES):
        near = nearest_names(metric, (*METRICS, *GEOMETRIES)) or (*METRICS, *GEOMETRIES)
        raise ValueError(f"unknown metric {metric!r} for recordings; nearest: {', '.join(near)}")
    if not region:
        raise ValueError("region is empty; give the region of the neurons, such as 'V1'")
    if not 0 < visual_degrees < 180:
        raise ValueError(f"visual_degrees is {visual_degrees}; it is the width of an image, between 0 and 180 degrees")
    if number_of_trials is not None and number_of_trials < 1:
        raise ValueError(f"number_of_trials is {number_of_trials}, must be at least 1")
    check_time_bin(time_bin)
    if splits < 1:
        raise ValueError(f"splits is {splits}, must be at least 1")


def _assembly(
    values: np.ndarray, stimulus_set: Any, neuroids: dict[str, np.ndarray], time_bin: tuple[float, float]
) -> Any:
    """The mean responses in Brain-Score's format, (presentation, neuroid) with one time bin."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly

    start, end = time_bin
    assembly = NeuronRecordingAssembly(
        np.nanmean(values, axis=-1)[..., None],
        coords={
            **{column: ("presentation", stimulus_set[column].to_numpy()) for column in stimulus_set.columns},
            **{name: ("neuroid", coordinate) for name, coordinate in neuroids.items()},
            "time_bin_start": ("time_bin", [start]),
            "time_bin_end": ("time_bin", [end]),
        },
        dims=("presentation", "neuroid", "time_bin"),
    ).squeeze("time_bin")
    assembly.attrs.update(
        stimulus_set=stimulus_set,
        stimulus_set_identifier=stimulus_set.identifier,
        # Identifies the responses for caches, which must not rely on a benchmark's name.
        responses_sha256=hashlib.sha256(
            str(values.shape).encode() + np.ascontiguousarray(values).tobytes()
        ).hexdigest(),
    )
    return assembly
