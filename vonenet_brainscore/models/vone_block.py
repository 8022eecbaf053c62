"""The VOneBlock: Gabor filters, simple and complex cells, their normalisation, and V1-like neuronal noise."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .filter_bank import COLOURS, FilterBank, FilterGroup, filter_responses, filters_by_colour
from .gabors import GaborParameters, gabor_kernels
from .kept_rates import KeptRates
from .neuronal_noise import noisy
from .settings import BLOCK, DEFAULTS, checked_settings
from .surround import made_surround
from .v1_cells import simple_and_complex_cells

# Filter responses computed at once on a CPU: 16 MB of float32, whose memory is reused and not mapped again.
_RESPONSES_AT_ONCE = 2**22
_NOISE = ("noise_mode", "noise_scale", "noise_level")


class VOneBlock(nn.Module):
    """Fixed-weight model of primate V1 (Dapello, Marques et al. 2020, NeurIPS 33:13073).

    Simple cell: ``k_exc * relu(q0)``; complex cell: ``k_exc * sqrt(q0² + q1²) / sqrt(2)``, where q0 and q1 are the
    responses of a quadrature pair of Gabor filters. The first `simple_channels` channels are simple, the rest complex.

    The filters are buffers, which no optimiser sees. Submodules that may be replaced: ``simple``, which rectifies the
    simple cells of some images at a time, ``normalisation``, which gives rates their surround or is None, and
    ``noise``, which rectifies the noisy rates. ``output`` returns the block's output, for recording.

    Parameters
    ----------
    gabor_parameters : GaborParameters
        One filter per channel.
    colours_q0, colours_q1 : Tensor, shape (channel,)
        Colour channel (0, 1, 2 for red, green, blue) that each filter of a bank sees.
    **settings
        Settings in `settings.BLOCK`, which become attributes; `settings.FRONT_END` describes each.

    Raises
    ------
    TypeError
        If a setting does not exist or has the wrong type.
    ValueError
        If the channels, the parameters and the colours differ in number, or a setting is out of its range.
    """

    image_size: int
    visual_degrees: float
    ksize: int
    stride: int
    simple_channels: int
    complex_channels: int
    k_exc: float
    surround: str | float | None
    noise_mode: str | None
    noise_scale: float
    noise_level: float

    def __init__(
        self,
        gabor_parameters: GaborParameters,
        colours_q0: Tensor,
        colours_q1: Tensor,
        **settings: Any,
    ):
        super().__init__()
        settings = {name: DEFAULTS[name] for name in BLOCK} | settings
        for name, value in checked_settings(settings, BLOCK).items():
            setattr(self, name, value)
        channels = self.simple_channels + self.complex_channels
        if not channels == len(gabor_parameters) == len(colours_q0) == len(colours_q1):
            raise ValueError(
                f"{self.simple_channels} simple and {self.complex_channels} complex channels, but "
                f"{len(gabor_parameters)} Gabor parameters and colours of {len(colours_q0)} and {len(colours_q1)} "
                "filters: give one of each a channel"
            )
        self._sampled_parameters = gabor_parameters
        q0, q1 = self._kernels(gabor_parameters)
        self.simple_conv_q0, self.simple_conv_q1 = FilterBank(q0, colours_q0), FilterBank(q1, colours_q1)
        self.simple = nn.ReLU()
        of_complex = q1[self.simple_channels :].numpy()
        self.normalisation = made_surround(gabor_parameters, q0.numpy(), of_complex, self.settings)
        self.noise = nn.ReLU(inplace=True)
        self.output = nn.Identity()
        self.fixed_noise: Tensor | None
        self.register_buffer("fixed_noise", None, persistent=False)
        self._kept: KeptRates | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Filters, cells, normalisation, noise: images (batch, colour, y, x) to rates (batch, channel, y, x)."""
        rates = self.rates(x) if self._kept is None else self._kept.of(x, self.rates)
        if self.noise_mode is not None:
            rates = self.add_noise(rates, self._noise_draw(rates))
        return self.output(rates)

    @property
    def settings(self) -> dict[str, Any]:
        """The current settings by name, as arguments of `get_model` and of this class."""
        return {name: getattr(self, name) for name in BLOCK}

    def rates(self, x: Tensor, padding: int | None = None) -> Tensor:
        """Responses without noise: filters, cells, normalisation.

        Parameters, returns and errors as for `cell_rates`; the normalisation treats `x` as the whole visual field.
        """
        cells = self.cell_rates(x, padding)
        return cells if self.normalisation is None else self.normalisation(cells, self.k_exc)

    def cell_rates(self, x: Tensor, padding: int | None = None) -> Tensor:
        """Rates of the simple and complex cells before normalisation: filters, cells.

        Parameters
        ----------
        x : Tensor, shape (batch, colour, y, x)
            Normalised images, or windows of them.
        padding : int, optional
            Zeros around `x` in pixels; None for ``ksize // 2``, 0 for only the cells whose filter lies within `x`.

        Returns
        -------
        Tensor, shape (batch, channel, y, x)

        Raises
        ------
        ValueError
            If `x` is not a batch of three-colour images, or is smaller than a filter.
        """
        padding = self.ksize // 2 if padding is None else padding
        if x.ndim != 4 or x.shape[1] != COLOURS:
            raise ValueError(f"input has shape {tuple(x.shape)}; the VOneBlock takes (batch, {COLOURS}, y, x)")
        if min(x.shape[2:]) + 2 * padding < self.ksize:
            raise ValueError(
                f"{tuple(x.shape[2:])} pixels with padding {padding} are less than a {self.ksize}-pixel filter"
            )
        # Every q0, and the q1 of the complex cells; simple cells do not use theirs.
        weight = torch.cat((self.simple_conv_q0.weight, self.simple_conv_q1.weight[self.simple_channels :]))
        groups = filters_by_colour(weight)
        at_once = self._images_at_once(x, padding)
        cells = self._cells(x[:at_once], groups, padding)
        if len(x) <= at_once:
            return torch.cat(cells, dim=1)
        channels = self.simple_channels + self.complex_channels
        rates = cells[0].new_empty(len(x), channels, *cells[0].shape[2:])
        for start in range(0, len(x), at_once):
            if start:
                cells = self._cells(x[start : start + at_once], groups, padding)
            torch.cat(cells, dim=1, out=rates[start : start + at_once])
        return rates

    def add_noise(self, rates: Tensor, draw: Tensor) -> Tensor:
        """Rectified rates with noise of the current mode, scale and level (see `noisy`), from a given draw.

        Parameters
        ----------
        rates : Tensor, shape (batch, channel, y, x)
            Never written to.
        draw : Tensor of the same shape
            Standard normal.

        Returns
        -------
        Tensor of the same shape
            New memory; in mode None, `rates` itself.

        Raises
        ------
        ValueError
            If the shapes differ, or `noise_mode`, `noise_scale` or `noise_level` was set to what is not allowed.
        """
        checked_settings({name: getattr(self, name) for name in _NOISE})
        if draw.shape != rates.shape:
            raise ValueError(f"the draw has shape {tuple(draw.shape)} but the rates {tuple(rates.shape)}")
        if self.noise_mode is None:
            return rates
        mode, scale, level = self.noise_mode, self.noise_scale, self.noise_level
        return self.noise(noisy(rates, draw.to(rates), mode=mode, scale=scale, level=level))

    def set_noise_mode(
        self, noise_mode: str | None = None, noise_scale: float | None = None, noise_level: float | None = None
    ) -> None:
        """Set the noise: its mode ('neuronal', 'gaussian' or None), scale and level; None keeps the scale or level.

        Raises
        ------
        ValueError
            If the mode is unknown, the scale not positive or the level negative.
        """
        noise_scale = self.noise_scale if noise_scale is None else noise_scale
        noise_level = self.noise_level if noise_level is None else noise_level
        noise = {"noise_mode": noise_mode, "noise_scale": noise_scale, "noise_level": noise_level}
        for name, value in checked_settings(noise).items():
            setattr(self, name, value)

    def fix_noise(self, batch_size: int = 256, seed: int | None = None) -> None:
        """Use the same draw for all further batches of at most `batch_size` images, until `unfix_noise`.

        The draw is for images of `image_size`, and the same on every device; for others assign `fixed_noise`. A None
        seed takes it from torch's global generator.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        shape = (batch_size, *self.units(self.image_size, self.image_size))
        self.fixed_noise = torch.randn(shape, generator=generator).to(self.simple_conv_q0.weight)

    def units(self, height: int, width: int) -> tuple[int, int, int]:
        """Shape (channel, y, x) of the response to an image of `height` x `width` pixels."""
        y, x = ((side + 2 * (self.ksize // 2) - self.ksize) // self.stride + 1 for side in (height, width))
        return self.simple_channels + self.complex_channels, y, x

    def unfix_noise(self) -> None:
        """Draw fresh noise from torch's global generator for every batch."""
        self.fixed_noise = None

    @contextmanager
    def repeated_trials(self) -> Iterator[None]:
        """Context in which repeated forward calls on one tensor convolve it once and only redraw the noise.

        An input that is written to, or whose rates are differentiated, is convolved again; so is one made under
        ``torch.inference_mode``, where torch does not track writing. The block must not be changed within the context.
        """
        outer, self._kept = self._kept, KeptRates()
        try:
            yield
        finally:
            self._kept = outer

    def extra_repr(self) -> str:
        """The settings."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings.items())

    @property
    def pixels_per_degree(self) -> float:
        return self.image_size / self.visual_degrees

    @property
    def colours(self) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """Colour of each q0 and of each q1 filter, read off the weights; None for one with several colours or none."""
        return self.simple_conv_q0.colours, self.simple_conv_q1.colours

    @property
    def gabor_parameters(self) -> GaborParameters | None:
        """Parameters of the filters; None where the kernels made of them are not those in the weights."""
        made_of_them = self.is_made_of(self._sampled_parameters)
        return self._sampled_parameters if all(bool(of_bank.all()) for of_bank in made_of_them.values()) else None

    def is_made_of(self, parameters: GaborParameters) -> dict[str, Tensor]:
        """Which filters of each bank are, in one colour, the kernels made of the parameters.

        Returns
        -------
        dict
            Name of the bank -> Tensor of bool, shape (channel,).
        """
        q0, q1 = self._kernels(parameters)
        return {
            "simple_conv_q0": self.simple_conv_q0.has_kernels(q0),
            "simple_conv_q1": self.simple_conv_q1.has_kernels(q1),
        }

    def _kernels(self, parameters: GaborParameters) -> tuple[Tensor, Tensor]:
        """Kernels of the q0 and of the q1 filters, (channel, y, x) in double precision."""
        scale, ksize = self.pixels_per_degree, self.ksize
        q0, q1 = (
            gabor_kernels(parameters, pixels_per_degree=scale, ksize=ksize, phase_shift_deg=shift) for shift in (0, 90)
        )
        return torch.from_numpy(q0), torch.from_numpy(q1)

    def _cells(self, x: Tensor, groups: list[FilterGroup], padding: int) -> tuple[Tensor, Tensor]:
        """Rates of the simple and of the complex cells."""
        responses = filter_responses(x, groups, stride=self.stride, padding=padding)
        sizes = (self.simple_channels, self.complex_channels)
        return simple_and_complex_cells(responses, *sizes, gain=self.k_exc, rectify=self.simple)

    def _images_at_once(self, x: Tensor, padding: int) -> int:
        differentiated = torch.is_grad_enabled() and any(t.requires_grad for t in (x, *self.parameters()))
        if x.device.type != "cpu" or differentiated or torch.compiler.is_compiling():
            return len(x)
        positions = math.prod((side + 2 * padding - self.ksize) // self.stride + 1 for side in x.shape[2:])
        return max(1, _RESPONSES_AT_ONCE // (positions * (self.simple_channels + 2 * self.complex_channels)))

    def _noise_draw(self, rates: Tensor) -> Tensor:
        if self.fixed_noise is None:
            return torch.randn_like(rates)
        if len(rates) > len(self.fixed_noise) or rates.shape[1:] != self.fixed_noise.shape[1:]:
            raise ValueError(
                f"noise is fixed for {tuple(self.fixed_noise.shape)} (images, channels, y, x) but this batch needs "
                f"{tuple(rates.shape)}; call fix_noise with a larger batch_size, assign fixed_noise, or unfix_noise()"
            )
        return self.fixed_noise[: len(rates)]


def vone_blocks(network: nn.Module) -> list[VOneBlock]:
    """The VOneBlocks of a network, itself included."""
    return [module for module in network.modules() if isinstance(module, VOneBlock)]
