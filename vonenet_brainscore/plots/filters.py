"""A gallery of all the filters of a VOneBlock."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..gabors.gabor_filters import gabor_table
from ..models.vone_block import VOneBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 16  # filters in a row
_DOTS_PER_PIXEL = 2  # of a filter, at 150 dots per inch, so that high spatial frequencies do not blur to grey
_WIDEST = 5.8  # width of a panel in inches
_GAP, _GROUP_GAP = 2, 10  # white pixels between filters, and between groups of them


def filter_gallery(block: VOneBlock) -> "Figure":
    """Every filter of a VOneBlock in image orientation, simple cells on the left and complex cells on the right.

    Filters are grouped by half octaves of spatial frequency, from low to high, and sorted by orientation within each
    group. A filter is drawn on grey in the colour channel to which it is applied, scaled to its own maximum. A complex
    cell is represented by the first filter of its quadrature pair.

    Parameters
    ----------
    block : VOneBlock

    Raises
    ------
    ValueError
        If the Gabor parameters of its filters are unknown.
    """
    from matplotlib.figure import Figure

    filters = gabor_table(block)
    unknown = int(filters["spatial_frequency"].isna().sum())
    if unknown:
        raise ValueError(
            f"the Gabor parameters of {unknown} filters are unknown, so they cannot be sorted: the weights of the "
            "VOneBlock were changed after it was built"
        )
    weight = block.simple_conv_q0.weight.detach().cpu().numpy()
    types = [cell_type for cell_type in ("simple", "complex") if (filters["cell_type"] == cell_type).any()]
    half_octaves = np.floor(2 * np.log2(filters["spatial_frequency"])).astype(int)
    groups = list(filters.sort_values("orientation").groupby(half_octaves))  # from low to high spatial frequency
    in_group = [[cells.index[cells["cell_type"] == cell_type] for _, cells in groups] for cell_type in types]
    rows = [max(-(-len(channels) // COLUMNS) for channels in of_types) for of_types in zip(*in_group, strict=True)]
    height, width = _canvas_size(rows, weight.shape[-1])
    scale = min(_DOTS_PER_PIXEL / 150, _WIDEST / width)  # inches
    figure = Figure(figsize=(1.1 + len(types) * (scale * width + 0.1), scale * height + 0.9), layout="constrained")
    axes = figure.subplots(1, len(types), squeeze=False)[0]
    for ax, cell_type, channels in zip(axes, types, in_group, strict=True):
        middles = _mosaic(ax, weight, channels, rows)
        ax.set_title(f"{sum(map(len, channels))} {cell_type} cells")
        ax.set_yticks([])
    axes[0].set_yticks(middles, [f"{2 ** (level / 2):.2g}–{2 ** ((level + 1) / 2):.2g}" for level, _ in groups])
    axes[0].set_ylabel("Spatial frequency (cycles/degree)")
    figure.supxlabel("Orientation increases from 0 to 180 degrees within each group", fontsize="medium")
    return figure


def _mosaic(ax: "Axes", weight: NDArray, groups: list[Any], rows: list[int]) -> list[float]:
    """Draw groups of channels below each other, each in its number of rows; returns the vertical centre of each."""
    side = weight.shape[-1]
    tile = side + _GAP
    canvas = np.ones((*_canvas_size(rows, side), 3))
    top, middles = 0, []
    for n_rows, channels in zip(rows, groups, strict=True):
        for position, channel in enumerate(channels):
            y, x = top + position // COLUMNS * tile, position % COLUMNS * tile
            canvas[y : y + side, x : x + side] = _picture(weight[channel])
        middles.append(top + (n_rows * tile - _GAP) / 2)
        top += n_rows * tile + _GROUP_GAP
    ax.imshow(canvas, interpolation="nearest")
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return middles


def _canvas_size(rows: list[int], side: int) -> tuple[int, int]:
    """Height and width in pixels of groups of filters with the given numbers of rows."""
    tile = side + _GAP
    return sum(rows) * tile + (len(rows) - 1) * _GROUP_GAP - _GAP, COLUMNS * tile - _GAP


def _picture(kernel: NDArray) -> NDArray:
    """A kernel (colour, y, x) as a picture (y, x, colour) in [0, 1], in which a weight of zero is grey."""
    strongest = np.abs(kernel).max()
    return 0.5 + 0.5 * np.moveaxis(kernel, 0, -1) / (strongest if strongest > 0 else 1)
