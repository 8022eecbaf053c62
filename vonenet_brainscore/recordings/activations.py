"""`ActivationsExtractor`: records the layers of a network in batches and over many trials."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..arguments import check_seed, check_text, check_whole, usable_device
from ..models.vone_block import VOneBlock, vone_blocks
from ..progress import progress_bar
from ..stimuli.images import as_picture, normalise, resize
from .layers import LayerReader
from .noise_draws import noise_draws

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

# Images per batch. Every batch has this size (the last one is padded), because it may change the last bit of a
# network's arithmetic. Larger batches are slower on a CPU: VOneBlock responses to 8 images are 50 MB, beyond any cache.
BATCH_SIZE = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True)
class _Input:
    content: bytes
    pixels: np.ndarray  # float32 (3, y, x)
    shown_before: int = 0  # how often the same picture occurs earlier in the list


class ActivationsExtractor:
    """Records the layers of a network.

    Each trial is a new draw of the VOneBlock's noise, keyed by seed, stimulus content, trial and recorded window. A
    picture that is listed four times is shown four times, with the draws of four trials of the picture listed once. A
    network without noise runs once, because all trials are equal. Mode and noise of the network are restored.

    Parameters
    ----------
    network : nn.Module
        Takes normalised images (batch, 3, y, x).
    identifier : str
    image_size : int
        Side of the square to which images are resized, in pixels.
    noise : {'model', 'none'}
        'model' keeps the VOneBlock's noise; 'none' switches it off.
    seed : int
        Seed of the noise.
    trials : int, optional
        Number of trials to run, in place of the number that a call requests.
    device : str or torch.device, optional
        Device to which the network is moved; by default it stays where it is.
    batch_size : int, optional
        Halved permanently if memory runs out.
    progress : bool
    """

    def __init__(
        self,
        network: nn.Module,
        identifier: str = "network",
        *,
        image_size: int = 224,
        noise: str = "model",
        seed: int = 0,
        trials: int | None = None,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        progress: bool = True,
    ) -> None:
        check_text(noise=noise)
        if noise not in ("model", "none"):
            raise ValueError(f"unknown noise {noise!r}; have 'model' (as the network has it) and 'none'")
        check_seed(seed)
        for name, value in (("trials", trials), ("batch_size", batch_size)):
            if value is not None:
                check_whole(**{name: value})
                if value < 1:
                    raise ValueError(f"{name} is {value}; it must be at least 1")
        self.network = network if device is None else network.to(usable_device(device))
        self.identifier = identifier
        self.image_size = image_size
        self.noise, self.seed, self.trials = noise, seed, trials
        self.normalisation: tuple[Any, Any] = (0.5, 0.5)  # mean and standard deviation of what the network is fed
        self.batch_size = batch_size or BATCH_SIZE.get(self.device.type, BATCH_SIZE["cpu"])
        self.progress = progress
        self.regions: dict[str, str] = {}  # layer -> the region that it represents, a coordinate of its units

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self._weights.device

    @property
    def _weights(self) -> torch.Tensor:
        tensors = chain(self.network.parameters(), self.network.buffers())
        return next((tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0))

    @property
    def block(self) -> VOneBlock | None:
        """The network's VOneBlock."""
        return next(iter(vone_blocks(self.network)), None)

    @property
    def is_noisy(self) -> bool:
        """Whether two trials of one stimulus differ."""
        return self.noise == "model" and self.block is not None and self.block.noise_mode is not None

    @contextmanager
    def noise_off(self) -> Iterator[None]:
        """Record without noise within the context."""
        before, self.noise = self.noise, "none"
        try:
            yield
        finally:
            self.noise = before

    def trials_run(self, asked: int) -> int:
        """The number of trials that are run when `trials` are requested."""
        return (self.trials or asked) if self.is_noisy else 1

    def stream(
        self, images: Sequence[Any], layers: Sequence[str], *, trials: int = 1, average: bool = True
    ) -> Iterator[tuple[slice, dict[str, list[np.ndarray]]]]:
        """The layers' responses, batch by batch, in the order of the images.

        Parameters
        ----------
        images : sequence
            Paths, Pillow images, uint8 arrays or `Picture`s.
        layers : sequence of str
        trials : int
        average : bool
            Return the mean over trials, or each trial.

        Yields
        ------
        slice
            Which images.
        dict from layer to list of float32 arrays
            One array a call of the layer, shape (image, *units), or (image, trial, *units) with ``average=False``.

        Raises
        ------
        ValueError
            For a layer that does not exist, an image that cannot be read, or a response that is not finite.
        MemoryError
            If not even a single image fits.
        """
        check_whole(trials=trials)
        if trials < 1:
            raise ValueError(f"trials is {trials}; it must be at least 1")
        reader = LayerReader(self.network, layers)
        trials = self.trials_run(trials)
        bar = progress_bar(total=len(images), desc=f"recording {', '.join(layers)}", unit="image", shown=self.progress)
        with self._set_up(), ThreadPoolExecutor(2) as pool, bar:
            upcoming = iter(images)
            decoding: deque = deque()  # images ahead of the network
            batch: list[_Input] = []
            shown: Counter[bytes] = Counter()
            start = 0
            while start < len(images):
                while len(decoding) < 2 * self.batch_size and start + len(batch) + len(decoding) < len(images):
                    decoding.append(pool.submit(self._input, next(upcoming)))
                while len(batch) < self.batch_size and decoding:
                    batch.append(replace(item := decoding.popleft().result(), shown_before=shown[item.content]))
                    shown[item.content] += 1
                try:
                    responses = self._responses(reader, batch[: self.batch_size], trials, average)
                except (RuntimeError, MemoryError) as error:
                    self._halve_batch(error)
                    continue
                rows = slice(start, start + len(batch[: self.batch_size]))
                yield rows, responses
                bar.update(rows.stop - rows.start)
                del batch[: self.batch_size]
                start = rows.stop

    def _input(self, image: Any) -> _Input:
        picture = as_picture(image)
        return _Input(picture.content, normalise(resize(picture.pixels, (self.image_size,) * 2), *self.normalisation))

    def _halve_batch(self, error: Exception) -> None:
        out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not out_of_memory:
            size, reason = self.image_size, str(error).partition("\n")[0]
            raise ValueError(f"{self.identifier} cannot answer images of {size} x {size} pixels: {reason}") from error
        if self.batch_size == 1:
            raise MemoryError("memory ran out with a single image; record fewer layers at a time") from error
        self.batch_size //= 2

    def _responses(
        self, reader: LayerReader, batch: Sequence[_Input], trials: int, average: bool
    ) -> dict[str, list[np.ndarray]]:
        padded = [*batch, *[batch[-1]] * (self.batch_size - len(batch))]
        images = torch.from_numpy(np.stack([item.pixels for item in padded])).to(self._weights)  # (batch, 3, y, x)
        block = self.block
        total: dict[str, list[Any]] = {}
        with nullcontext() if block is None else block.repeated_trials():
            for trial in range(trials):
                if block is not None and self.is_noisy:
                    block.fixed_noise = self._draw(block, images, padded, trial, trials)
                for layer, calls in reader(images).items():
                    calls = [call[: len(batch)] for call in calls]
                    if not average:
                        total.setdefault(layer, []).append(calls)
                    elif layer not in total:
                        total[layer] = calls
                    else:
                        for mean, call in zip(total[layer], calls, strict=True):
                            mean += call
        if average:
            responses = {layer: [m / trials if trials > 1 else m for m in calls] for layer, calls in total.items()}
        else:
            responses = {
                layer: [torch.stack(calls, dim=1) for calls in zip(*by_trial, strict=True)]
                for layer, by_trial in total.items()
            }
        for layer, calls in responses.items():
            self._check_finite(layer, calls)
        return {layer: [call.float().cpu().numpy() for call in calls] for layer, calls in responses.items()}

    def _draw(self, block: VOneBlock, images: torch.Tensor, batch: list[_Input], trial: int, of: int) -> torch.Tensor:
        key: dict[str, Any] = {"contents": [item.content for item in batch], "seed": self.seed}
        key["trial"] = [item.shown_before * of + trial for item in batch]
        draws = noise_draws(block.units(*images.shape[2:]), **key, threads=torch.get_num_threads())
        return torch.from_numpy(draws).to(images)

    def _check_finite(self, layer: str, calls: Sequence[torch.Tensor]) -> None:
        for call in calls:
            if not torch.isfinite(call.sum()) and (wrong := int((~torch.isfinite(call)).sum())):  # mostly one pass
                raise ValueError(
                    f"{self.identifier} answers with {wrong} of {call.numel()} values of layer {layer!r} not finite; "
                    "check its weights and the normalisation of its input"
                )

    @contextmanager
    def _set_up(self) -> Iterator[None]:
        """Context with the network in evaluation mode and the requested noise; both are restored."""
        training = [module for module in self.network.modules() if module.training]
        block = self.block
        noise = None if block is None else (block.noise_mode, block.noise_scale, block.noise_level, block.fixed_noise)
        self.network.eval()
        if block is not None and self.noise == "none":
            block.set_noise_mode(None)
        try:
            yield
        finally:
            for module in training:
                module.training = True
            if block is not None and noise is not None:
                block.set_noise_mode(*noise[:3])
                block.fixed_noise = noise[3]

    def __call__(
        self,
        stimuli: Any,
        layers: Sequence[str],
        stimuli_identifier: str | None = None,
        number_of_trials: int = 1,
        require_variance: bool = False,
    ) -> "NeuroidAssembly":
        """A recording of whole layers: Brain-Score's call.

        Parameters
        ----------
        stimuli : StimulusSet or sequence of images
        layers : sequence of str
        stimuli_identifier : ignored
            Nothing is cached under a name.
        number_of_trials : int
        require_variance : bool
            Return each trial, as its own presentation with a `repetition`, instead of their mean.

        Returns
        -------
        NeuroidAssembly, (presentation, neuroid) or (presentation, neuroid, time_step)
        """
        from .assemblies import package, presentation_coordinates

        coordinates, images = presentation_coordinates(stimuli)
        recorded: dict[str, list[np.ndarray]] = {}
        stream = self.stream(images, layers, trials=number_of_trials, average=not require_variance)
        alike = number_of_trials if require_variance and not self.is_noisy else 1  # axis 1 is that of trials
        for rows, responses in stream:
            for layer, calls in responses.items():
                if layer not in recorded:
                    shapes = ((len(images), alike * call.shape[1], *call.shape[2:]) for call in calls)
                    recorded[layer] = [np.empty(shape, np.float32) for shape in shapes]
                for whole, call in zip(recorded[layer], calls, strict=True):
                    whole[rows] = call
        return package(
            self.identifier, recorded, coordinates, block=self.block, regions=self.regions, by_trial=require_variance
        )
