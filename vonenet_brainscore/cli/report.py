"""The command that writes a page about several models: `report`."""

from pathlib import Path
from typing import Annotated

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
from .tables import say


def report(
    models: Annotated[list[str] | None, typer.Argument(help="Models, named as for `score`.")] = None,
    output: Annotated[Path, typer.Option(help="The .html page to write; an existing one is overwritten.")] = Path(
        "report.html"
    ),
    benchmark: Annotated[
        list[str] | None, typer.Option(help="A benchmark, may be repeated; default, V1-properties.")
    ] = None,
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    back_end: BackEnds = None,
    layer: Layers = None,
    weights: Weights = None,
    device: Device = None,
    memory: Memory = None,
    cache: Annotated[bool, typer.Option(help="Reuse stored scores of the same content, and store new ones.")] = True,
) -> None:
    """Score models side by side and compare their Gabor filters with macaque V1, as one self-contained HTML page."""
    from ..report.page import write_report

    page = write_report(
        with_back_ends(models, back_end),
        output,
        benchmark or ["V1-properties"],
        noise=noise,
        trials=trials,
        seed=seed,
        region_layer_map=region_layer_map(layer),
        weights=weights,
        device=device,
        memory=in_bytes(memory),
        cache=cache,
    )
    say(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
