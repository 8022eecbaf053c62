"""Which benchmarks see a recording only through inner products or correlations of stimuli, and which are ill-posed."""

import copy
import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .compound import first_part, qualified_name

# Brain-Score's functions and classes that are recognised by name, as the installed version implements them.
_RECORDING_AS_IT_IS = "brainscore_vision.benchmarks.laion_fmri.benchmark._passthrough"
_PICKS_FEATURES = "brainscore_vision.benchmarks.coggan2024_fMRI.benchmark.Coggan2024_fMRI_Benchmark"
_BRACCI = "brainscore_vision.benchmarks.bracci2019.benchmark._Bracci2019RSA"


@dataclass(frozen=True)
class Recognition:
    """Whether a benchmark may be given row-space scores, and why or why not; true if it may.

    `geometry` is the property of the recording that the scores must preserve. `in_parts` is true if the benchmark
    consists of others (`compound`), which are recognised and scored one by one.
    """

    exact: bool
    reason: str
    geometry: Literal["inner products", "correlations"] = "inner products"
    in_parts: bool = False

    def __bool__(self) -> bool:
        return self.exact


def compressible(benchmark: Any) -> Recognition:
    """Whether a benchmark's score is the same from row-space scores as from the features.

    True for a neural benchmark that runs Brain-Score's own `__call__` with

    - exactly `CrossRegressedCorrelation` (or `TrainTestSplitCorrelation`, with train and test stimuli) in one time bin,
      around PLS without scaling and with fewer components than training stimuli, or around ridge or dual ridge with an
      intercept; or around one of these fitted to several time bins together (`SpanTimeRegression`); or
    - CKA or representational dissimilarities, cross-validated or not, including `RSABenchmark`. CKA centres over
      stimuli, and its unbiased form, which leaves out the diagonal, is the same for centred products.

    Types are compared exactly, because a subclass may use the features in any way (`reverse_pls` predicts them). A
    benchmark that is not recognised is not compressed. A benchmark of sessions, subjects or folds (`compound.PARTS`) is
    recognised if its parts are. `compressible_metrics.METRICS` lists the metrics one by one.

    Parameters
    ----------
    benchmark : brainscore_vision.benchmarks.Benchmark

    Returns
    -------
    Recognition
        Its reason can be written to a log.
    """
    part = first_part(benchmark)
    if part is not None:
        return replace(compressible(part), in_parts=True)
    of_geometry = _geometry_recognition(benchmark)
    if of_geometry is not None:
        return of_geometry
    obstacle = _benchmark_obstacle(benchmark)
    if obstacle:
        return Recognition(False, obstacle)
    return Recognition(True, f"{_name(_regression_of(benchmark))} sees features only through their inner products")


def warn_if_ill_posed(benchmark: Any, n_features: int) -> None:
    """Warn if ordinary least squares has no more training stimuli than features.

    Centring then leaves a singular value that is pure rounding error, by which least squares divides, so that scores
    differ between machines and number formats.

    Parameters
    ----------
    benchmark : brainscore_vision.benchmarks.Benchmark
    n_features : int
        Number of recorded features.
    """
    from sklearn.linear_model import LinearRegression

    if _setup_obstacle(benchmark):
        return
    regression = _regression_of(benchmark)
    n_training = _smallest_training_set(benchmark)
    if isinstance(regression, LinearRegression) and n_training <= n_features:
        warnings.warn(
            f"{benchmark.identifier} fits ordinary least squares to {n_training} stimuli and {n_features} features: "
            f"rounding decides the score; prefer a PLS or ridge benchmark",
            stacklevel=2,
        )


def _geometry_recognition(benchmark: Any) -> Recognition | None:
    """Recognition of a benchmark that compares geometries, by CKA or dissimilarities; None for any other."""
    from brainscore_vision.benchmark_helpers.neural_common import (
        NeuralBenchmark,
        RSABenchmark,
        timebins_from_assembly,
    )
    from brainscore_vision.metric_helpers.transformations import CrossValidation, TestOnlyCrossValidation
    from brainscore_vision.metrics.cka.metric import CKA, CKACrossValidated
    from brainscore_vision.metrics.rdm.metric import RDM, RDMCrossValidated, RDMMetric, RDMSimilarity

    call = type(benchmark).__call__
    if call is RSABenchmark.__call__:
        metric, dissimilarity = benchmark, benchmark
        if type(benchmark._similarity) is CKA and _names(benchmark._rdm) == _RECORDING_AS_IT_IS:
            dissimilarity = None  # CKA takes the place of dissimilarities
    elif _names(type(benchmark)) == _BRACCI:  # calls `look_at` once and passes the recording only to its metric
        metric = dissimilarity = benchmark._metric
        if type(metric) is not RDMMetric:
            return None
        time_bins = 1
    elif call is NeuralBenchmark.__call__:
        metric = benchmark._similarity_metric
        if type(metric) in (CKACrossValidated, RDMCrossValidated):
            splits = metric._cross_validation
            plain = type(splits) is TestOnlyCrossValidation and type(splits._cross_validation) is CrossValidation
            if not plain or splits._cross_validation._preprocess_indices is not None:
                return Recognition(False, f"it splits stimuli by a variant of {_name(splits)}")
            metric = metric._metric
        dissimilarity = metric if type(metric) is RDMMetric else None
        if dissimilarity is None and type(metric) is not CKA:
            return None
    else:
        return None
    if _names(type(benchmark)) != _BRACCI:
        time_bins = len(timebins_from_assembly(benchmark._assembly))
    if time_bins != 1:
        return Recognition(False, f"it records {time_bins} time bins")
    if dissimilarity is None:
        return Recognition(True, "CKA sees features only through their inner products")
    if type(dissimilarity._rdm) is not RDM or type(dissimilarity._similarity) is not RDMSimilarity:
        parts = f"{_name(dissimilarity._rdm)} and {_name(dissimilarity._similarity)}"
        return Recognition(False, f"it compares dissimilarities by {parts}")
    return Recognition(True, "dissimilarities see features only through correlations of stimuli", "correlations")


def _benchmark_obstacle(benchmark: Any) -> str | None:
    """Why a benchmark is not compressible; None if it is."""
    obstacle = _setup_obstacle(benchmark)
    if obstacle:
        return obstacle
    if len(benchmark.timebins) != 1 and not _spans_time(benchmark._similarity_metric.regression):
        return f"it records {len(benchmark.timebins)} time bins"
    return _regression_obstacle(_regression_of(benchmark), _smallest_training_set(benchmark))


def _setup_obstacle(benchmark: Any) -> str | None:
    """Why it is unknown how a benchmark passes features to its regression; None if it is known."""
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, TrainTestNeuralBenchmark
    from brainscore_vision.metric_helpers.transformations import CrossValidation
    from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
    from brainscore_vision.metrics.regression_correlation.metric import (
        CrossRegressedCorrelation,
        TrainTestSplitCorrelation,
    )

    kind = type(benchmark)
    if kind.__call__ is NeuralBenchmark.__call__:
        known_metric: type[Any] = CrossRegressedCorrelation
    elif kind.__call__ is TrainTestNeuralBenchmark.__call__:
        known_metric = TrainTestSplitCorrelation
        if kind.get_score is not TrainTestNeuralBenchmark.get_score:
            return f"{kind.__name__} compares recordings in its own way"
    elif _names(kind) == _PICKS_FEATURES:
        return "it picks and standardises single features"
    else:
        return f"{kind.__name__} runs its experiment in its own way"
    metric: Any = benchmark._similarity_metric
    if type(metric) is not known_metric:
        return f"its metric is {_name(metric)}, not {known_metric.__name__}"
    if known_metric is CrossRegressedCorrelation:
        if type(metric.cross_validation) is not CrossValidation:
            return f"it splits stimuli by {_name(metric.cross_validation)}"
        if metric.cross_validation._preprocess_indices is not None:
            return "its splits depend on the recording"
    regression = metric.regression
    wrapped = regression._regression if _spans_time(regression) else regression
    if type(wrapped) is not XarrayRegression:
        return f"its regression is wrapped by {_name(wrapped)}"
    return None


def _spans_time(regression: Any) -> bool:
    """Whether a regression takes the time bins of each stimulus as samples of one fit."""
    from brainscore_vision.metric_helpers.temporal import SpanTimeRegression

    return type(regression) is SpanTimeRegression


def _regression_of(benchmark: Any) -> Any:
    """The regression itself of a benchmark whose setup is known."""
    regression = benchmark._similarity_metric.regression
    return (regression._regression if _spans_time(regression) else regression)._regression


def _regression_obstacle(regression: Any, n_training: int) -> str | None:
    """Why a regression's predictions may depend on more than centred inner products; None if they can't."""
    from brainscore_vision.metrics.regression_correlation.metric import DualRidgeCVRegression, DualRidgeRegression
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge, RidgeCV

    kind = type(regression)
    if kind is PLSRegression:
        if regression.scale:
            return "PLS scales each feature"
        if regression.n_components >= n_training:
            return f"PLS fits {regression.n_components} components to {n_training} stimuli, the last to rounding errors"
        return None
    if kind not in (Ridge, RidgeCV, DualRidgeRegression, DualRidgeCVRegression):
        return f"{_name(regression)} isn't known to see features only through their inner products"
    if not getattr(regression, "fit_intercept", True):
        return f"{kind.__name__} fits no intercept, so the mean response matters"
    if kind is Ridge and (regression.positive or regression.solver not in ("auto", "svd", "cholesky")):
        return "Ridge with a constraint or an iterative solver depends on the axes"
    if kind is RidgeCV and (regression.cv is not None or regression.scoring is not None):
        return "RidgeCV chooses alpha by a custom procedure"
    if kind is DualRidgeCVRegression and regression._ridgecv_kwargs:
        return "DualRidgeCVRegression chooses alpha by a custom procedure"
    alphas = regression.alpha if hasattr(regression, "alpha") else regression.alphas
    if not np.min(np.asarray(alphas, float)) > 0:
        return "ridge without a positive penalty is least squares"
    return None


def _smallest_training_set(benchmark: Any) -> int:
    metric = benchmark._similarity_metric
    if not hasattr(metric, "cross_validation"):
        return benchmark.train_assembly.sizes["presentation"]
    # A copy, because a splitter that holds a generator would produce other splits after this call.
    split = copy.deepcopy(metric.cross_validation._split)
    _, splits = split.build_splits(benchmark._assembly)
    return min(len(training) for training, _ in splits)


def _names(kind: Any) -> str:
    return qualified_name(kind) if hasattr(kind, "__qualname__") else ""


def _name(thing: Any) -> str:
    return type(thing).__name__
