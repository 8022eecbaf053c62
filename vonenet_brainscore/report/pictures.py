"""The pictures of a report, embedded as data URIs."""

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from brainscore_core.metrics import Score
    from matplotlib.figure import Figure

    from ..benchmarks.joint_comparison import JointComparison
    from ..gabors.gabor_comparison import GaborComparison


def data_uri(media_type: str, content: bytes) -> str:
    """A data: URI that holds a file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


class Picture(NamedTuple):
    """A picture of one model on the page: `source` is a data: URI, `alt` describes it."""

    model: str
    source: str
    alt: str
    caption: str = ""


def property_pictures(scores: "Mapping[str, Mapping[str, Score]]") -> dict[str, list[Picture]]:
    """V1 properties, model against primate: for each benchmark one picture per model that was measured on it."""
    from ..plots.properties import property_distribution
    from ..plots.styles import model_styles

    pictures: dict[str, list[Picture]] = {}
    styles = model_styles(scores)
    for model, of_model in scores.items():
        for identifier, score in of_model.items():
            if "model_values" not in score.attrs:
                continue
            n_units, n_undefined = score.attrs["n_units"], score.attrs["n_undefined"]
            caption = f"{n_units} responsive neuroids" + (f", {n_undefined} without a value" if n_undefined else "")
            draw = partial(property_distribution, score, colour=styles[model].colour)
            picture = _panel(model, draw, caption)
            pictures.setdefault(identifier, []).append(picture)
    return pictures


def joint_pictures(jointly: "Mapping[str, Sequence[JointComparison]]") -> dict[str, list[Picture]]:
    """Pairs of V1 properties of the same cells, model against primate, by their names."""
    from ..plots.properties import joint_distribution
    from ..plots.styles import model_styles

    pictures: dict[str, list[Picture]] = {}
    styles = model_styles(jointly)
    for model, of_model in jointly.items():
        for comparison in of_model:
            heading = " and ".join(name.replace("_", " ") for name in comparison.primate.properties).capitalize()
            (row,) = comparison.to_frame().itertuples()
            caption = (
                f"{row.n_pairs} of {row.n_units} responsive neuroids have both. Score: similarity over its ceiling "
                f"({row.ceiling:.3f}), with its 95 % interval. The macaque's own values, paired at random, reach "
                f"{row.without_pairing:.3f}"
            )
            draw = partial(joint_distribution, comparison, colour=styles[model].colour)
            picture = _panel(model, draw, caption)
            pictures.setdefault(heading, []).append(picture)
    return pictures


def gabor_pictures(
    comparisons: "Mapping[str, GaborComparison]", models: Sequence[str] = ()
) -> dict[str, list[Picture]]:
    """Single parameters by their name and population: those with primate counts, then the model's alone.

    `models` are all those of the report, by whose order colours are given.
    """
    from ..gabors.primate_gabors import PARAMETERS
    from ..plots.gabors import orientation_histogram, parameter_histogram, unscored_histogram
    from ..plots.styles import model_styles

    pictures: dict[str, list[Picture]] = {}
    styles = model_styles(models)
    for model, comparison in comparisons.items():
        published: set[str] = set()
        colour = styles[model].colour
        for row in comparison.distributions:
            names = row.primate.parameters
            published |= set(names)
            if len(names) > 1:
                continue
            if names == ("orientation",):
                picture = _panel(model, partial(orientation_histogram, row, colour=colour), projection="polar")
            else:
                picture = _panel(model, partial(parameter_histogram, row, colour=colour))
            heading = f"{PARAMETERS[names[0]].label}: {row.primate.population}"
            pictures.setdefault(heading, []).append(picture)
        for name in PARAMETERS:
            if name not in published:
                draw = partial(unscored_histogram, comparison.filters[name], name, colour=colour)
                picture = _panel(model, draw)
                pictures.setdefault(PARAMETERS[name].label, []).append(picture)
    return pictures


def large_gabor_pictures(
    comparisons: "Mapping[str, GaborComparison]", models: Sequence[str] = ()
) -> dict[str, list[Picture]]:
    """The joint distribution of nx and ny, which needs a large panel."""
    from ..plots.gabors import nx_ny_joint
    from ..plots.styles import model_styles

    styles = model_styles(models)
    joint = []
    for model, comparison in comparisons.items():
        figure = nx_ny_joint(comparison, colour=styles[model].colour)
        joint.append(_picture(model, figure, f"nx and ny; {figure.get_suptitle()}"))
    return {"nx and ny jointly: simple": joint} if joint else {}


def filter_pictures(comparisons: "Mapping[str, GaborComparison]") -> dict[str, list[Picture]]:
    """Every filter of each model, which takes the width of the page."""
    from ..plots.filters import filter_gallery

    shows = "every filter, by spatial frequency and orientation"
    galleries = [_picture(model, filter_gallery(each.block), shows, "png") for model, each in comparisons.items()]
    return {"Every filter": galleries} if galleries else {}


def _panel(model: str, draw: Callable[..., None], caption: str = "", *, projection: str | None = None) -> Picture:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.8, 3.4), layout="constrained")
    ax = figure.add_subplot(projection=projection)
    draw(ax)
    return _picture(model, figure, f"{ax.get_xlabel()}; {ax.get_title()}", caption=caption)


def _picture(model: str, figure: "Figure", shows: str, kind: str = "svg", caption: str = "") -> Picture:
    """SVG, sharp at any size; 'png' for pictures of pixels, which SVG would hold resampled."""
    import matplotlib

    drawn = BytesIO()
    if kind == "svg":
        # Without a salt, names inside the file are random, and with a date no two are the same.
        with matplotlib.rc_context({"svg.hashsalt": "vonenet_brainscore"}):
            figure.savefig(drawn, format="svg", metadata={"Date": None})
        return Picture(model, data_uri("image/svg+xml", drawn.getvalue()), f"{model}: {shows}", caption)
    figure.savefig(drawn, format="png", dpi=150)
    return Picture(model, data_uri("image/png", drawn.getvalue()), f"{model}: {shows}", caption)
