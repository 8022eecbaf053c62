"""The command that scores many models: `sweep`."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .scoring import (
    BackEnds,
    Device,
    Layers,
    Memory,
    Noise,
    Seed,
    Trials,
    Weights,
    in_bytes,
    region_layer_map,
    with_back_ends,
)
from .tables import number, say, table

if TYPE_CHECKING:
    from xarray import Dataset

_MOST_VALUES = 6  # of one setting, each with a column on the terminal
_REASONS = 10  # on the terminal; results.csv has all
_LONGEST_RANGE = 1_000_000


def sweep(
    output: Annotated[Path, typer.Option(help="Folder of results; an interrupted sweep resumes there.")],
    models: Annotated[list[str] | None, typer.Option(help="Models, named as for `score`.")] = None,
    back_end: BackEnds = None,
    benchmarks: Annotated[list[str] | None, typer.Option(help="Benchmarks; default, V1-properties.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUES, such as gabor_seed=0..9 noise_scale=0,0.35; every combination."),
    ] = None,
    noise: Noise = "model",
    trials: Trials = None,
    seed: Seed = 0,
    layer: Layers = None,
    weights: Weights = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes here, or jobs of a cluster.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads per worker; may change the last bit of a score.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="A Dask scheduler, tcp://HOST:PORT.")] = None,
    cluster: Annotated[str | None, typer.Option(help="A batch system: slurm, pbs, sge, lsf, oar ...")] = None,
    cluster_option: Annotated[
        list[str] | None,
        typer.Option(help="Option of the batch system, such as queue=normal."),
    ] = None,
    memory: Memory = None,
    device: Device = None,
    cache: Annotated[bool, typer.Option(help="Also use the scores that `score` stores.")] = True,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a lost scheduler.")] = 300,
) -> None:
    """Score models with every combination of settings on benchmarks: a folder of records, a table, a figure."""
    from ..sweep.score_models import score_models

    dataset = score_models(
        with_back_ends(models, back_end),
        benchmarks or "V1-properties",
        settings_in(settings or []),
        output=output,
        noise=noise,
        trials=trials,
        seed=seed,
        region_layer_map=region_layer_map(layer),
        weights=weights,
        workers=workers,
        threads=threads,
        scheduler=scheduler,
        cluster=cluster,
        cluster_options={name: value(word) for name, word in _pairs("--cluster-option", cluster_option or [])},
        memory=in_bytes(memory),
        device=device,
        cache=cache,
        patience_s=patience,
    )
    say(_table(dataset), f"results: {output}")
    failed = _what_failed(dataset, output)
    if failed:
        raise RuntimeError(failed)


def settings_in(words: Iterable[str]) -> dict[str, list[Any]]:
    """Settings from ``NAME=VALUES``: numbers and words with commas between, and ``FIRST..LAST`` whole numbers.

    Raises
    ------
    ValueError
        For words of another form, or a name twice.
    """
    found: dict[str, list[Any]] = {}
    for name, text in _pairs("--set", words):
        if name in found:
            raise ValueError(f"--set names {name} twice; put its values in one, with commas between")
        found[name] = [each for part in text.split(",") for each in _values(part)]
    return found


def _pairs(flag: str, words: Iterable[str]) -> list[tuple[str, str]]:
    wrong = [word for word in words if not re.fullmatch(r"\w+=.+", word, re.DOTALL)]
    if wrong:
        raise ValueError(f"{flag} has {wrong[0]!r}; it takes NAME=VALUE, without spaces around the =")
    return [(name, text) for name, _, text in (word.partition("=") for word in words)]


def _values(part: str) -> Iterable[Any]:
    ends = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", part)
    if ends is None:
        return [value(part)]
    first, last = map(int, ends.groups())
    if last < first:
        raise ValueError(f"{part} goes down; write {last}..{first}")
    if last - first >= _LONGEST_RANGE:
        raise ValueError(f"{part} is more than {_LONGEST_RANGE} values; a sweep takes days with a thousandth of that")
    return range(first, last + 1)


def value(word: str) -> Any:
    """A number, True, False, None, or the word itself."""
    names = {"true": True, "false": False, "none": None}
    if word.lower() in names:
        return names[word.lower()]
    for number_of in (int, float):
        try:
            return number_of(word)
        except ValueError:
            continue
    return word


def _table(dataset: "Dataset") -> Any:
    """Scores by model and benchmark: for every value of a single swept setting, or mean and range over all settings."""
    import numpy as np

    named = ("model", "benchmark")
    swept = [name for name, size in dataset["score"].sizes.items() if size > 1 and name not in named]
    if len(swept) == 1 and dataset.sizes[swept[0]] <= _MOST_VALUES:
        values = [str(each) for each in dataset[swept[0]].values]
        shown = table(f"Scores by {swept[0]}", *named, *values, numbers=tuple(values), names=named)
        for model in dataset["model"].values:
            for benchmark in dataset["benchmark"].values:
                scores = dataset["score"].sel(model=model, benchmark=benchmark).values.ravel()
                shown.add_row(str(model), str(benchmark), *map(number, scores))
        return shown
    columns = ("mean", "lowest", "highest", "scored", "failed")
    shown = table("Scores over all settings", *named, *columns, numbers=columns, names=named)
    for model in dataset["model"].values:
        for benchmark in dataset["benchmark"].values:
            scores = dataset["score"].sel(model=model, benchmark=benchmark).values.ravel()
            made = scores[~np.isnan(scores)]
            numbers = (made.mean(), made.min(), made.max()) if len(made) else (None, None, None)
            counts = str(len(made)), str(len(scores) - len(made))
            shown.add_row(str(model), str(benchmark), *map(number, numbers), *counts)
    return shown


def _what_failed(dataset: "Dataset", output: Path) -> str:
    """Reasons for missing scores, each once, and results that could not be written; empty without failures."""
    problems = Counter(str(problem) for problem in dataset["problem"].values.ravel() if problem)
    said = []
    if problems:
        said.append(f"{problems.total()} of {dataset['problem'].size} scores are missing ({output}/results.csv):")
        said += [f"{count} x {problem}" for problem, count in problems.most_common(_REASONS)]
        if len(problems) > _REASONS:
            said.append(f"and {len(problems) - _REASONS} other reasons")
    if dataset.attrs["not_kept"]:
        said.append(f"not kept: {dataset.attrs['not_kept']}; make room there, and the same command completes it")
    return "\n".join(said)
