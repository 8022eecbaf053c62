"""`partition_variance`: the variance of each neuron that a model explains uniquely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import check_seed, check_whole

if TYPE_CHECKING:
    import pandas as pd

PIXELS = "pixels"  # the name under which the pixels themselves are a model
_DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, eq=False)
class VariancePartition:
    """What models explain of neurons, alone and together.

    Attributes
    ----------
    neurons : DataFrame, one row per neuron
        R^2 on stimuli that were not fitted: ``together``, of all models; ``alone`` and ``unique`` of each, as columns
        ``(alone, model)``; and ``shared``, what is left of ``together`` without the unique parts.
    parts : DataFrame, one row per column of `neurons`
        ``mean`` over neurons, ``low`` and ``high``, its 95 % interval over images and neurons.
    benchmark : str
    n_stimuli : int
    """

    neurons: "pd.DataFrame"
    parts: "pd.DataFrame"
    benchmark: str
    n_stimuli: int

    def __repr__(self) -> str:
        return f"{self.benchmark}, {self.n_stimuli} stimuli, {len(self.neurons)} neurons\n{self.parts.round(3)}"

    def _repr_html_(self) -> str:
        said = f"{self.benchmark}, {self.n_stimuli} stimuli, {len(self.neurons)} neurons"
        return f"<p>{said}</p>{self.parts.round(3).to_html()}"


def partition_variance(
    models: "Sequence[Any] | Mapping[str, Any]",
    benchmark: Any,
    *,
    folds: int = 5,
    seed: int = 0,
    region_layer_map: Mapping[str, str] | None = None,
    weights: Any = None,
    memory: int | None = None,
    **settings: Any,
) -> VariancePartition:
    """How much of the variance of neurons each model explains that the others do not, and what they share.

    Responses are predicted from the features of every model alone, of all models together, and of all but each, by
    ridge regression with a penalty for each model (`benchmarks.multiple_kernels`). Every stimulus is predicted once, by
    a regression that was fitted, and whose penalties were chosen, on the other folds. With ``R^2 = 1 - sum of squared
    errors / sum of squared deviations from the neuron's mean``, over all stimuli, and models A and B::

        unique(A) = R^2(A, B) - R^2(B)
        shared    = R^2(A, B) - unique(A) - unique(B) = R^2(A) + R^2(B) - R^2(A, B)

    Parts may be negative: regressions from more features make larger errors of estimation. R^2 is of the mean responses
    over repetitions, whose noise no model explains; it is not divided by a ceiling.

    Parameters
    ----------
    models : sequence of models, or mapping from name to model
        Two to four, as for `compare_models`; ``'pixels'`` is the 32 x 32 grey pixels of the images.
    benchmark : str or Benchmark
        Any neural benchmark of PLS or ridge in one time bin, `neural_benchmark` included; its stimuli, responses and
        region are used, its regression is not.
    folds : int
        Parts of the stimuli, each predicted from the others.
    seed : int
        Of the noise, of the folds and of the bootstrap.
    region_layer_map, weights
        Of the models that are named by a reference, as in `score_model`.
    memory : int, optional
        As in `score_model`.
    **settings
        Of `score_model`: `noise`, `trials`, `front_end`, `device`, `progress`.

    Returns
    -------
    VariancePartition

    Raises
    ------
    ValueError
        For too many models or folds, a benchmark that needs more than inner products of features, or one that shows a
        stimulus several times; and as `score_model`.

    Examples
    --------
    >>> import tempfile
    >>> from vonenet_brainscore import get_model, partition_variance, simulated_benchmark
    >>> front_end = get_model(None, simple_channels=4, complex_channels=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     benchmark = simulated_benchmark(folder, n_stimuli=80, n_neurons=4)
    ...     found = partition_variance({"V1": front_end, "pixels": "pixels"}, benchmark, noise="none", progress=False)
    >>> found.parts.index.get_level_values("part").tolist()
    ['together', 'alone', 'alone', 'unique', 'unique', 'shared']
    """
    import pandas as pd
    from sklearn.model_selection import KFold

    from .benchmarks.loading import load_benchmarks
    from .comparison import named_models
    from .recordings.loading import settings_of_references

    check_seed(seed)
    check_whole(folds=folds)
    named = named_models(models)
    if len(named) > 4:
        raise ValueError(f"variance is partitioned between two to four models, not {len(named)}")
    loaded = load_benchmarks(benchmark, seed=seed)
    if len(loaded) != 1:
        raise ValueError(f"variance is partitioned on one benchmark, not on {', '.join(loaded)}")
    ((identifier, each),) = loaded.items()
    responses = _responses(each.benchmark)
    if not 2 <= folds <= len(responses) // 2:
        raise ValueError(f"folds is {folds}; {len(responses)} stimuli have 2 to {len(responses) // 2}")
    given = {"region_layer_map": region_layer_map, "weights": weights}
    spaces = []
    for model in named.values():
        own = {} if isinstance(model, str) and model == PIXELS else settings_of_references(model, **given)
        spaces.append(_row_space(model, each, responses, seed=seed, memory=memory, **own, **settings))
    kernels = np.stack([space @ space.T for space in spaces])
    values = responses.values
    parts_of_stimuli = KFold(folds, shuffle=True, random_state=seed)
    errors = {
        subset: _squared_errors(kernels[list(subset)], values, parts_of_stimuli) for subset in _subsets(len(named))
    }
    columns = _columns(list(named))
    r2 = _parts(_explained(errors, values, np.ones((1, len(values)))), len(named))[0]
    drawn = _bootstrap(errors, values, len(named), seed)
    neurons = pd.DataFrame(r2.T, index=pd.Index(responses["neuroid_id"].values, name="neuroid_id"), columns=columns)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    half = (high - low) / 2  # as of scores: draws of images repeat some, and their mean is not the mean
    mean = r2.mean(axis=1)
    parts = pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half}, index=columns)
    return VariancePartition(neurons, parts, identifier, len(values))


def _responses(benchmark: Any) -> Any:
    """The recorded responses, (presentation, neuroid)."""
    from .benchmarks.recognition import compressible

    recognised = compressible(benchmark)
    assembly = getattr(benchmark, "_assembly", None)
    if not recognised or recognised.in_parts or recognised.geometry != "inner products" or assembly is None:
        reason = recognised.reason if assembly is not None else "its training and test stimuli are recorded apart"
        raise ValueError(
            f"variance is partitioned on a neural benchmark of PLS or ridge; {benchmark.identifier}: {reason}"
        )
    names = assembly["stimulus_id"].values
    if assembly.dims != ("presentation", "neuroid") or len(set(names)) < len(names):
        raise ValueError(
            f"{benchmark.identifier} has responses of {', '.join(assembly.dims)} to {len(set(names))} stimuli in "
            f"{len(names)} presentations; one response of each neuroid to each stimulus is needed"
        )
    return assembly


def _row_space(model: Any, loaded: Any, responses: Any, *, seed: int, memory: int | None, **settings: Any) -> Any:
    """Scores with the inner products of a model's centred features: array, shape (stimulus, score)."""
    from .benchmarks.running import recorded_in_row_space
    from .benchmarks.self_check import PixelSubject
    from .recordings.loading import load_subject

    if isinstance(model, str) and model == PIXELS:
        subject: Any = PixelSubject(32)
    else:
        subject = load_subject(model, seed=seed, **settings)
    recorded = recorded_in_row_space(subject, loaded.benchmark, name=loaded.identifier, memory=memory)
    place = {name: row for row, name in enumerate(recorded["stimulus_id"].values)}
    return recorded.values[[place[name] for name in responses["stimulus_id"].values]]


def _subsets(models: int) -> list[tuple[int, ...]]:
    """Which models are fitted together: all, each alone, and all but each, without doubles."""
    every = tuple(range(models))
    alone = [(model,) for model in every]
    others = [tuple(other for other in every if other != model) for model in every]
    return list(dict.fromkeys([every, *alone, *others]))


def _squared_errors(kernels: np.ndarray, values: np.ndarray, folds: Any) -> np.ndarray:
    """Of predictions from the other folds, whose penalties were chosen by folds within them: (stimulus, neuron)."""
    from .benchmarks.multiple_kernels import multiple_kernel_ridge

    errors = np.empty_like(values, dtype=float)
    for fitted, held_out in folds.split(values):
        # Centred by the means of what is fitted, and of one size in all spaces.
        columns = kernels[:, :, fitted]
        centred = columns - columns[:, fitted].mean(axis=1, keepdims=True)
        centred -= centred.mean(axis=2, keepdims=True)
        scale = np.trace(centred[:, fitted], axis1=1, axis2=2)[:, None, None] / len(fitted)
        centred /= np.where(scale > 0, scale, 1)
        mean = values[fitted].mean(axis=0)
        predicted = multiple_kernel_ridge(
            centred[:, fitted], values[fitted] - mean, centred[:, held_out], folds.split(fitted)
        )
        errors[held_out] = (values[held_out] - mean - predicted) ** 2
    return errors


def _explained(errors: Mapping[tuple[int, ...], np.ndarray], values: np.ndarray, counts: np.ndarray) -> Any:
    """R^2 of each subset with each stimulus counted so often: {subset: array, shape (draw, neuron)}."""
    total = counts.sum(axis=1, keepdims=True)
    spread = counts @ values**2 - (counts @ values) ** 2 / total
    return {subset: 1 - counts @ squared / spread for subset, squared in errors.items()}


def _parts(r2: Mapping[tuple[int, ...], np.ndarray], models: int) -> np.ndarray:
    """Together, alone, unique, shared: array, shape (draw, part, neuron)."""
    together = r2[tuple(range(models))]
    alone = [r2[(model,)] for model in range(models)]
    unique = [together - r2[tuple(other for other in range(models) if other != model)] for model in range(models)]
    return np.stack([together, *alone, *unique, together - np.sum(unique, axis=0)], axis=1)


def _bootstrap(errors: Mapping[tuple[int, ...], np.ndarray], values: np.ndarray, models: int, seed: int) -> np.ndarray:
    """Means over neurons in draws of images and of neurons: array, shape (draw, part)."""
    random = np.random.default_rng(seed)
    images, neurons = values.shape
    means = []
    for _ in range(_DRAWS):
        counts = random.multinomial(images, np.full(images, 1 / images))[None].astype(float)
        drawn = _parts(_explained(errors, values, counts), models)[0]
        means.append(drawn[:, random.integers(neurons, size=neurons)].mean(axis=1))
    return np.array(means)


def _columns(names: list[str]) -> Any:
    import pandas as pd

    labels = [("together", "")]
    labels += [("alone", name) for name in names] + [("unique", name) for name in names] + [("shared", "")]
    return pd.MultiIndex.from_tuples(labels, names=["part", "model"])
