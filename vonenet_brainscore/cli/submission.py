"""Commands that bring a model to Brain-Score: `submit` to the leaderboard, `register` on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from .scoring import region_layer_map
from .tables import say


def submit(
    model: Annotated[
        str,
        typer.Argument(help="A model's name (`vonenet-brainscore list`), or the back end timm:NAME."),
    ],
    identifier: Annotated[
        str | None, typer.Option(help="The model's identifier on Brain-Score; required with your own weights.")
    ] = None,
    front_end: Annotated[
        bool, typer.Option("--front-end", help="The V1 front end alone, which needs no weights.")
    ] = False,
    weights: Annotated[
        Path | None, typer.Option(help="Your own checkpoint; included in the zip unless an address is given.")
    ] = None,
    weights_url: Annotated[
        str | None,
        typer.Option(help="Address from which the leaderboard downloads the checkpoint; default, the released one."),
    ] = None,
    weights_sha256: Annotated[str | None, typer.Option(help="The sha256 of the checkpoint.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer of a region, as REGION=LAYER, in place of the model's own; may be repeated."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The zip to write; default IDENTIFIER.zip.")] = None,
    template: Annotated[
        Path | None, typer.Option(help="Write this plugin folder, for a pull request, instead of a zip.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    check: Annotated[
        bool, typer.Option(help="Test the zip first, with Brain-Score's tests and against the local model.")
    ] = True,
) -> None:
    """Package a model as a tested zip for the Brain-Score leaderboard, to be uploaded by hand."""
    from ..benchmarks.names import LEADERBOARD
    from ..submission.packaging import package_submission

    if output is not None and template is not None:
        raise ValueError("--output is for a zip and --template for a folder; give one of them")
    if check:
        say("the check, in a fresh process, takes a minute or two")
    made = package_submission(
        model,
        template or output,
        identifier=identifier,
        front_end=front_end,
        weights=weights,
        weights_url=weights_url,
        weights_sha256=weights_sha256,
        region_layer_map=region_layer_map(layer) or {},
        template=template is not None,
        force=force,
        check=check,
    )
    weights_line = "none: the front end is rebuilt from its Gabor parameters"
    if made.weights is not None:
        where = made.weights.get("address", "in the zip")
        weights_line = f"{where}, sha256 {made.weights['sha256']}"
    say(
        f"{'folder:' if template else 'zip:':<11} {made.path} ({made.size / 1e6:.1f} MB zipped)",
        f"identifier: {made.identifier}",
        f"regions:    {', '.join(f'{region} {name}' for region, name in made.region_layer_map.items())}",
        f"weights:    {weights_line}",
    )
    if made.check is None:
        say("check:      left out")
    else:
        say(
            f"check:      {made.check.brainscore_tests} tests of Brain-Score's and {made.check.plugin_tests} of the "
            f"plugin's passed; V1 differs from the local model's by at most {made.check.largest_difference:.1g}"
        )
    say(*(f"note:       {note}" for note in made.notes))
    if template is None:
        say(f"next:       upload it by hand at {LEADERBOARD}, at most five a day; what you upload becomes public")
    else:
        say("next:       make it a folder of brainscore_vision/models in a pull request to brain-score/vision")


def register() -> None:
    """Make Brain-Score's own load_model and score find the models."""
    from ..models.registry import MODELS
    from ..registration import register as register_models

    folder = register_models()
    names = ", ".join(row.brainscore_identifier for row in MODELS.values())
    say(f"registered {names} in {folder}")


def unregister() -> None:
    """Undo `register`."""
    from ..registration import unregister as unregister_models

    say("removed from Brain-Score" if unregister_models() else "nothing was registered")
