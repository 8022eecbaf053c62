"""The first layers of a network at one position in the visual field, computed from the pixels that they see.

If only convolutions, poolings and point-wise functions lie between the image and a layer, each of its units sees a
bounded part of the image. Units at the probed position are computed from a crop, like those of a VOneBlock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..models.fitting import evaluating
from ..recordings.activations import ActivationsExtractor
from ..recordings.subject import Subject
from ..stimuli.images import Picture, normalise, resize
from .screen_recorder import check_selective, selectivity_gratings
from .seen_pixels import Seen, seen_pixels
from .window import some_at_a_time
from .window_recorder import WindowRecorder

_POINTWISE = (
    *(nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity),  # in evaluation
    *(
        nn.ReLU,
        nn.ReLU6,
        nn.LeakyReLU,
        nn.ELU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
        nn.Hardswish,
        nn.Hardtanh,
        nn.Tanh,
        nn.Sigmoid,
    ),
)


@dataclass(frozen=True)
class FirstLayers:
    """The modules from the image to a layer, each of which takes only the output of the one before.

    Attributes
    ----------
    modules : tuple of nn.Module
    shape : tuple of int
        (channel, y, x) of the layer.
    stride, field, padding : int
        Of the layer, in pixels of the image: unit i sees `field` pixels from pixel ``i * stride - padding``.
    """

    modules: tuple[nn.Module, ...]
    shape: tuple[int, int, int]
    stride: int
    field: int
    padding: int


class _Reached(Exception):
    pass


def first_layers(network: nn.Module, layer: str, image_size: int) -> FirstLayers | None:
    """The modules up to a layer; None unless they are a chain of convolutions, poolings and point-wise functions.

    The network is run on one image. In a chain each module receives the same tensor that the preceding one
    returned, and nothing has written to that tensor in between, as a residual block may do.

    Parameters
    ----------
    network : nn.Module
    layer : str
        Name of a module.
    image_size : int
        Side of the square images.
    """
    chain: list[nn.Module] = []
    like = next(network.parameters(), torch.zeros(()))
    image = like.new_zeros(1, 3, image_size, image_size)
    given: list[tuple[Tensor, int]] = [
        (image, image._version)
    ]  # what each module gave, and how often it was written to
    reached: list[tuple[int, int, int]] = []

    def unchanged(tensor: Any) -> bool:
        """Whether a tensor is the unmodified output of the last module of the chain."""
        return bool(given) and tensor is given[-1][0] and tensor._version == given[-1][1]

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(inputs) != 1 or not unchanged(inputs[0]) or _extent(module) is None:
            given.clear()  # no chain

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if given:
            given.append((output, output._version))
            chain.append(module)

    def reach(module: nn.Module, inputs: Any, output: Any) -> None:
        if unchanged(output):
            reached.append(output.shape[1:])
        raise _Reached

    leaves = [module for module in network.modules() if not any(module.children())]
    hooks: list[Any] = [module.register_forward_pre_hook(enter) for module in leaves]
    hooks += [module.register_forward_hook(leave) for module in leaves]
    hooks.append(network.get_submodule(layer).register_forward_hook(reach))
    try:
        with evaluating(network):
            network(image)
    except _Reached:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    if not reached or len(reached[0]) != 3 or reached[0][1] != reached[0][2]:
        return None
    stride, field, padding = 1, 1, 0
    for module in chain:
        kernel, step, pad = _extent(module) or (1, 1, 0)
        field, padding, stride = field + (kernel - 1) * stride, padding + pad * stride, stride * step
    return FirstLayers(tuple(chain), (*reached[0],), stride, field, padding)


def _extent(module: nn.Module) -> tuple[int, int, int] | None:
    """Width, stride and padding of a module's kernel in pixels; None for a module that may see more."""
    if type(module) in _POINTWISE:
        return None if module.training and not isinstance(module, nn.Identity) else (1, 1, 0)
    if type(module) is nn.Conv2d:
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            return None
    elif type(module) in (nn.MaxPool2d, nn.AvgPool2d):
        if module.ceil_mode or getattr(module, "return_indices", False):
            return None
    else:
        return None
    sizes: list[Any] = [module.kernel_size, module.stride, module.padding, getattr(module, "dilation", 1)]
    along = [set(each) if isinstance(each, tuple) else {each} for each in sizes]
    if any(len(each) != 1 for each in along):
        return None
    kernel, stride, padding, dilation = (int(each.pop()) for each in along)
    return dilation * (kernel - 1) + 1, stride, padding


class LayerWindow:
    """A rectangle of a layer's units and the gratings that they see.

    Its responses equal those of the whole layer to the same screen, up to float32 rounding.

    Parameters
    ----------
    first : FirstLayers
    extractor : ActivationsExtractor
        Determines the image's size and normalisation.
    layer : str
    visual_degrees : float
        Width of the subject's screen.
    rows, columns : range
        Of the units.
    """

    def __init__(
        self,
        first: FirstLayers,
        extractor: ActivationsExtractor,
        layer: str,
        visual_degrees: float,
        rows: range = range(1),
        columns: range = range(1),
    ) -> None:
        self.first, self.extractor, self.layer = first, extractor, layer
        self.visual_degrees, self.rows, self.columns = visual_degrees, rows, columns
        self.channels, units, _ = first.shape
        self.field = first.field
        middles = np.arange(units) * first.stride - first.padding + first.field / 2  # pixels from the image's edge
        self.centres = (middles / extractor.image_size - 0.5) * visual_degrees

    def __repr__(self) -> str:
        return f"rows {self.rows.start}-{self.rows.stop}, columns {self.columns.start}-{self.columns.stop}"

    @property
    def size(self) -> int:
        """How many units it has, over all channels."""
        return self.channels * len(self.rows) * len(self.columns)

    def at(self, rows: range, columns: range) -> "LayerWindow":
        """Another rectangle of the same layer."""
        return LayerWindow(self.first, self.extractor, self.layer, self.visual_degrees, rows, columns)

    def describe(self, channel: np.ndarray, row: np.ndarray, column: np.ndarray) -> dict[str, np.ndarray]:
        """Model, layer, and the number of each unit in the layer, as `neuroids.neuroid_coordinates` gives them."""
        number = np.ravel_multi_index((channel, row, column), self.first.shape)
        prefix = f"{self.extractor.identifier}.{self.layer}."
        return {
            "neuroid_id": np.array([f"{prefix}{each}" for each in number]),
            "neuroid_num": number,
            "model": np.full(len(number), self.extractor.identifier),
            "layer": np.full(len(number), self.layer),
        }

    def rates(self, parameters: pd.DataFrame) -> Iterator[tuple[slice, Tensor]]:
        """Responses to gratings, some at a time: which, and (grating, neuroid) in the order (channel, row, column)."""
        size = self.extractor.image_size
        for some in some_at_a_time(len(parameters)):
            screens = seen_pixels(
                parameters.iloc[some], self._seen, size=size, visual_degrees=self.visual_degrees
            )  # (grating, y, x)
            yield some, self._responses(np.repeat(screens[..., None], 3, axis=-1))

    def rates_to_images(self, images: Sequence[Picture]) -> Tensor:
        """Responses, (image, neuroid), to images that fill the screen."""
        top, bottom, left, right = self._seen
        edge = (self.extractor.image_size,) * 2
        return self._responses(np.stack([resize(image.pixels, edge)[top:bottom, left:right] for image in images]))

    @property
    def _first_units(self) -> tuple[int, int]:
        """Row and column of the first unit of the crop: far enough before the window's that padding does not affect it.

        At the image's edge the crop ends where the image does, and is padded as the image is.
        """
        before = -(-self.first.padding // self.first.stride)
        return max(self.rows.start - before, 0), max(self.columns.start - before, 0)

    @property
    def _seen(self) -> Seen:
        """Pixels of the crop: top, bottom, left, right."""
        top, left = (unit * self.first.stride for unit in self._first_units)
        bottom, right = (
            min((units[-1] * self.first.stride - self.first.padding + self.first.field), self.extractor.image_size)
            for units in (self.rows, self.columns)
        )
        return top, bottom, left, right

    def _responses(self, pixels: np.ndarray) -> Tensor:
        """Responses (stimulus, neuroid) to crops, uint8 (stimulus, y, x, colour)."""
        like = next(self.extractor.network.parameters(), torch.zeros(()))
        row, column = (
            units.start - first for units, first in zip((self.rows, self.columns), self._first_units, strict=True)
        )
        with evaluating(self.extractor.network):
            found = torch.from_numpy(normalise(pixels, *self.extractor.normalisation)).to(like)
            for module in self.first.modules:
                found = module(found)
            found = found[:, :, row : row + len(self.rows), column : column + len(self.columns)]
        return found.flatten(1).float()


class FirstLayerRecorder(WindowRecorder):
    """Records the units of a first layer that gratings at the probed position drive, through a window around it.

    Parameters
    ----------
    subject : Subject
        Without a VOneBlock before the layer that it is recorded from.
    first : FirstLayers
        Of that layer.
    """

    def __init__(self, subject: Subject, first: FirstLayers) -> None:
        self.extractor, self.visual_degrees = subject.extractor, subject.visual_degrees()
        self._start(LayerWindow(first, subject.extractor, subject.layer, self.visual_degrees))

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """As `WindowRecorder.map_receptive_fields`; ValueError if no unit is selective, as pixels are not."""
        gratings = selectivity_gratings(self.visual_degrees)
        check_selective(self._rates(gratings, "selectivity").T, self.extractor.identifier)
        return super().map_receptive_fields()
