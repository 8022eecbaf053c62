"""Colours, markers and lines of models, and the greys of macaque data: the same in every figure."""

from collections.abc import Iterable
from typing import NamedTuple

from ..models.registry import MODELS


class ModelStyle(NamedTuple):
    """How a model is drawn: markers and lines tell models apart in grey print."""

    colour: str
    marker: str
    line: str


# Macaque data are grey: CIE lightness L* 79 for areas, on a ground of 93 or 100. No model is lighter than 55.
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

MODEL_COLOUR = MODEL_STYLES["voneresnet50"].colour  # where a figure is not told which model it draws


def model_styles(models: Iterable[str]) -> dict[str, ModelStyle]:
    """The style of each model of a figure, which does not depend on the models beside a published one.

    A published model has its own, under its identifier in Brain-Score too. Other models take the styles of their kind
    in the order in which they are named, and share one where a kind has more models than styles: VOneNets, whose names
    begin with that word in any case, those of `OTHER_VONENETS`, and all others those of `OTHER_NETWORKS`.

    Parameters
    ----------
    models : iterable of str
        Names, in order.

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
    """The colour of a model that is in a figure alone.

    Examples
    --------
    >>> colour_of("voneresnet50")
    '#0072B2'
    """
    return model_styles([model])[model].colour
