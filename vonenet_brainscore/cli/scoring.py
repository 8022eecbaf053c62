"""Commands that score: `list`, `score`, `choose-layers`, `self-check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from .score_table import interval, score_table, signed, star
from .tables import number, say, table

if TYPE_CHECKING:
    from brainscore_core.metrics import Score


Model = Annotated[
    str,
    typer.Argument(
        help="A model's name; `vonenet-brainscore list` shows them. Or brainscore:ID, timm:NAME, torchvision:NAME, "
        "module:function, vonenet:timm:NAME."
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the noise and of every bootstrap.")]
Trials = Annotated[int | None, typer.Option(min=1, help="Noise draws to average; default, the benchmark's number.")]
Noise = Annotated[str, typer.Option(help="'model' for the model's own neuronal noise, or 'none'.")]
Device = Annotated[str | None, typer.Option(help="Device, for example 'cuda'; default, a GPU if there is one.")]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", help="Layer of a region, as V1=layer1; may be repeated. For networks such as timm:NAME."),
]
Weights = Annotated[
    str | None,
    typer.Option(help="For networks such as timm:NAME: a checkpoint or 'random'; default, the library's weights."),
]
BackEnds = Annotated[
    list[str] | None,
    typer.Option(
        "--back_end",
        help="A VOneBlock before this network, as timm:resnet18; may be repeated.",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(min=0.1, max=1e6, help="GB of recordings in memory; default, 2, or a quarter of the machine's."),
]

Scheduler = Annotated[str | None, typer.Option(help="A Dask scheduler, tcp://HOST:PORT, whose workers record.")]


def in_bytes(memory: float | None) -> int | None:
    """Bytes of `Memory`'s GB, which its range keeps finite."""
    return None if memory is None else int(memory * 1e9)


def region_layer_map(options: list[str] | None) -> dict[str, str] | None:
    """Regions and layers of `Layers`, None without any; ValueError for one not REGION=LAYER, or a region twice."""
    if not options:
        return None
    pairs = [option.split("=") for option in options]
    wrong = [option for option, pair in zip(options, pairs, strict=True) if len(pair) != 2 or not all(pair)]
    if wrong:
        raise ValueError(f"--layer is {wrong[0]!r}; give REGION=LAYER, for example IT=model.layer4.0")
    regions = {region: layer for region, layer in pairs}
    if len(regions) < len(pairs):
        raise ValueError(f"--layer names a region twice: {', '.join(options)}; give each once")
    return regions


def with_back_ends(models: list[str] | None, back_ends: list[str] | None) -> list[str]:
    """Models, those of `BackEnds` among them; typer.BadParameter where neither names one."""
    from ..models.named_networks import VONENET_PREFIX

    named = [*(models or []), *(VONENET_PREFIX + name for name in back_ends or [])]
    if not named:
        raise typer.BadParameter("no model named; `vonenet-brainscore list` shows them, and --back_end makes one")
    return named


FIGURE_SUFFIXES = (".png", ".pdf", ".svg", ".jpg")


def list_models_and_benchmarks(
    all_benchmarks: Annotated[bool, typer.Option("--all", help="Also every benchmark that Brain-Score knows.")] = False,
) -> None:
    """List models and benchmarks, and which weights and data are on this machine."""
    from ..benchmarks.names import BENCHMARK_SETS, DATASET_NAMES, V1_PROPERTIES_NAME, known_benchmarks
    from ..benchmarks.storage import data_status
    from ..models.checkpoints import vonenet_home
    from ..models.registry import MODELS

    named = ("model", "in Brain-Score")
    models = table("Models", *named, "V1 (grey stimuli)", "V2, V4, IT", names=named, least=("V1 (grey stimuli)",))
    for name, row in MODELS.items():
        if not row.checkpoint:
            rest = "none: a front end alone"
        elif (vonenet_home() / row.checkpoint).is_file():
            rest = "ready"
        else:
            rest = f"needs {row.checkpoint}"
        models.add_row(name, row.brainscore_identifier, "ready", rest)
    benchmarks = table("Benchmarks", "benchmark", "region", "data")
    for name, identifiers in BENCHMARK_SETS.items():
        benchmarks.add_row(name, "V1", f"ready: the first {len(identifiers)} below")
    for identifier in BENCHMARK_SETS[V1_PROPERTIES_NAME]:
        benchmarks.add_row(f"  {identifier}", "V1", "ready: part of this package")
    for name in DATASET_NAMES:
        ready = all(state == "verified" for state in data_status(name).values())
        benchmarks.add_row(
            name, name.rpartition("-")[2].upper(), "ready" if ready else f"vonenet-brainscore data fetch {name}"
        )
    say(models, benchmarks)
    known = known_benchmarks()
    say("\n".join(known) if all_benchmarks else f"{len(known)} names in all: vonenet-brainscore list --all")


def score(
    model: Model,
    benchmarks: Annotated[
        list[str] | None, typer.Argument(help="Benchmarks; default, V1-properties, whose data are part of the package.")
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[
        int | None,
        typer.Option(min=2, help="Number of seeds: the score is their mean, its error their standard deviation."),
    ] = None,
    trials: Trials = None,
    noise: Noise = "model",
    layer: Layers = None,
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
    scheduler: Scheduler = None,
    cache: Annotated[bool, typer.Option(help="Reuse stored scores of the same content, and store new ones.")] = True,
    output: Annotated[Path | None, typer.Option(help="Write the table to a .json, .csv or .nc file.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="File for the figure of V1 properties; default, named after the model.")
    ] = None,
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
) -> None:
    """Score a model on benchmarks: a table, and for V1 properties a figure of model and primate distributions."""
    from ..files import check_writable
    from ..results import SUFFIXES, save_results
    from ..scoring import score_model

    wanted: list[Any] = list(benchmarks or [])
    target = figure or Path(f"{model.replace(':', '-')}-V1-properties.png")
    check_writable(target, FIGURE_SUFFIXES)
    if output is not None:
        check_writable(output, SUFFIXES)
    own = own_benchmark(
        images,
        responses,
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
    if own is not None:
        wanted.append(own)
    scores: Any = score_model(
        model,
        wanted or ["V1-properties"],
        noise=noise,
        trials=trials,
        seed=seed,
        seeds=seeds,
        region_layer_map=region_layer_map(layer),
        weights=weights,
        device=device,
        memory=in_bytes(memory),
        scheduler=scheduler,
        cache=cache,
    )
    say(*score_table(model, scores))
    if output is not None:
        save_results(scores, output)
        say(f"numbers: {output}")
    if any("model_values" in score.attrs for score in scores.values()):
        _save_figure(scores, target)
        say(f"figure:  {target}")
    problems = [f"{name}: {score.attrs['problem']}" for name, score in scores.items() if "problem" in score.attrs]
    if problems:
        raise RuntimeError(f"{len(problems)} of {len(scores)} benchmarks could not be scored:\n" + "\n".join(problems))


def choose_layers(
    model: Model,
    benchmark: Annotated[
        str, typer.Argument(help="A benchmark of the region with PLS, ridge, CKA or dissimilarities.")
    ],
    layers: Annotated[list[str] | None, typer.Argument(help="Candidates; default, the network's stages.")] = None,
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
) -> None:
    """Score candidate layers on a benchmark in one pass over its images, best first."""
    from ..layer_choice import choose_layers as choose

    choice = choose(
        model,
        benchmark,
        layers,
        noise=noise,
        trials=trials,
        seed=seed,
        weights=weights,
        device=device,
        memory=in_bytes(memory),
    )
    columns = ("score", "95 %", "raw", "error", "ceiling", "neuroids")
    shown = table(f"{model} on {benchmark}", "layer", *columns, numbers=columns)
    for layer, row in choice.scores.iterrows():
        whole = number(row["score"]), interval(row["score_low"], row["score_high"])
        shown.add_row(
            str(layer), *whole, signed(row["raw"]), *map(number, row[["error", "ceiling"]]), number(row["n_units"], 0)
        )
    say(
        shown,
        "95 %: interval of the score",
        "error: of raw, its standard error over splits",
        *star(choice.scores["raw"]),
    )
    say(f"region_layer_map={choice.region_layer_map}")


def self_check(model: Model = "voneresnet50", seed: Seed = 0, noise: Noise = "none", device: Device = None) -> None:
    """Score the VOneBlock, pixels and shuffled responses on a simulated V1 whose truth is known; needs no data."""
    from ..benchmarks.running import run_benchmark
    from ..benchmarks.self_check import self_check as check
    from ..recordings.loading import load_subject

    subject = load_subject(model, noise=noise, seed=seed, device=device)
    found = check(subject, seed=seed, score=lambda each, benchmark: run_benchmark(each, benchmark, seed=seed))
    shown = table(f"{found.benchmark} (simulated, not primate data)", "subject", "score", "r", "error of r")
    for row in found.rows:
        shown.add_row(row.subject, number(row.score), number(row.r), number(row.error))
    say(shown, f"ceiling {number(found.ceiling)}, analytic {number(found.analytic_ceiling)}")
    if found.problems:
        raise RuntimeError("the self-check failed: " + "; ".join(found.problems))
    say("passed: the VOneBlock scores above pixels, pixels above shuffled responses, and the ceiling is as expected")


def _save_figure(scores: "dict[str, Score]", target: Path) -> None:
    from ..files import written_whole
    from ..plots.properties import property_distributions

    drawing = property_distributions(scores)
    with written_whole(target) as partial:
        drawing.savefig(partial, dpi=150)
