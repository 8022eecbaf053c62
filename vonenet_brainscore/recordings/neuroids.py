"""Coordinates of the units of a layer: position and, for the VOneBlock, cell type, colour and tuning."""

from collections.abc import Sequence

import numpy as np

from ..models.vone_block import VOneBlock

COLOURS = ("red", "green", "blue")
# Brain-Score names the axes of a convolutional layer in this order, so its `channel_x` counts rows.
_AXES = {1: ("channel",), 2: ("channel", "embedding"), 3: ("channel", "channel_x", "channel_y")}
_CHANNELS_LAST = ("channel_x", "channel_y", "channel")


def unit_axes(units: Sequence[int]) -> dict[str, np.ndarray]:
    """Position of each unit in its layer, in the order in which the layer is flattened.

    Because images and therefore maps are square, the two equal ones of three dimensions are the spatial ones. This
    tells layers of shape (y, x, channel), as in Swin transformers, from those of shape (channel, y, x). If all three or
    no two are equal, the channel is taken to be the first dimension, as in Brain-Score.

    Parameters
    ----------
    units : sequence of int
        Shape of the layer without its batch dimension.

    Returns
    -------
    dict of int arrays, shape (neuroid,)
        'channel', 'channel_x' and 'channel_y' for a convolution (Brain-Score's names: `channel_x` is the row),
        'channel' and 'embedding' for tokens, 'channel' for a vector, nothing for other shapes.
    """
    names = _AXES.get(len(units), ())
    if len(units) == 3 and units[0] == units[1] != units[2]:
        names = _CHANNELS_LAST
    indices = np.indices(units).reshape(len(units), -1)  # (axis, neuroid)
    return {name: index for name, index in zip(names, indices, strict=False)}


def receptive_field_degrees(block: VOneBlock, index: np.ndarray) -> np.ndarray:
    """Receptive-field centres, in degrees from the centre of the field, of the block's rows or columns.

    A unit's kernel is centred on pixel ``stride * index``; the position of a pixel is that of its centre.
    """
    return (index * block.stride + 0.5 - block.image_size / 2) / block.pixels_per_degree


def vone_units(block: VOneBlock, channel: np.ndarray, row: np.ndarray, column: np.ndarray) -> dict[str, np.ndarray]:
    """Metadata of VOneBlock units.

    Parameters
    ----------
    block : VOneBlock
    channel, row, column : int arrays, shape (neuroid,)

    Returns
    -------
    dict of arrays, shape (neuroid,)
        `cell_type` ('simple' or 'complex'); `colour`, read off the weights ('red', 'green', 'blue', for a complex cell
        whose quadrature pair differs both, as 'red/blue'; 'mixed' where a filter weighs several); `orientation`
        (degrees; of the filter's bars, counter-clockwise from horizontal: a grating's orientation is that of its
        modulation, clockwise from it, so that this filter prefers 90 - orientation), `spatial_frequency`
        (cycles/degree), `phase` (degrees), `nx`, `ny` (standard deviations of the
        Gaussian in periods of the carrier, along and across it), all NaN where the loaded kernels were not made from
        known parameters; `receptive_field_x` (rightwards) and `receptive_field_y` (downwards), degrees from the centre.
    """
    first, second = block.colours
    simple = np.arange(block.simple_channels + block.complex_channels) < block.simple_channels

    def name(filters: tuple[int | None, ...]) -> str:
        return "/".join(dict.fromkeys("mixed" if c is None else COLOURS[c] for c in filters))

    colour = np.array(
        [name((a,) if is_simple else (a, b)) for a, b, is_simple in zip(first, second, simple, strict=True)]
    )
    parameters = block.gabor_parameters
    unknown = np.full(len(simple), np.nan)
    return {
        "cell_type": np.where(simple, "simple", "complex")[channel],
        "colour": colour[channel],
        "orientation": (unknown if parameters is None else parameters.theta_deg)[channel],
        "spatial_frequency": (unknown if parameters is None else parameters.sf_cpd)[channel],
        "phase": (unknown if parameters is None else parameters.phase_deg)[channel],
        "nx": (unknown if parameters is None else parameters.nx)[channel],
        "ny": (unknown if parameters is None else parameters.ny)[channel],
        "receptive_field_x": receptive_field_degrees(block, column),
        "receptive_field_y": receptive_field_degrees(block, row),
    }


def neuroid_coordinates(
    identifier: str, layer: str, units: Sequence[int], block: VOneBlock | None = None
) -> dict[str, np.ndarray]:
    """All coordinates of the units of a layer.

    Parameters
    ----------
    identifier : str
        The model's.
    layer : str
    units : sequence of int
        Shape of the layer without its batch.
    block : VOneBlock, optional
        If the layer is the output of this block.

    Returns
    -------
    dict of arrays, shape (neuroid,)
        `neuroid_id` ('model.layer.number', as Brain-Score names them), `neuroid_num`, `model`, `layer`, and what
        `unit_axes` and `vone_units` say.
    """
    count = int(np.prod(units))
    axes = unit_axes(units)
    prefix = f"{identifier}.{layer}."
    coordinates = {
        "neuroid_id": np.array([f"{prefix}{number}" for number in range(count)]),
        "neuroid_num": np.arange(count),
        "model": np.full(count, identifier),
        "layer": np.full(count, layer),
        **axes,
    }
    if block is not None:
        coordinates |= vone_units(block, axes["channel"], axes["channel_x"], axes["channel_y"])
    return coordinates


def side_by_side(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The coordinates of several layers, concatenated; NaN, or '' for text, if a layer has none."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    columns = {}
    for name in names:
        kind = next(part[name].dtype.kind for part in parts if name in part)
        absent = "" if kind == "U" else np.nan
        columns[name] = np.concatenate(
            [part[name] if name in part else np.full(len(part["layer"]), absent) for part in parts]
        )
    return columns
