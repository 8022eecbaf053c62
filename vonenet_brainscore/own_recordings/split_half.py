"""The split-half ceiling of recordings in which stimuli were repeated."""

from typing import Any

import numpy as np

# Fewer points make a correlation of +-1 by themselves.
FEWEST_STIMULI = 3


def split_half_reliability(responses: np.ndarray, *, splits: int = 10, seed: int = 1) -> np.ndarray:
    """Reliability of each neuron's mean response, estimated from halves of the repetitions.

    With r the Pearson correlation over stimuli between the means of two random halves,
    ``2 r / (1 + r)`` (Spearman 1910, Br J Psychol 3:271; Brown 1910, Br J Psychol 3:296), which for independent noise
    of variance N and signal of variance S tends to ``S / (S + N / repetitions)``: the largest r^2 that a perfect model
    can reach against the mean. It is what Brain-Score's `internal_consistency` computes, on the same splits, where
    every stimulus was repeated equally often. Where not, each neuron's repetitions of each stimulus are halved by
    themselves, so that none is lost; a stimulus that a neuron saw once has no halves and is left out for it.

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
        NaN for missing repetitions.
    splits : int
        Random splits.
    seed : int
        Of the splits; 1 as Brain-Score's.

    Returns
    -------
    array, shape (split, neuron)
        NaN where fewer than three stimuli have two repetitions, and where a half does not vary over stimuli, as for a
        neuron that hardly fires.
    """
    from sklearn.model_selection import ShuffleSplit

    available = ~np.isnan(responses)
    count = available.sum(axis=-1)  # (stimulus, neuron)
    halved = count >= 2
    reliability = []
    for first, second in ShuffleSplit(splits, train_size=0.5, random_state=seed).split(np.empty(responses.shape[-1])):
        order = np.concatenate([first, second])
        present = available[..., order]
        in_first = present & (np.cumsum(present, axis=-1) <= (count // 2)[..., None])
        shuffled = np.where(present, responses[..., order], 0)
        half1, half2 = (
            np.divide((shuffled * half).sum(axis=-1), half.sum(axis=-1), where=halved, out=np.zeros(count.shape))
            for half in (in_first, present & ~in_first)
        )  # each (stimulus, neuron)
        r = _correlation(half1, half2, where=halved)
        reliability.append(2 * r / (1 + r))
    return np.stack(reliability)  # (split, neuron)


def _correlation(x: np.ndarray, y: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Pearson correlation over the rows that count, column by column; NaN for a constant or too short column."""
    rows = where.sum(axis=0)
    x, y = (np.where(where, a - np.where(where, a, 0).sum(axis=0) / np.maximum(rows, 1), 0) for a in (x, y))
    norm = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    defined = (norm > 0) & (rows >= FEWEST_STIMULI)
    return np.divide((x * y).sum(axis=0), norm, where=defined, out=np.full(norm.shape, np.nan))


def split_half_ceiling(responses: np.ndarray, neuroids: dict[str, Any]) -> Any:
    """The ceiling of a population as Brain-Score aggregates it: median over neurons, mean over splits.

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
    neuroids : dict of arrays, shape (neuron,)
        Coordinates of the neurons, `neuroid_id` among them.

    Returns
    -------
    brainscore_core Score
        `attrs` has 'raw' (split, neuroid), 'error' (standard error over splits) and 'claimed', True.

    Raises
    ------
    ValueError
        If a neuron has two repetitions of fewer than three stimuli, or the ceiling is not above 0: halves of the
        repetitions do not agree, so there is nothing to predict.
    """
    from brainscore_core.metrics import Score

    repeated = ((~np.isnan(responses)).sum(axis=-1) >= 2).sum(axis=0)  # (neuron,)
    if (repeated < FEWEST_STIMULI).any():
        few = int(np.argmin(repeated))
        raise ValueError(
            f"neuron {neuroids['neuroid_id'][few]!r} has two or more repetitions of {repeated[few]} stimuli, and "
            f"{(repeated < FEWEST_STIMULI).sum()} neurons have them of fewer than the {FEWEST_STIMULI} that a "
            "split-half ceiling needs; leave them out, or pass means without repetitions to claim no ceiling"
        )
    reliability = split_half_reliability(responses)
    with np.errstate(all="ignore"):
        by_split = np.nanmedian(reliability, axis=1) if np.isfinite(reliability).any() else np.array([np.nan])
    ceiling = by_split.mean()
    if not ceiling > 0:
        raise ValueError(
            f"the split-half ceiling is {ceiling:.3f}: halves of the repetitions do not agree, so nothing is left to "
            "predict; check that the repetitions of a stimulus are in its row"
        )
    score = Score(ceiling)
    score.attrs["raw"] = Score(
        reliability,
        coords={"split": np.arange(len(reliability)), **{k: ("neuroid", v) for k, v in neuroids.items()}},
        dims=("split", "neuroid"),
    )
    score.attrs["error"] = Score(by_split.std() / np.sqrt(len(by_split)))
    score.attrs["claimed"] = True
    return score


def no_ceiling(reason: str) -> Any:
    """A ceiling of 1 that claims nothing: divided by it, a score is the raw r^2.

    Brain-Score's `NeuralBenchmark` divides by the ceiling whatever it is. NaN would make every score NaN and an
    estimate would be made up, so the divisor is 1, and `attrs['claimed']` is False with `attrs['reason']` saying why:
    who shows the score shows no ceiling.
    """
    from brainscore_core.metrics import Score

    score = Score(1.0)
    score.attrs.update(claimed=False, reason=reason)
    return score
