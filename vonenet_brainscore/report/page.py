"""`write_report`: a self-contained page of scores, pictures and provenance of models, side by side."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import check_writable, written_whole

if TYPE_CHECKING:
    import torch
    from brainscore_core.metrics import Score

    from ..gabors.gabor_comparison import GaborComparison

TEMPLATE = "page.html.jinja"
SUFFIXES = (".html", ".htm")


def write_report(
    models: "str | Sequence[Any] | Mapping[str, Any]",
    output: str | Path,
    benchmarks: Sequence[str] = ("V1-properties",),
    *,
    noise: str = "model",
    trials: int | None = None,
    seed: int = 0,
    region_layer_map: Mapping[str, str] | None = None,
    weights: str | Path | None = None,
    device: "str | torch.device | None" = None,
    memory: int | None = None,
    cache: bool = True,
    progress: bool = True,
) -> Path:
    """Score models, compare their Gabor filters with macaque V1, and write all of it as one HTML page.

    The page loads nothing: pictures, style and the tables to download, as CSV, are inside it. A benchmark that cannot
    be scored and a model without Gabor filters are on it with the reason. An existing page is replaced
    atomically. The page has no date, so that the same scores and comparisons give the same page.

    Parameters
    ----------
    models : str, nn.Module, sequence of them, or mapping from name to model
        Models as for `score_model`. Names, which head the columns, are by default a string itself or a network's class.
    output : path
        Ends in .html or .htm.
    benchmarks : sequence of str
        Names as for `score_model`.
    region_layer_map, weights
        As for `score_model`, of the models that are named by a reference.
    noise, trials, seed, device, memory, cache, progress
        As for `score_model`.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        For another suffix, no model or benchmark, two models of one name, or an unknown model, benchmark or setting;
        before any is scored.
    FileNotFoundError, PermissionError, IsADirectoryError
        If `output` is in no folder, or in one that cannot be written to, or is one; before any is scored.

    Warns
    -----
    UserWarning
        For a benchmark that could not be scored.
    """
    from ..benchmarks.joint_comparison import joint_comparisons
    from ..benchmarks.names import benchmark_identifiers
    from ..recordings.loading import load_subject, settings_of_references
    from .pictures import filter_pictures, gabor_pictures, joint_pictures, large_gabor_pictures, property_pictures
    from .tables import downloads, gabor_rows, problems_of, provenance_of, sampling_of, score_rows, yardsticks_of

    page = _checked_page(output)
    named = _named(models)
    identifiers = list(dict.fromkeys(each for name in _listed(benchmarks) for each in benchmark_identifiers(name)))
    if not identifiers:
        raise ValueError("no benchmark named; 'V1-properties' needs only the package's own data")
    settings: dict[str, Any] = {"noise": noise, "trials": trials, "seed": seed, "device": device, "progress": progress}
    subjects = {}
    for name, model in named.items():
        own = settings_of_references(model, region_layer_map=region_layer_map, weights=weights)
        subjects[name] = load_subject(model, **settings, **own)
    scores = _score_all(subjects, identifiers, seed=seed, memory=memory, cache=cache)
    jointly = {name: joint_comparisons(each) for name, each in scores.items()}
    comparisons, without_gabors = _compare_all(named, seed)
    content = {
        "models": list(named),
        "seed": seed,
        "score_rows": score_rows(scores),
        "problems": problems_of(scores),
        "yardsticks": yardsticks_of(scores),
        "property_pictures": property_pictures(scores),
        "joint_pictures": joint_pictures(jointly),
        "gabor_rows": gabor_rows(comparisons),
        "without_gabors": without_gabors,
        "gabor_pictures": gabor_pictures(comparisons, list(named)),
        "large_pictures": large_gabor_pictures(comparisons, list(named)),
        "filter_pictures": filter_pictures(comparisons),
        "sampling": sampling_of(comparisons),
        "downloads": downloads(scores, comparisons, jointly),
        **provenance_of(scores),
    }
    with written_whole(page) as partial:
        partial.write_text(_rendered(content), encoding="utf-8")
    return page


def _checked_page(output: str | Path) -> Path:
    page = check_writable(output, SUFFIXES)
    return page


def _named(models: Any) -> dict[str, Any]:
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        given = _listed(models)
        names = [model if isinstance(model, str) else type(model).__name__ for model in given]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two models are called {', '.join(twice)}; tell them apart as {{'a name': model, ...}}")
        named = dict(zip(names, given, strict=True))
    if not named:
        raise ValueError("no model named; give at least one, for example 'voneresnet50'")
    return named


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _score_all(
    subjects: Mapping[str, Any], identifiers: Sequence[str], *, seed: int, memory: int | None, cache: bool
) -> "dict[str, dict[str, Score]]":
    """Scores by model and benchmark; NaN with its `problem` where the benchmark's data are unavailable."""
    from brainscore_core.metrics import Score

    from ..benchmarks.loading import load_benchmarks
    from ..scoring import score_model

    ready: list[str] = []
    absent: dict[str, Score] = {}
    for identifier in identifiers:
        try:
            load_benchmarks(identifier)  # else `score_model` would score none of them
            ready.append(identifier)
        except OSError as error:
            warnings.warn(f"{identifier} could not be scored: {error}", stacklevel=3)
            absent[identifier] = Score(float("nan"))
            absent[identifier].attrs["problem"] = str(error)
    scored: dict[str, Any] = {
        name: score_model(subject, ready, seed=seed, memory=memory, cache=cache) if ready else {}
        for name, subject in subjects.items()
    }
    return {name: {**each, **absent} for name, each in scored.items()}


def _compare_all(named: Mapping[str, Any], seed: int) -> "tuple[dict[str, GaborComparison], dict[str, str]]":
    """The comparison of each model with Gabor filters, and the reason for models without."""
    from ..gabors.gabor_comparison import compare_gabors

    comparisons, without = {}, {}
    for name, model in named.items():
        try:
            comparisons[name] = compare_gabors(model, seed=seed)
        except (ValueError, TypeError) as error:
            without[name] = str(error)
    return comparisons, without


def _rendered(content: Mapping[str, Any]) -> str:
    import pandas as pd
    from jinja2 import Environment, StrictUndefined

    from .tables import readable_name, shared_value

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = lambda value: "–" if pd.isna(value) else f"{value:.3f}"
    environment.globals |= {"shared_value": shared_value, "readable": readable_name}
    template = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(content)
