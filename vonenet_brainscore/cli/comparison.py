"""The command that sets models side by side on one benchmark: `compare`."""

from pathlib import Path
from typing import Annotated

import typer

from .scoring import Device, Layers, Memory, Noise, Seed, Trials, Weights, in_bytes, region_layer_map
from .tables import number, say, table


def compare(
    models: Annotated[list[str], typer.Argument(help="Two or more models, named as for `score`.")],
    benchmark: Annotated[str, typer.Option(help="What they are scored on.")],
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    layer: Layers = None,
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
    cache: Annotated[bool, typer.Option(help="Take scores kept for the same content, and keep new ones.")] = True,
    output: Annotated[Path | None, typer.Option(help="Write the differences to a .csv file.")] = None,
) -> None:
    """Score models on one benchmark and compare them in pairs: differences with 95 % intervals, same images drawn."""
    from ..comparison import compare_models
    from ..files import check_writable, written_whole

    if output is not None:
        check_writable(output, (".csv",))
    scores, differences = compare_models(
        models,
        benchmark,
        seed=seed,
        trials=trials,
        noise=noise,
        region_layer_map=region_layer_map(layer) if layer else None,
        weights=weights,
        device=device,
        memory=in_bytes(memory),
        cache=cache,
    )
    columns = ("score", "raw", "ceiling")
    shown = table(f"Models on {benchmark}", "model", *columns, numbers=columns)
    for name, row in scores.iterrows():
        shown.add_row(str(name), *(number(row[column]) for column in columns))
    named, columns = ("first", "second"), ("difference", "from", "to")
    pairs = table("Differences, 95 % interval", *named, *columns, numbers=columns, names=named, least=("none",))
    for _, row in differences.iterrows():
        pairs.add_row(row["first"], row["second"], *(number(row[name]) for name in ("difference", "low", "high")))
    say(shown, pairs)
    if output is not None:
        with written_whole(output) as partial:
            differences.to_csv(partial, index=False)
        say(f"differences: {output}")
