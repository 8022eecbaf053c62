"""One score from several seeds: its mean and its spread."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import check_whole

if TYPE_CHECKING:
    from brainscore_core.metrics import Score
    from xarray import DataArray


# Settings that select a random draw, over which results are averaged.
SEEDS = ("gabor_seed", "colour_seed", "seed")
# Attributes that describe the recordings of one seed.
_OF_ONE_SEED = (
    *("seed", "noise_seed", "problem", "model_values", "n_probed", "n_units", "n_undefined", "remarks"),
    *(
        "score_low",
        "score_high",
        "raw_low",
        "raw_high",
        "ceiling_low",
        "ceiling_high",
        "intervals",
        "splits_counted",
        "bootstrap",
    ),
)


def over_seeds(each: Sequence[Any], seeds: range) -> Any:
    """Scores from several seeds, combined.

    Parameters
    ----------
    each : sequence of Score, or of dict of Score
        One for each seed.
    seeds : range

    Returns
    -------
    Score, or dict of Score
        As `mean_over_seeds`.
    """
    if isinstance(each[0], dict):
        return {identifier: mean_over_seeds([scores[identifier] for scores in each], seeds) for identifier in each[0]}
    return mean_over_seeds(list(each), seeds)


def seed_range(first: int, count: int) -> range:
    """`count` seeds, starting with the first.

    Raises
    ------
    TypeError
        If the count is not a whole number.
    ValueError
        If there are fewer than two seeds, which have no spread.
    """
    check_whole(seeds=count)
    if count < 2:
        raise ValueError(f"seeds is {count}; a spread needs at least 2, and one seed is what `seed` says")
    return range(first, first + count)


def mean_over_seeds(scores: "list[Score]", seeds: range) -> "Score":
    """The mean of scores that differ in their seed.

    Returns
    -------
    Score
        Attributes as the first one's without those of a single seed, but `raw` and `ceiling` are means, `error` is the
        standard deviation of the score over seeds (n - 1), which `error_of` says, `seeds` are the seeds and
        `score_by_seed` their scores. `remarks` are those of all seeds.
    """
    from brainscore_core.metrics import Score

    values = np.array([float(score) for score in scores])
    mean = Score(values.mean())
    mean.attrs |= {name: value for name, value in scores[0].attrs.items() if name not in _OF_ONE_SEED}
    problems = dict.fromkeys(score.attrs["problem"] for score in scores if "problem" in score.attrs)
    if problems:
        mean.attrs["problem"] = "; ".join(problems)
    for name in ("raw", "ceiling"):
        if name in mean.attrs:  # an array with some of Brain-Score's metrics
            mean.attrs[name] = Score(np.mean([np.asarray(score.attrs[name], float) for score in scores], axis=0))
    remarks = dict.fromkeys(line for score in scores for line in score.attrs.get("remarks", "").split("\n") if line)
    if remarks:
        mean.attrs["remarks"] = "\n".join(remarks)
    mean.attrs |= {"error": float(values.std(ddof=1)), "seeds": list(seeds), "score_by_seed": values.tolist()}
    mean.attrs["error_of"] = "score, its standard deviation over seeds"
    return mean


def mean_and_interval(scores: "DataArray", over: Sequence[str]) -> "tuple[DataArray, DataArray]":
    """Means of scores over dimensions that stand for draws, and half of their 95 % intervals.

    The half is ``t s / sqrt(n)``: s the standard deviation (n - 1) of the n scores that are defined, t Student's .975
    quantile for n - 1 degrees of freedom.

    Parameters
    ----------
    scores : DataArray
        NaN where there is no score.
    over : sequence of str
        Some of its dimensions.

    Returns
    -------
    mean, half : DataArrays
        Without those dimensions; `half` is NaN where n is below 2.
    """
    from scipy.stats import t

    count = scores.notnull().sum(over)
    mean = scores.sum(over) / count.where(count > 0)
    spread = np.sqrt(((scores - mean) ** 2).sum(over) / (count - 1).where(count > 1))
    return mean, spread / np.sqrt(count.where(count > 0)) * t.ppf(0.975, np.maximum(count - 1, 1))
