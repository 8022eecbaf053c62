"""A check, on a simulated population, that scoring ranks a model of V1 above pixels and pixels above chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_interface import BrainModel
from PIL import Image

from ..stimuli.images import as_picture
from .simulated_v1 import simulated_benchmark

# Over seeds and redrawn spikes, the measured ceiling lies 0.007 above the analytic one (as the median over neurons of a
# skewed estimate), with a standard deviation of 0.0045. The tolerance is this bias plus four standard deviations.
# Without the Spearman-Brown correction, the measured ceiling would lie at least 0.04 below the analytic one.
CEILING_TOLERANCE = 0.025
# The shuffled subject's r is 0 on average, with a standard deviation of 0.04 over seeds: all neurons and splits share
# one permutation, so averaging over them does not reduce it. The tolerance is nearly four standard deviations.
CHANCE_TOLERANCE = 0.15


class PixelSubject(BrainModel):
    """The pixels themselves as a model of every region: grey values averaged down to a small square.

    Parameters
    ----------
    size : int
        Edge of the square, in pixels.
    """

    def __init__(self, size: int = 32) -> None:
        self.size = size
        self._region = ""

    @property
    def identifier(self) -> str:
        """``pixels-`` and the size."""
        return f"pixels-{self.size}x{self.size}"

    def visual_degrees(self) -> int:
        """8 degrees, as for a VOneNet, so that both see the same part of an image."""
        return 8

    def start_recording(self, recording_target: str, time_bins: Sequence[Any] = ((50, 200),)) -> None:
        """Set the region that is recorded; pixels do not change in time."""
        self._region = str(recording_target)

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> NeuroidAssembly:
        """Grey values in [0, 1], (presentation, neuroid), each pixel a neuroid; pixels have no noise to average."""
        pictures = [as_picture(stimuli.get_stimulus(stimulus_id)) for stimulus_id in stimuli["stimulus_id"]]
        grey = [Image.fromarray(picture.pixels).convert("L") for picture in pictures]
        small = [np.asarray(image.resize((self.size, self.size), Image.Resampling.BOX)) for image in grey]
        return NeuroidAssembly(
            np.stack(small).reshape(len(small), -1) / 255,
            coords={
                **{column: ("presentation", stimuli[column].to_numpy()) for column in stimuli.columns},
                "neuroid_id": ("neuroid", [f"{self.identifier}.{pixel}" for pixel in range(self.size**2)]),
                "region": ("neuroid", [self._region] * self.size**2),
            },
            dims=("presentation", "neuroid"),
        )


class ShuffledSubject(BrainModel):
    """A subject that is shown the stimuli in the wrong order, so that its score is at chance level.

    Its response to each stimulus is the wrapped subject's response to another; all else is equal.

    Parameters
    ----------
    subject : BrainModel
    seed : int
        Of the permutation.
    """

    def __init__(self, subject: Any, seed: int = 0) -> None:
        self._subject = subject
        self._seed = seed
        if hasattr(subject, "stream_recording"):  # `look_at` in batches, which the exact compression reads
            self.stream_recording = lambda stimuli, **kwargs: subject.stream_recording(
                self._shuffled(stimuli), **kwargs
            )

    @property
    def identifier(self) -> str:
        """The subject's identifier with a suffix."""
        return f"{self._subject.identifier}-shuffled-{self._seed}"

    def visual_degrees(self) -> int:
        """The visual field of the subject, in degrees."""
        return self._subject.visual_degrees()

    def start_recording(self, recording_target: str, time_bins: Sequence[Any] = ((50, 200),)) -> None:
        """Start recording from the subject."""
        self._subject.start_recording(recording_target, time_bins=time_bins)

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> Any:
        """The subject's responses, each labelled with another stimulus than the one shown."""
        return self._subject.look_at(self._shuffled(stimuli), number_of_trials=number_of_trials)

    def _shuffled(self, stimuli: Any) -> Any:
        ids = list(stimuli["stimulus_id"])
        order = np.random.default_rng(self._seed).permutation(
            len(ids)
        )  # each is given the picture of the next, never its own
        shuffled = StimulusSet(stimuli.copy(deep=True))
        shuffled.stimulus_paths = {
            ids[i]: stimuli.get_stimulus(ids[j]) for i, j in zip(order, np.roll(order, 1), strict=True)
        }
        shuffled.identifier = f"{stimuli.identifier}-shuffled-{self._seed}"  # stored recordings are found by this name
        return shuffled


@dataclass(frozen=True)
class SelfCheckRow:
    """One subject's score on the simulated population.

    Attributes
    ----------
    subject : str
    score : float
        r^2 over the ceiling.
    r : float
        Cross-validated correlation, with its sign: median over neurons, mean over splits.
    error : float
        Of r, over splits.
    """

    subject: str
    score: float
    r: float
    error: float


@dataclass(frozen=True)
class SelfCheck:
    """Results of the self-check; `problems` is empty if it passed.

    Attributes
    ----------
    benchmark : str
        Identifier, 'simulated-V1-...'.
    rows : tuple of SelfCheckRow
        Of the subject, of pixels and of the shuffled subject.
    ceiling, analytic_ceiling : float
        Measured from halves of the simulated repetitions, and known from the firing rates.
    problems : tuple of str
    """

    benchmark: str
    rows: tuple[SelfCheckRow, ...]
    ceiling: float
    analytic_ceiling: float
    problems: tuple[str, ...]


def self_check(
    subject: Any,
    *,
    seed: int = 0,
    directory: str | PathLike | None = None,
    score: Callable[[Any, Any], Any] | None = None,
    n_stimuli: int = 80,
    n_neurons: int = 60,
) -> SelfCheck:
    """Score a subject, pixels and the shuffled subject on a simulated V1, and compare the results with those expected.

    Parameters
    ----------
    subject : BrainModel
        With a layer committed to V1.
    seed : int
        Of the simulation and of the shuffling.
    directory : path, optional
        Where to keep the simulated stimuli; by default they are deleted after the check.
    score : callable, optional
        (subject, benchmark) -> Score; by default Brain-Score's own path, ``benchmark(subject)``.
    n_stimuli, n_neurons : int
        As `simulated_benchmark`.

    Returns
    -------
    SelfCheck
    """
    with TemporaryDirectory() as temporary:
        benchmark = simulated_benchmark(
            directory if directory is not None else temporary, n_stimuli=n_stimuli, n_neurons=n_neurons, seed=seed
        )
        subjects = (subject, PixelSubject(), ShuffledSubject(subject, seed))
        rows = tuple(_row(each, benchmark, score or _brain_score) for each in subjects)
    ceiling, analytic = float(benchmark.ceiling), float(benchmark.ceiling.attrs["analytic"])
    return SelfCheck(benchmark.identifier, rows, ceiling, analytic, problems_of(rows, ceiling, analytic))


def _brain_score(subject: Any, benchmark: Any) -> Any:
    return benchmark(subject)


def _row(subject: Any, benchmark: Any, score: Callable[[Any, Any], Any]) -> SelfCheckRow:
    result = score(subject, benchmark)
    raw = result.attrs["raw"]
    return SelfCheckRow(subject.identifier, float(result), float(raw), float(raw.attrs["error"]))


def problems_of(rows: Sequence[SelfCheckRow], ceiling: float, analytic: float) -> tuple[str, ...]:
    """Problems with the rows of subject, pixels and shuffled subject, in words; empty if there are none.

    Each row's r must exceed the next row's by more than the larger of their errors, the last r must be within
    `CHANCE_TOLERANCE` of 0, and the ceiling must be within `CEILING_TOLERANCE` of the analytic one.
    """
    problems = [
        f"{upper.subject} (r = {upper.r:.3f}) is not above {lower.subject} (r = {lower.r:.3f}) by more than its error"
        for upper, lower in pairwise(rows)
        if not upper.r - lower.r > max(upper.error, lower.error)
    ]
    if not abs(rows[-1].r) <= CHANCE_TOLERANCE:
        problems.append(f"{rows[-1].subject} has r = {rows[-1].r:.3f}, not 0 within {CHANCE_TOLERANCE}")
    if not abs(ceiling - analytic) <= CEILING_TOLERANCE:
        problems.append(f"the ceiling is {ceiling:.4f}, not {analytic:.4f} within {CEILING_TOLERANCE}")
    return tuple(problems)
