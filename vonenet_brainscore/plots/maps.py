"""Feature maps: responses of VOneBlock channels to an image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from ..gabors.gabor_filters import gabor_table
from ..models.vone_block import VOneBlock
from ..recordings.neuroids import receptive_field_degrees
from ..stimuli.images import as_picture, normalise, resize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAPS = 8  # number of maps by default


def feature_maps(block: VOneBlock, image: Any, channels: Sequence[int] | None = None) -> "Figure":
    """An image and the noise-free responses of selected channels to it, in degrees of visual angle.

    Parameters
    ----------
    block : VOneBlock
    image : path, Pillow image or uint8 array of shape (y, x) or (y, x, 3)
        It is shown over the whole visual field.
    channels : sequence of int, optional
        By default eight, from low to high spatial frequency, half of them complex cells.

    Raises
    ------
    ValueError
        If a channel does not exist, the list of channels is empty, or the image cannot be read.
    FileNotFoundError, TypeError
        If the image file does not exist, or `image` is not an image.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    filters = gabor_table(block)
    channels = _spread_channels(filters) if channels is None else list(channels)
    unknown = [channel for channel in channels if channel not in filters.index]
    if unknown or not channels:
        raise ValueError(f"channels {unknown or channels} are not among the {len(filters)}, 0 to {len(filters) - 1}")
    pixels = resize(as_picture(image).pixels, (block.image_size, block.image_size))
    weight = block.simple_conv_q0.weight
    with torch.no_grad():
        rates = block.rates(torch.from_numpy(normalise(pixels)[None]).to(weight))[0, channels].cpu().numpy()

    columns = min(len(channels) + 1, 3)
    rows = -(-(len(channels) + 1) // columns)
    figure = Figure(figsize=(3.1 * columns + 0.8, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    half = block.visual_degrees / 2
    axes[0, 0].imshow(pixels, extent=(-half, half, half, -half))
    axes[0, 0].set_title("image", fontsize="medium")
    first, last = receptive_field_degrees(block, np.array([-0.5, rates.shape[-1] - 0.5]))
    scale = PowerNorm(0.5, vmin=0, vmax=rates.max() or 1)  # the same for all maps; the square root shows weak ones too
    for ax, channel, rate in zip(axes.flat[1:], channels, rates, strict=False):
        shown = ax.imshow(rate, extent=(first, last, last, first), cmap="magma", norm=scale)
        ax.set_title(_title(channel, filters.loc[channel]), fontsize="medium")
    for ax in axes.flat[len(channels) + 1 :]:
        ax.set_axis_off()
    for ax in axes[0]:
        ax.set_xlim(-half, half)
        ax.set_ylim(half, -half)
    figure.colorbar(shown, ax=axes, label="Rate (model units, noise off, square-root scale)", shrink=0.6)
    figure.supxlabel("Horizontal position (degrees)", fontsize="medium")
    figure.supylabel("Vertical position (degrees, downwards)", fontsize="medium")
    return figure


def _spread_channels(filters: pd.DataFrame) -> list[int]:
    """Channels of each cell type, evenly distributed over its spatial frequencies, sorted by spatial frequency."""
    types = [cells.sort_values("spatial_frequency").index for _, cells in filters.groupby("cell_type")]
    places = np.linspace(0, 1, MAPS // len(types) + 2)[1:-1]
    chosen = [cells[np.unique((places * (len(cells) - 1)).round().astype(int))] for cells in types]
    return filters.loc[np.concatenate(chosen)].sort_values("spatial_frequency").index.tolist()


def _title(channel: int, cell: pd.Series) -> str:
    name = f"channel {channel}: {cell['cell_type']}, {cell['colour']}"
    if np.isnan(cell["spatial_frequency"]):
        return name
    return f"{name}\n{cell['spatial_frequency']:.1f} cycles/degree, {cell['orientation']:.0f}°"
