"""Confidence intervals of neural scores, over images, neurons and splits."""

import warnings
from typing import Any

import numpy as np
from xarray import DataArray

from ..own_recordings.split_half import weighted_correlation
from .predictions import KeptPredictions

_DRAWS = 400  # of the bootstrap, so that the width of an interval has an error of about 5 %
_AT_ONCE = 20_000_000  # correlations computed at a time, to limit memory


def neural_intervals(score: Any, benchmark: Any, kept: KeptPredictions, *, seed: int) -> dict[str, Any]:
    """95 % intervals of a neural score, of its correlation and of its ceiling.

    A score is ``(r / sqrt(c))^2``, where r is the correlation between recorded and predicted responses (median over
    neurons, then mean over splits) and c the ceiling. The intervals of r, of c and of ``r / sqrt(c)``, which has a
    sign, extend on either side by half the distance between the quantiles .025 and .975 of a bootstrap (Efron 1979,
    Ann Stat 7:1) with 400 draws. The quantiles themselves are not used, because correlations over fewer images are
    higher on average. The interval of the score is the square of that of ``r / sqrt(c)``, starting at 0 if the latter
    contains both signs. In the draws

    - images are drawn with replacement, once for all splits and the ceiling, so that all copies of an image stay in the
      same part of a split, training or test. Regressions are not fitted again: the interval describes the predictions
      of these regressions. As the splits stay fixed while the images change, the interval also covers the variation
      over splits. It is wider than necessary for test parts of less than ten images.
    - neurons are drawn with replacement, with their ceilings.
    - both are drawn, independently of each other, for the intervals of the score, r and c, which tend to be too wide
      rather than too narrow (Owen 2007, Ann Appl Stat 1:386) and are at least as wide as those over splits.

    The interval over splits alone is Student's t interval around the mean of the splits' medians. It estimates the mean
    over very many splits of these recordings; the names of stimuli determine only which splits are made.

    Parameters
    ----------
    score : Score
        Of `benchmark`, with its `raw` and `ceiling`.
    benchmark : NeuralBenchmark
        With `ceiling_estimate` if the ceiling can be estimated again for resampled images; otherwise it stays fixed.
    kept : KeptPredictions
        Of the same run.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        `score_low`, `score_high`, `raw_low` and `raw_high`, and `ceiling_low` and `ceiling_high` if a ceiling is
        claimed; `intervals`, (low, high) of the score over 'images', 'neurons' and 'splits' alone, NaN where nothing
        varies (one neuron or one split); and `bootstrap` (figure, draw), raw and ceiling in each draw of images and
        neurons. The draws are the same for every model, so that differences can be paired.
    """
    resampled = _Resampled(score, benchmark, kept)
    ceiling = score.attrs["ceiling"]
    raw, bound = float(score.attrs["raw"]), float(ceiling)
    of_splits = resampled.half_over_splits()
    halves = {"splits": of_splits / np.sqrt(bound)}
    for over, (r, c) in resampled.draws(
        seed
    ).items():  # the last r and c, of images and neurons together, are used below
        halves[over] = _half(r / np.sqrt(np.where(c > 0, c, np.nan)))
    # `fmax` ignores NaN, the width over a single split
    whole = np.fmax(halves.pop("images and neurons"), halves["splits"])
    of_raw = np.fmax(_half(r), of_splits)
    found = dict(zip(("score_low", "score_high"), squared_interval(raw / np.sqrt(bound), whole), strict=True))
    found["raw_low"], found["raw_high"] = np.clip([raw - of_raw, raw + of_raw], -1, 1)
    if ceiling.attrs.get("claimed", True):
        of_ceiling = _half(c)
        found["ceiling_low"], found["ceiling_high"] = np.clip([bound - of_ceiling, bound + of_ceiling], 0, 1)
    intervals = {over: [*squared_interval(raw / np.sqrt(bound), half)] for over, half in halves.items()}
    bootstrap = DataArray(np.stack([r, c]), dims=("figure", "draw"), coords={"figure": ["raw", "ceiling"]})
    return {name: float(value) for name, value in found.items()} | {"intervals": intervals, "bootstrap": bootstrap}


def squared_interval(value: float, half: float) -> tuple[float, float]:
    """Interval of the squares of all numbers within ``half`` of ``value``; NaN if ``half`` is NaN.

    >>> squared_interval(0.75, 0.25)
    (0.25, 1.0)
    >>> squared_interval(-0.25, 0.5)  # contains both signs and therefore 0
    (0.0, 0.5625)
    """
    low, high = sorted((float(value - half) ** 2, float(value + half) ** 2))
    return (0.0 if abs(value) < half else low), high


class _Resampled:
    """The correlations and ceilings behind a score, for resampled images and neurons."""

    def __init__(self, score: Any, benchmark: Any, kept: KeptPredictions) -> None:
        # Each image once: if an assembly holds repetitions, all presentations of an image are drawn together.
        ids = dict.fromkeys(benchmark._assembly["stimulus_id"].values)
        rows = {stimulus_id: row for row, stimulus_id in enumerate(ids)}
        self._images = len(rows)
        self._parts = [([rows[i] for i in part.stimulus_ids], part.recorded, part.predicted) for part in kept.splits]
        self._estimate = getattr(benchmark, "ceiling_estimate", None)
        self._r = self._correlations(np.ones((1, self._images)))[0]  # (split, neuron)
        self._c = _ceiling_by_neuron(score.attrs["ceiling"], benchmark._assembly["neuroid_id"].values)

    def _correlations(self, weights: np.ndarray) -> np.ndarray:
        """Correlations between recorded and predicted responses: array, shape (draw, split, neuron)."""
        parts = [
            weighted_correlation(recorded, predicted, weights[:, rows]) for rows, recorded, predicted in self._parts
        ]
        return np.stack(parts, axis=1)

    def half_over_splits(self) -> float:
        """Half of Student's 95 % interval for the mean of the splits' medians."""
        from scipy.stats import t

        medians, splits = _median(self._r), len(self._r)
        if np.count_nonzero(~np.isnan(medians)) < 2:
            return float("nan")
        return float(t.ppf(0.975, splits - 1) * np.nanstd(medians, ddof=1) / np.sqrt(splits))

    def draws(self, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """r and c of the population in each draw of images, of neurons and of both: arrays, shape (draw,)."""
        random = np.random.default_rng(seed)
        neurons = self._r.shape[1]
        weights = random.multinomial(self._images, np.full(self._images, 1 / self._images), _DRAWS).astype(float)
        chosen = random.integers(neurons, size=(_DRAWS, 1, neurons))
        found: dict[str, list[np.ndarray]] = {"images": [], "neurons": [], "images and neurons": []}
        some = max(1, _AT_ONCE // max(self._r.size, self._c.size))
        for start in range(0, _DRAWS, some):
            part = slice(start, start + some)
            r = self._correlations(weights[part])
            c = self._c[None] if self._estimate is None else self._estimate.over_images(weights[part])
            found["images"].append(_both(r, c))
            found["neurons"].append(_both(_taken(self._r[None], chosen[part]), _taken(self._c[None], chosen[part])))
            found["images and neurons"].append(_both(_taken(r, chosen[part]), _taken(c, chosen[part])))
        return {name: tuple(np.concatenate(parts, axis=1)) for name, parts in found.items()}


def _both(r: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Population values of r and c, shape (2, draw)."""
    means = [_mean(_median(each)) for each in (r, c)]
    return np.stack(np.broadcast_arrays(*means))


def _taken(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen neurons of each draw: (draw or 1, split, neuron) by (draw, 1, neuron) -> (draw, split, neuron)."""
    shape = (len(chosen), *values.shape[1:])
    return np.take_along_axis(np.broadcast_to(values, shape), chosen, axis=2)


def _median(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the median is NaN if all neurons are
        return np.nanmedian(values, axis=-1)


def _mean(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=-1)


def _half(values: np.ndarray) -> float:
    """Half the width of the central 95 % of the draws; NaN if all are equal, as over a single neuron."""
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, (0.025, 0.975)) if len(values) else (np.nan, np.nan)
    return float(high - low) / 2 if high > low else float("nan")


def _ceiling_by_neuron(ceiling: Any, neuroid_ids: np.ndarray) -> np.ndarray:
    """Ceilings (split, neuron) in the order of `neuroid_ids`; the population's ceiling for all if neurons have none."""
    raw = ceiling.attrs.get("raw")
    if getattr(raw, "dims", None) is not None and set(raw.dims) == {"split", "neuroid"}:
        column = {neuroid_id: i for i, neuroid_id in enumerate(raw["neuroid_id"].values)}
        if len(column) == raw.sizes["neuroid"] and set(neuroid_ids) == set(column):
            return raw.transpose("split", "neuroid").values[:, [column[neuroid_id] for neuroid_id in neuroid_ids]]
    return np.full((1, len(neuroid_ids)), float(ceiling))
