"""Options for your own recordings, and the benchmark that is made from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .tables import say

Images = Annotated[Path | None, typer.Option(help="Score on your own recordings: the folder of images.")]
Responses = Annotated[
    Path | None,
    typer.Option(help="... and the file of responses: .csv, .tsv, .parquet, .npy, .nc, .mat, .h5, .npz or .nwb."),
]
Region = Annotated[str, typer.Option(help="... the region of the model, and of the neurons that are scored.")]
Degrees = Annotated[
    float | None,
    typer.Option(help="... width of the images in degrees; default, as stated in the file, or else 8."),
]
RegionInFile = Annotated[
    str | None,
    typer.Option(help="... the name of the region in the file, if it differs."),
]
Window = Annotated[
    tuple[float, float] | None,
    typer.Option(help="... time window in ms after onset (.nwb: to count spikes in); default, as stated, or 50 200."),
]
Variable = Annotated[
    str | None, typer.Option(help="... the variable, or the table of an .nwb file, with the responses.")
]
Axes = Annotated[str | None, typer.Option(help="... an array's axes: stimulus, neuron and repetition, in its order.")]
Metric = Annotated[str, typer.Option(help="... pls, ridge, rsa, cka, neuron_to_neuron or linear_predictivity.")]
Splits = Annotated[int, typer.Option(min=1, help="... random splits into training and test stimuli.")]
SplitSeed = Annotated[
    int, typer.Option("--split_seed", min=0, max=2**32 - 1, help="... seed of these splits; Brain-Score's is 1.")
]


_NOT_GIVEN = {"region": "V1", "metric": "pls", "splits": 10, "split_seed": 1}  # None for all others
_OPTIONS = {"time_bin": "--window", "region_in_file": "--region-in-file"}


def own_benchmark(images: Path | None, responses: Path | None, **options: Any) -> Any:
    """The benchmark of `Images` and `Responses`; what was read is printed. None if neither is given.

    Raises
    ------
    ValueError
        If one is given without the other, or another of the options of this module without them; and as
        `neural_benchmark`, whose other arguments these are.
    """
    if (images is None) != (responses is None):
        raise ValueError("your own recordings take both --images and --responses")
    if images is None or responses is None:
        unused = [name for name, value in options.items() if value != _NOT_GIVEN.get(name)]
        if unused:
            raise ValueError(f"{_OPTIONS.get(unused[0], f'--{unused[0]}')} goes with --images and --responses")
        return None
    from ..own_recordings.neural_benchmark import neural_benchmark

    region, degrees = options.pop("region"), options.pop("degrees")
    own = neural_benchmark(responses.stem, images, responses, region, degrees, **options)
    _say_recordings(responses.name, region, own.own_recordings)
    return own


def _say_recordings(file: str, region: str, described: Mapping[str, Any]) -> None:
    say(
        f"{file}: {described['recordings']}; {region}, images {described['visual_degrees']:g} degrees wide, "
        f"{described['time_bin']}"
    )
    for note in filter(None, str(described["notes"]).split("\n")):
        say(f"note: {note}")
