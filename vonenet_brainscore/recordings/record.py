"""`record`: the responses of a model's layers to images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import nn

from ..arguments import check_real
from ..models.registry import MODELS
from ..stimuli.screen import on_screen, placed_exactly
from .assemblies import presentation_coordinates
from .layers import check_layers
from .loading import is_reference, load_subject, network_subject
from .subject import FRONT_END, Subject

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    from xarray import DataArray


def record(
    model: Any,
    stimuli: Any,
    layers: Sequence[str] | None = None,
    trials: int = 1,
    average: bool = True,
    seed: int = 0,
    *,
    noise: str = "model",
    visual_degrees: float | None = None,
    device: str | torch.device | None = None,
    flat: bool = False,
    progress: bool = True,
) -> "NeuroidAssembly | DataArray":
    """Responses of the layers of a model to images.

    Parameters
    ----------
    model : str or nn.Module
        A name in `MODELS`, a network by reference (`named_network`), or a network that takes images (batch, 3, y, x),
        normalised with mean and standard deviation 0.5.
    stimuli : folder, sequence of images, or StimulusSet
        Images as paths, Pillow images or uint8 arrays of shape (y, x) or (y, x, 3). A picture that is listed several
        times is shown several times, each time with new noise: one trial of a picture that is listed four times equals
        four trials of the picture listed once.
    layers : sequence of str, optional
        As in ``network.named_modules()``, or 'logits'; by default the VOneBlock.
    trials : int
        Number of noise draws.
    average : bool
        Return the mean over trials, or each trial as its own presentation with a `repetition`. Trials of a network
        without noise are equal.
    seed : int
        Seed of the noise.
    noise : {'model', 'none'}
    visual_degrees : float, optional
        Width of the images. They are shown in the centre of the visual field (8 degrees for the released models), on
        grey, and cropped if they are larger, exactly as benchmarks show theirs. By default they fill the visual field.
    device : str or torch.device, optional
    flat : bool
        Return a plain DataArray, in which every coordinate is one of its `coords`.
    progress : bool

    Returns
    -------
    NeuroidAssembly, or DataArray with ``flat=True``, (presentation, neuroid)
        float32 with coordinates of stimuli (`stimulus_id`, `stimulus_path`) and units: `layer`, `region`, `channel`
        and, as in Brain-Score, `channel_x` for the row and `channel_y` for the column of a map. Units of the VOneBlock
        also have `cell_type`, `colour`, the parameters of their Gabor (`orientation` and `phase` in degrees,
        `spatial_frequency` in cycles/degree, `nx` and `ny` in periods of the carrier) and the centre of the receptive
        field, `receptive_field_x` to the right and `receptive_field_y` downwards, in degrees from the centre. There is
        a third dimension `time_step` if a layer is called more than once.

    Raises
    ------
    ValueError
        For an unknown model or layer (with the nearest ones), an empty list, an image that cannot be read, or a width
        that is not between 0 and 180 degrees.
    FileNotFoundError
        For a missing image, or weights that are unavailable.
    TypeError
        For a `BrainModel`, whose layers Brain-Score does not let one name.

    Notes
    -----
    Brain-Score's assemblies keep coordinates as levels of an index for each dimension: ``responses["layer"]`` is there
    although ``"layer" in responses.coords`` is False. Select neuroids by a mask, or ask for the flat form.

    Examples
    --------
    >>> import numpy as np
    >>> from vonenet_brainscore import get_model, record
    >>> front_end = get_model(None, image_size=32, ksize=9, simple_channels=4, complex_channels=4, sf_max=4)
    >>> image = np.tile(np.arange(32, dtype=np.uint8), (32, 1))
    >>> responses = record(front_end, [image], noise="none", progress=False)
    >>> responses[:, responses["cell_type"].values == "simple"].sizes["neuroid"]
    256
    >>> flat = record(front_end, [image], noise="none", flat=True, progress=False)
    >>> "cell_type" in flat.coords, flat.where(flat["cell_type"] == "simple", drop=True).sizes["neuroid"]
    (True, 256)
    """
    layers = [FRONT_END] if layers is None else layers
    settings: dict[str, Any] = {"noise": noise, "seed": seed, "progress": progress}
    if isinstance(model, nn.Module):
        check_layers(model, layers)
        own = None if FRONT_END in dict(model.named_modules()) else {"recorded": layers[0]}
        subject = network_subject(model, own, device, settings)
    else:
        own = {"recorded": layers[0]} if isinstance(model, str) and is_reference(model) else None
        subject = load_subject(model, region_layer_map=own, device=device, **settings)
        if not isinstance(subject, Subject):
            raise TypeError(f"record takes a name in {', '.join(MODELS)} or a network, not {type(model).__name__}")
    if visual_degrees is not None:
        stimuli = _at_width(stimuli, visual_degrees, subject.visual_degrees())
    recorded = subject.record(stimuli, layers, trials=trials, average=average)
    return _flat(recorded) if flat else recorded


def _at_width(stimuli: Any, visual_degrees: float, field: float) -> Any:
    """The stimuli, so many degrees wide, in the middle of a visual field."""
    from brainscore_vision.benchmark_helpers.screen import place_on_screen

    check_real(visual_degrees=visual_degrees)
    if not 0 < visual_degrees < 180:
        raise ValueError(f"visual_degrees is {visual_degrees}; it is the width of an image, between 0 and 180 degrees")
    if isinstance(stimuli, pd.DataFrame):
        with placed_exactly():
            return place_on_screen(stimuli, target_visual_degrees=field, source_visual_degrees=visual_degrees)
    _, images = presentation_coordinates(stimuli)
    return images if visual_degrees == field else [on_screen(image, field / visual_degrees) for image in images]


def _flat(assembly: "NeuroidAssembly") -> "DataArray":
    """The assembly without multi-level indices."""
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords
    from xarray import DataArray

    coords = {name: (dims, values) for name, dims, values in walk_coords(assembly)}
    return DataArray(assembly.values, dims=assembly.dims, coords=coords, name=assembly.name, attrs=dict(assembly.attrs))
