"""Metrics that compare a model with your own recordings, and their splits of the stimuli."""

from typing import Any

from .split_half import FEWEST_STIMULI

# Brain-Score's metrics that score each neuron by a correlation, for which split halves give a ceiling.
METRICS = ("pls", "ridge", "neuron_to_neuron", "linear_predictivity")
# Metrics that compare the geometry of all neurons' responses -> fewest stimuli for which they are defined.
GEOMETRIES = {"rsa": 3, "cka": 4}
TRAIN_SIZE = 0.9  # Brain-Score's share of the stimuli in the training part of a split


def geometry_benchmark(identifier: str, metric: str, assembly: Any, region: str, ceiling: Any, **shown: Any) -> Any:
    """Brain-Score's `RSABenchmark` of your own recordings, with all neurons as one subject.

    Parameters
    ----------
    identifier : str
    metric : str
        One of `GEOMETRIES`.
    assembly : NeuroidAssembly, (presentation, neuroid)
    region : str
    ceiling : Score
    **shown
        `visual_degrees` and `number_of_trials`.

    Raises
    ------
    ValueError
        For too few stimuli, or fewer than two neurons.
    """
    from brainscore_vision.benchmark_helpers.neural_common import RSABenchmark
    from brainscore_vision.benchmarks.laion_fmri.benchmark import _passthrough
    from brainscore_vision.metrics.cka.metric import CKA

    stimuli, neurons = assembly.shape
    if stimuli < GEOMETRIES[metric] or neurons < 2:
        raise ValueError(
            f"{stimuli} stimuli and {neurons} neurons are too few for {metric!r}; needs {GEOMETRIES[metric]} and 2"
        )
    # CKA compares the recordings themselves; Brain-Score's CKA benchmarks omit dissimilarities in the same way.
    compared = {"rdm": _passthrough, "similarity": CKA(unbiased=True)} if metric == "cka" else {}
    return RSABenchmark(
        identifier=identifier,
        version=1,
        assembly=assembly,
        region=region,
        bibtex="",
        ceiler=lambda _: ceiling,
        parent=region,
        **shown,
        **compared,
    )


def load_metric(metric: str, stratify: str | None, splits: int, split_seed: int) -> Any:
    """One of `METRICS` with the splits of a benchmark of your own recordings."""
    # Importing the plugin registers its metrics; Brain-Score's `load_metric` would first pip-install its requirements.
    import brainscore_vision.metrics.regression_correlation  # noqa: F401
    from brainscore_vision import metric_registry

    return metric_registry[metric](
        crossvalidation_kwargs={"stratification_coord": stratify, "splits": splits, "random_state": split_seed}
    )


def check_splits(stimulus_set: Any, metric: str, metric_object: Any, stratify: str | None) -> None:
    """Raise ValueError if there are too few stimuli for the splits of a metric, or they cannot be balanced."""
    stimuli = len(stimulus_set)
    train = int(TRAIN_SIZE * stimuli)
    components = getattr(metric_object.regression._regression, "n_components", 0)
    if train <= components or stimuli - train < FEWEST_STIMULI:
        fewest = max(components + 1, FEWEST_STIMULI)
        while int(TRAIN_SIZE * fewest) <= components or fewest - int(TRAIN_SIZE * fewest) < FEWEST_STIMULI:
            fewest += 1
        why = f", to fit {components} components; add stimuli or choose another metric" if components else ""
        raise ValueError(
            f"{stimuli} stimuli are too few for {metric!r} on splits of 90 % and 10 %; needs {fewest}{why}"
        )
    if stratify is None:
        return
    if stratify not in stimulus_set:
        raise ValueError(f"no column {stratify!r} to stratify by; the stimuli have {', '.join(stimulus_set.columns)}")
    counts = stimulus_set[stratify].value_counts()
    if counts.min() < 2 or len(counts) > stimuli - train:
        raise ValueError(
            f"{stratify!r} has {len(counts)} values in {stimuli} stimuli, {counts.idxmin()!r} {counts.min()} times; "
            f"a stratified split needs each twice and at most {stimuli - train} of them"
        )
