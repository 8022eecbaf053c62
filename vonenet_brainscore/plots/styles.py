"""Colours, markers and lines of models, and the greys of macaque data, which are the same in every figure."""

from collections.abc import Iterable
from typing import NamedTuple

from ..models.registry import MODELS


class ModelStyle(NamedTuple):
    """Colour, marker and line of a model; markers and lines distinguish models in grey print."""

    colour: str
    marker: str
    line: str


# Macaque data are grey: areas have a CIE lightness L* of 79, on a background of 93 or 100; models are darker than 55.
PRIMATE_COLOUR, PRIMATE_FILL = "#404040", "#C4C4C4"
# Models with a VOneBlock are blue, green, violet or crimson, others vermilion or brown.
MODEL_STYLES = {
    "voneresnet50": ModelStyle("#0072B2", "o", "-"),
    "vonecornets": ModelStyle("#007A5E", "s", "-"),
    "vonealexnet": ModelStyle("#332288", "^", "-"),
    "voneresnet50_at": ModelStyle("#992694", "D", "--"),
    "voneresnet50_ns": ModelStyle("#5558F0", "v", "-."),
    "voneblock_li2022": ModelStyle("#C2185B", "P", "--"),
}
OTHER_VONENETS = (ModelStyle("#003F73", "o", "-"), ModelStyle("#117733", "X", "-."))
OTHER_NETWORKS = (
    ModelStyle("#D55E00", "s", "--"),
    ModelStyle("#7A6A00", "^", "-."),
    ModelStyle("#5B3A1E", "D", ":"),
    ModelStyle("#882255", "v", "--"),
)

MODEL_COLOUR = MODEL_STYLES["voneresnet50"].colour  # where a figure does not know which model it shows


def model_styles(models: Iterable[str]) -> dict[str, ModelStyle]:
    """The style of each model in a figure.

    A published model has the same style in every figure, also under its Brain-Score identifier. Other models receive
    the styles of `OTHER_VONENETS`, if their names begin with "vonenet" or "voneblock" in any case, or else those of
    `OTHER_NETWORKS`, in the order in which they are named; styles repeat if there are more models than styles.

    Parameters
    ----------
    models : iterable of str
        Names of all models in the figure, in order.

    Examples
    --------
    >>> styles = model_styles(["timm:resnet18", "voneresnet50"])
    >>> styles["timm:resnet18"].colour, styles["voneresnet50"].colour
    ('#D55E00', '#0072B2')
    """
    published = {row.brainscore_identifier: name for name, row in MODELS.items()}
    styles: dict[str, ModelStyle] = {}
    seen = {OTHER_VONENETS: 0, OTHER_NETWORKS: 0}
    for model in dict.fromkeys(models):
        style = MODEL_STYLES.get(published.get(model, model))
        if style is None:
            kind = OTHER_VONENETS if model.lower().startswith(("vonenet", "voneblock")) else OTHER_NETWORKS
            style = kind[seen[kind] % len(kind)]
            seen[kind] += 1
        styles[model] = style
    return styles


def colour_of(model: str) -> str:
    """The colour of a model that is the only one in a figure.

    Examples
    --------
    >>> colour_of("voneresnet50")
    '#0072B2'
    """
    return model_styles([model])[model].colour
