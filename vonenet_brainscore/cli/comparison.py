"""Commands that compare models on one benchmark: `compare` and `partition`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .own_recordings import (
    Axes,
    Degrees,
    Images,
    Metric,
    Region,
    RegionInFile,
    Responses,
    Splits,
    SplitSeed,
    Variable,
    Window,
    own_benchmark,
)
from .score_table import interval, recorded_with, signed, star
from .scoring import FIGURE_SUFFIXES, Device, Layers, Memory, Noise, Seed, Trials, Weights, in_bytes, region_layer_map
from .tables import number, say, table

Benchmark = Annotated[str | None, typer.Option(help="Benchmark for all models, if not your own recordings.")]


def _one_benchmark(name: str | None, **own_recordings: Any) -> Any:
    own = own_benchmark(**own_recordings)
    if (name is None) == (own is None):
        raise ValueError("models are compared on one benchmark: give --benchmark, or --images and --responses")
    return name or own


def compare(
    models: Annotated[list[str], typer.Argument(help="Two or more models, named as for `score`.")],
    benchmark: Benchmark = None,
    images: Images = None,
    responses: Responses = None,
    region: Region = "V1",
    region_in_file: RegionInFile = None,
    degrees: Degrees = None,
    window: Window = None,
    variable: Variable = None,
    axes: Axes = None,
    metric: Metric = "pls",
    splits: Splits = 10,
    split_seed: SplitSeed = 1,
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    layer: Layers = None,
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
    cache: Annotated[bool, typer.Option(help="Reuse stored scores of the same content, and store new ones.")] = True,
    output: Annotated[Path | None, typer.Option(help="Write the differences to a .csv file.")] = None,
) -> None:
    """Score models on one benchmark and compare them in pairs: differences with 95 % intervals, same images drawn."""
    from ..comparison import compare_models
    from ..files import check_writable, written_whole

    if output is not None:
        check_writable(output, (".csv",))
    one = _one_benchmark(
        benchmark,
        images=images,
        responses=responses,
        region=region,
        degrees=degrees,
        metric=metric,
        time_bin=window,
        splits=splits,
        split_seed=split_seed,
        variable=variable,
        axes=axes,
        region_in_file=region_in_file,
    )
    scores, differences = compare_models(
        models,
        one,
        seed=seed,
        trials=trials,
        noise=noise,
        region_layer_map=region_layer_map(layer),
        weights=weights,
        device=device,
        memory=in_bytes(memory),
        cache=cache,
    )
    of_model = ("score", "95 %", "raw", "ceiling")
    shown = table(f"Models on {benchmark or one.identifier}", "model", *of_model, numbers=of_model)
    for name, row in scores.iterrows():
        ends = interval(row.get("score_low"), row.get("score_high"))
        shown.add_row(str(name), number(row["score"]), ends, signed(row["raw"]), number(row["ceiling"]))
    named, columns = ("first", "second"), ("difference", "from", "to")
    pairs = table("Differences, 95 % interval", *named, *columns, numbers=columns, names=named, least=("none",))
    for _, row in differences.iterrows():
        pairs.add_row(row["first"], row["second"], *(number(row[name]) for name in ("difference", "low", "high")))
    recorded = [f"{name}: {recorded_with(row)}" for name, row in scores.iterrows()]
    say(shown, *star(scores["raw"]), pairs, *recorded)
    if output is not None:
        with written_whole(output) as partial:
            differences.to_csv(partial, index=False)
        say(f"differences: {output}")


def partition(
    models: Annotated[list[str], typer.Argument(help="Two to four models, named as for `score`, or 'pixels'.")],
    benchmark: Benchmark = None,
    images: Images = None,
    responses: Responses = None,
    region: Region = "V1",
    region_in_file: RegionInFile = None,
    degrees: Degrees = None,
    window: Window = None,
    variable: Variable = None,
    axes: Axes = None,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the stimuli, each predicted from the other parts.")] = 5,
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    layer: Layers = None,
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
    output: Annotated[Path | None, typer.Option(help="Write R^2 of each neuron to a .csv file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the parts to a .png, .pdf, .svg or .jpg file.")] = None,
) -> None:
    """Variance partitioning: which part of the neurons' variance each model explains uniquely, and which is shared."""
    from ..files import check_writable, written_whole
    from ..variance_partition import partition_variance

    if output is not None:
        check_writable(output, (".csv",))
    if figure is not None:
        check_writable(figure, FIGURE_SUFFIXES)
    found = partition_variance(
        models,
        _one_benchmark(
            benchmark,
            images=images,
            responses=responses,
            region=region,
            degrees=degrees,
            time_bin=window,
            variable=variable,
            axes=axes,
            region_in_file=region_in_file,
        ),
        folds=folds,
        seed=seed,
        trials=trials,
        noise=noise,
        region_layer_map=region_layer_map(layer),
        weights=weights,
        device=device,
        memory=in_bytes(memory),
    )
    columns = ("R²", "from", "to")
    title = f"{found.benchmark}: {found.n_stimuli} stimuli, {len(found.neurons)} neurons"
    shown = table(title, "part", "model", *columns, numbers=columns, names=("model",))
    for (part, model), row in found.parts.iterrows():
        shown.add_row(part, model, *(number(row[name]) for name in ("mean", "low", "high")))
    say(shown, "R² of held-out stimuli, mean over neurons with its 95 % interval over images and neurons")
    if output is not None:
        with written_whole(output) as partial:
            found.neurons.to_csv(partial)
        say(f"neurons: {output}")
    if figure is not None:
        from ..plots.partition import explained_variance

        with written_whole(figure) as partial:
            explained_variance(found).savefig(partial, dpi=150)
        say(f"figure:  {figure}")
