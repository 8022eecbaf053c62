"""`compare_models`: models side by side on one benchmark, with intervals of their differences."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from brainscore_core.metrics import Score


def compare_models(
    models: "Sequence[Any] | Mapping[str, Any]", benchmark: Any, **settings: Any
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Scores of models on one benchmark, and the differences between them.

    All models are scored with the same splits. The interval of a difference is paired: both scores are computed again
    for the same images and neurons, drawn with replacement (`benchmarks.intervals.neural_intervals`), so that effects
    of single images and neurons on both scores cancel. It is often far narrower than the intervals of the scores
    suggest.

    Parameters
    ----------
    models : sequence of models, or mapping from name to model
        Models as for `score_model`; by default, a model is named by its string or its identifier.
    benchmark : str or Benchmark
        One benchmark.
    **settings
        Of `score_model`: `noise`, `trials`, `seed`, `device`, `memory`, `cache`, `progress`; and `region_layer_map` and
        `weights`, of the models that are named by a reference.

    Returns
    -------
    scores : DataFrame, one row per model
        As `results_table`, indexed by `model`.
    differences : DataFrame, one row per pair of models
        ``first`` and ``second``; ``difference``, the score of the first minus that of the second; ``low`` and ``high``,
        its 95 % interval, NaN where the benchmark's metric leaves nothing to draw again.

    Raises
    ------
    ValueError
        For fewer than two models, two of one name, or a name that stands for several benchmarks; and as `score_model`.
    TypeError
        If models are no sequence or mapping.

    Examples
    --------
    >>> from vonenet_brainscore import compare_models, get_model
    >>> small = {"simple_channels": 16, "complex_channels": 16}
    >>> front_ends = {f"seed {seed}": get_model(None, gabor_seed=seed, **small) for seed in (0, 1)}
    >>> scores, differences = compare_models(
    ...     front_ends, "Marques2020_DeValois1982-pref_or", noise="none", cache=False, progress=False
    ... )
    >>> scores.index.tolist(), differences[["first", "second"]].values.tolist()
    (['seed 0', 'seed 1'], [['seed 0', 'seed 1']])
    """
    import pandas as pd

    from .benchmarks.names import benchmark_identifiers
    from .recordings.loading import settings_of_references
    from .results import result_row
    from .scoring import score_model

    named = named_models(models)
    identifiers = benchmark_identifiers(benchmark) if isinstance(benchmark, str) else [benchmark]
    if len(identifiers) != 1 or isinstance(benchmark, list | tuple):
        raise ValueError(f"models are compared on one benchmark, not on {shortened(benchmark)}; name one of them")
    given = {name: settings.pop(name) for name in ("region_layer_map", "weights") if name in settings}
    scores: dict[str, Score] = {}
    for name, model in named.items():
        own = settings_of_references(model, **given)
        score: Any = score_model(model, benchmark, **settings, **own)
        scores[name] = next(iter(score.values())) if isinstance(score, dict) else score
    table = pd.DataFrame([{"model": name, **result_row(score)} for name, score in scores.items()]).set_index("model")
    pairs = [
        {"first": first, "second": second, **score_difference(scores[first], scores[second])}
        for first, second in combinations(scores, 2)
    ]
    return table, pd.DataFrame(pairs)


def score_difference(first: "Score", second: "Score") -> dict[str, float]:
    """The difference of two scores on one benchmark, with its paired 95 % interval.

    Both scores are computed for the same draws of images and neurons. The interval has the width and the skew of the
    middle 95 % of these differences, which draws with a ceiling near 0 hardly affect, and is centred on the difference
    of the scores themselves.

    Parameters
    ----------
    first, second : Score
        Scores with the same benchmark, seed and splits.

    Returns
    -------
    dict
        `difference`, `low`, `high`; the last two are NaN if a score has no bootstrap.

    Raises
    ------
    ValueError
        If the scores are of different benchmarks or seeds, so that their draws do not contain the same images.
    TypeError
        If the arguments are not Scores.

    Examples
    --------
    >>> from brainscore_core.metrics import Score
    >>> from vonenet_brainscore import score_difference
    >>> score_difference(Score(0.75), Score(0.5))
    {'difference': 0.25, 'low': nan, 'high': nan}
    """
    from brainscore_core.metrics import Score

    for score in (first, second):
        if not isinstance(score, Score):
            raise TypeError(f"a difference is between two Scores, not of a {type(score).__name__}")
    for name in ("benchmark_identifier", "benchmark_version", "seed"):
        values = [score.attrs.get(name) for score in (first, second)]
        if values[0] != values[1]:
            raise ValueError(f"the scores differ in {name}, {values[0]} and {values[1]}: nothing is paired")
    difference = float(first) - float(second)
    draws = [score.attrs.get("bootstrap") for score in (first, second)]
    if any(draw is None for draw in draws):
        return {"difference": difference, "low": float("nan"), "high": float("nan")}
    drawn = [np.asarray(draw.sel(figure="raw")) ** 2 / np.asarray(draw.sel(figure="ceiling")) for draw in draws]
    low, middle, high = np.nanquantile(drawn[0] - drawn[1], (0.025, 0.5, 0.975))
    return {"difference": difference, "low": difference + low - middle, "high": difference + high - middle}


def named_models(models: Any) -> dict[str, Any]:
    """Two or more models by name: in a list, a model is named by its string or its identifier.

    Raises
    ------
    TypeError, ValueError
        As `compare_models`.
    """
    if isinstance(models, str) or not isinstance(models, Sequence | Mapping):
        raise TypeError(f"models is a {type(models).__name__}; give a list of models, or a mapping from name to model")
    if isinstance(models, Mapping):
        named = {str(name): model for name, model in models.items()}
    else:
        names = [model if isinstance(model, str) else _own_name(model) for model in models]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"two models are called {twice[0]!r}; give a mapping from name to model")
        named = dict(zip(names, models, strict=True))
    if len(named) < 2:
        raise ValueError(f"a comparison takes two or more models, not {len(named)}")
    return named


def _own_name(model: Any) -> str:
    return str(getattr(model, "identifier", None) or type(model).__name__)
