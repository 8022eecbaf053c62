"""`score_model`: score a model on a benchmark. Start reading here."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from brainscore_core.benchmarks import Benchmark
    from brainscore_core.metrics import Score

    from .benchmarks.loading import LoadedBenchmark


def score_model(
    model: Any,
    benchmark: "str | Benchmark | Sequence[str | Benchmark]",
    *,
    noise: str = "model",
    trials: int | None = None,
    seed: int = 0,
    seeds: int | None = None,
    region_layer_map: Mapping[str, str] | None = None,
    front_end: Mapping[str, Any] | None = None,
    weights: "str | Path | None" = None,
    device: "str | torch.device | None" = None,
    memory: int | None = None,
    scheduler: str | None = None,
    cache: bool = True,
    progress: bool = True,
) -> "Score | dict[str, Score]":
    """How well a model predicts, or resembles, primate recordings.

    Parameters
    ----------
    model : str, nn.Module or BrainModel
        A name (`MODELS`, or one that Brain-Score knows), ``timm:NAME``, ``torchvision:NAME``, ``module:function``, a
        network, or a ready-made subject. A network without a VOneBlock takes a `region_layer_map`.
    benchmark : str, Benchmark, or a list of them
        An identifier, 'V1-properties' for the fifteen whose data ship with the package, or a Brain-Score benchmark.
    noise : {'model', 'none'}
        The VOneBlock's neuronal noise as in the model, or off.
    trials : int, optional
        Number of noise draws to average, in place of the benchmark's.
    seed : int
        Seed of the noise and of every bootstrap.
    seeds : int, optional
        Number of seeds, starting with `seed`: the score is the mean, and its error the standard deviation over seeds.
        For a name or a network.
    region_layer_map : mapping from region to layer, optional
        Added to the model's own, or in place of its entries.
    front_end : mapping, optional
        Arguments of `get_model` for the VOneBlock of a named model, in place of those it was published with, such as
        ``{'gabor_seed': 3, 'noise_scale': 0.5}``; and ``weights``, a checkpoint of one's own. Where trained weights
        are needed, those that contradict them are refused.
    weights : path or 'random', optional
        Of a network that is named by a reference: a checkpoint, or random ones; by default those that it comes with.
    device : str or torch.device, optional
        By default a GPU if there is one, for named models; where it is, for a network.
    memory : int, optional
        Bytes that recorded features may take before they are spilled to a temporary file.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers record the stimuli, to the same bits
        as this process. What they cannot record this process does; the attribute `recorded_on` says which, and why.
    cache : bool
        Return the score kept for the same content (weights, noise, trials, seed, data, layer, code), and keep new
        ones. Only scores of named benchmarks are kept.
    progress : bool
        Show progress bars.

    Returns
    -------
    Score, or dict from identifier to Score for a list or 'V1-properties'; a notebook shows either as a table
        With attributes `raw`, `ceiling`, `error`, and the record of what made it (`provenance.provenance`). Names and
        data are checked first, for all; of several benchmarks one that then cannot be scored gives NaN with the
        attribute `problem`, and a warning.

    Raises
    ------
    ValueError
        For a name that does not exist (with the nearest ones), or settings that cannot be.
    FileNotFoundError
        If data or released weights are needed and unavailable; says which, and how to get them.
    MemoryError
        If a benchmark needs more memory than there is, before the work starts.

    Examples
    --------
    >>> from vonenet_brainscore import score_model
    >>> small = {"simple_channels": 16, "complex_channels": 16}
    >>> score = score_model(
    ...     "voneresnet50",
    ...     "Marques2020_DeValois1982-pref_or",
    ...     noise="none",
    ...     front_end=small,
    ...     cache=False,
    ...     progress=False,
    ... )
    >>> 0 < float(score) < 1.1, score.attrs["noise"], score.attrs["layer"]
    (True, 'none', 'vone_block')
    """
    from torch import nn

    from .arguments import check_scheduler, check_seed
    from .brainscore import import_quietly

    import_quietly()
    from .benchmarks.loading import load_benchmarks
    from .recordings.loading import load_subject
    from .score_display import Scores, show_in_notebook
    from .seeds import over_seeds, seed_range

    check_seed(seed)
    if scheduler is not None:
        check_scheduler(scheduler)
    settings: dict[str, Any] = {
        "noise": noise,
        "trials": trials,
        "region_layer_map": region_layer_map,
        "front_end": front_end,
        "weights": weights,
        "device": device,
        "progress": progress,
    }
    if seeds is not None:
        if not isinstance(model, str | nn.Module):
            raise ValueError("seeds cannot be set on a ready-made BrainModel, whose noise has its own")
        drawn = seed_range(seed, seeds)
        settings |= {"memory": memory, "scheduler": scheduler, "cache": cache}
        each = [score_model(model, benchmark, seed=one, **settings) for one in drawn]
        return over_seeds(each, drawn)
    benchmarks = load_benchmarks(benchmark, seed=seed)
    subject = load_subject(model, seed=seed, **settings)
    wants_one = not isinstance(benchmark, list | tuple) and len(benchmarks) == 1
    scores = {}
    for identifier, score, error in each_score(
        subject, benchmarks, seed=seed, memory=memory, scheduler=scheduler, cache=cache, progress=progress
    ):
        if error is not None and (wants_one or not isinstance(error, ValueError | OSError | MemoryError)):
            raise error
        if error is not None:
            warnings.warn(f"{identifier} could not be scored: {error}", stacklevel=2)
        scores[identifier] = score
    show_in_notebook()
    return next(iter(scores.values())) if wants_one else Scores({name: scores[name] for name in benchmarks})


def each_score(
    subject: Any,
    benchmarks: "Mapping[str, LoadedBenchmark]",
    *,
    seed: int = 0,
    memory: int | None = None,
    scheduler: str | None = None,
    cache: bool = True,
    progress: bool = True,
) -> "Iterator[tuple[str, Score, Exception | None]]":
    """Scores of one subject, as they are computed; benchmarks share its recordings.

    Parameters
    ----------
    subject : BrainModel
    benchmarks : mapping from identifier to LoadedBenchmark
    seed, memory, scheduler, cache, progress
        As for `score_model`.

    Yields
    ------
    str
        The benchmark's identifier.
    Score
        As `score_model`'s; `provenance.no_score` in place of one that could not be computed.
    Exception or None
        The reason, if it could not.
    """
    from .benchmarks.running import run_benchmark
    from .benchmarks.v1_properties import V1PropertyBenchmark
    from .kept_scores import kept_or_computed
    from .provenance import content_of_score, no_score, provenance
    from .tuning.grating_experiments import GratingExperiments

    gratings: dict[str, GratingExperiments] = {}  # region -> recordings that its benchmarks share
    for identifier, loaded in benchmarks.items():
        each = loaded.benchmark

        def compute(loaded: "LoadedBenchmark" = loaded, each: Any = each) -> "Score":
            if isinstance(each, V1PropertyBenchmark):
                if each.region not in gratings:
                    gratings[each.region] = GratingExperiments(subject, each.region)
                score = each.compare(gratings[each.region])
                if scheduler is not None:
                    score.attrs["recorded_on"] = "this process: gratings are not recorded on workers"
            else:
                limits: dict[str, Any] = {"memory": memory, "scheduler": scheduler, "progress": progress}
                score = run_benchmark(subject, each, name=loaded.identifier, seed=seed, **limits)
            score.attrs |= provenance(subject, loaded, seed=seed) | score.attrs  # a benchmark's own word stands
            return score

        error = None
        try:
            content = content_of_score(subject, loaded, seed=seed) if cache else None
            score = compute() if content is None else kept_or_computed(content, compute)
        except Exception as raised:  # whatever a benchmark of Brain-Score's or a user's raises; the caller is told
            error = raised
            score = no_score(subject, loaded, error, seed=seed)
            # With others, for which recordings are made anyway; alone it is refused before the work.
            measurable = len(benchmarks) > 1 and isinstance(each, V1PropertyBenchmark) and each.region in gratings
            if measurable and isinstance(error, ValueError | OSError):
                with suppress(ValueError, OSError):  # the model's side, without primate data
                    score.attrs |= each.measure(gratings[each.region])
        yield identifier, score, error
