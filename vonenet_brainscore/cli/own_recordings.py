"""Options for your own recordings, and the benchmark that is made from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .tables import say

Images = Annotated[Path | None, typer.Option(help="Score on your own recordings: the folder of images.")]
Responses = Annotated[
    Path | None,
    typer.Option(help="... and the file of responses: .npy, .nc, .csv, .parquet, .mat, .h5, .npz or .nwb."),
]
Region = Annotated[str, typer.Option(help="... the region of the model, and of the neurons that are scored.")]
Degrees = Annotated[
    float | None,
    typer.Option(help="... width of the images in degrees; default, as stated in the file, or else 8."),
]


def own_benchmark(
    images: Path | None, responses: Path | None, region: str, degrees: float | None, metric: str = "pls", **more: Any
) -> Any:
    """The benchmark of `Images` and `Responses`, described before it is used; None if neither is given.

    Raises
    ------
    ValueError
        If one is given without the other; and as `neural_benchmark`, whose other arguments are `more`.
    """
    if (images is None) != (responses is None):
        raise ValueError("your own recordings take both --images and --responses")
    if images is None or responses is None:
        return None
    from ..own_recordings.neural_benchmark import neural_benchmark

    own = neural_benchmark(responses.stem, images, responses, region, degrees, metric, **more)
    _say_recordings(responses.name, region, own.own_recordings)
    return own


def _say_recordings(file: str, region: str, described: Mapping[str, Any]) -> None:
    say(
        f"{file}: {described['recordings']}; {region}, images {described['visual_degrees']:g} degrees wide, "
        f"{described['time_bin']}"
    )
    for note in filter(None, str(described["notes"]).split("\n")):
        say(f"note: {note}")
