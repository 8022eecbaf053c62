"""A network as a classifier: images in [0, 1] to logits, with reproducible noise."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from reprlib import repr as shortened

import torch
from torch import Tensor, nn

from ..models.vone_block import vone_blocks
from ..stimuli.images import content_of
from .keyed_draws import keyed_draws, seed_of

# What noise a network answers with: its own, drawn afresh each time; its own, one draw for each image and for every
# time that image is shown; none.
NOISE = ("model", "fixed", "none")


class Classifier(nn.Module):
    """A network that takes images in [0, 1], so that distances between images are in pixel values.

    Parameters
    ----------
    network : nn.Module
        Takes ``(images - mean) / std`` of shape (batch, 3, y, x), returns logits (batch, class). Set to evaluation
        mode.
    mean, std : float or sequence of three
        VOneNets were trained with 0.5 and 0.5. For a network with its own normalisation inside: 0 and 1.
    name : str
        Name in the provenance.
    training_noise : str
        Noise mode during training, for the provenance.

    Attributes
    ----------
    noise : str
        One of `NOISE`; 'model' unless `with_noise` made it.

    Raises
    ------
    ValueError
        If `mean` or `std` has not one or three numbers, or `std` is not positive.
    TypeError
        If these are not numbers, or the network is not an nn.Module.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from vonenet_brainscore import Classifier
    >>> classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5)))
    >>> classifier(torch.rand(2, 3, 8, 8)).shape
    torch.Size([2, 5])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: float | Sequence[float] = 0.5,
        std: float | Sequence[float] = 0.5,
        name: str = "network",
        training_noise: str = "unknown",
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"a network is an nn.Module, not {type(network).__name__}")
        self.network = network.eval()
        self.name, self.training_noise, self.noise = name, training_noise, "model"
        for each, value in (("mean", mean), ("std", std)):
            try:
                numbers = torch.tensor(value, dtype=torch.float32).flatten()
            except (TypeError, ValueError, RuntimeError, OverflowError) as error:
                raise TypeError(f"{each} is {shortened(value)}; give one number or three") from error
            if len(numbers) not in (1, 3) or not numbers.isfinite().all() or (each == "std" and (numbers <= 0).any()):
                raise ValueError(f"{each} is {value}; give one number or three, finite, std positive")
            self.register_buffer(each, numbers.to(_weights(network)).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits: (batch, 3, y, x) in [0, 1] to (batch, class)."""
        return self.network((images - self.mean) / self.std)

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.mean.device

    def with_noise(self, noise: str) -> "Classifier":
        """A classifier with the same network, whose VOneBlocks have one of the kinds of noise in `NOISE`.

        The noise-free twin of a VOneNet is ``classifier.with_noise("none")``; the network itself is not changed.

        Raises
        ------
        ValueError
            If there is no such noise.
        """
        if noise not in NOISE:
            raise ValueError(f"unknown noise {noise!r}; have {', '.join(NOISE)}")
        mean, std = (each.flatten().tolist() for each in (self.mean, self.std))
        twin = Classifier(self.network, mean=mean, std=std, name=self.name, training_noise=self.training_noise)
        twin.noise = noise
        return twin

    def logits(
        self, images: Tensor, contents: Sequence[bytes], *, draws: int, seed: int, purpose: str = "score"
    ) -> Tensor:
        """Logits in several draws of the noise.

        Parameters
        ----------
        images : Tensor, shape (image, 3, y, x)
            In [0, 1].
        contents : sequence of bytes
            Keys of the images' noise, as `contents_of` gives them. An image and its perturbed form share theirs.
        draws, seed : int
        purpose : str
            Purpose of the draws; draws for different purposes are independent.

        Returns
        -------
        Tensor, shape (draw, image, class)

        Raises
        ------
        ValueError
            If a logit is not finite.
        """
        images = images.to(self.mean)
        with torch.no_grad():
            drawn = []
            for draw in range(draws):
                with self.drawn_noise(images, contents, seed, purpose, draw):
                    drawn.append(self(images))
        logits = torch.stack(drawn)
        if not logits.isfinite().all():
            raise ValueError(
                f"{self.name} answers with logits that are not finite; check its weights and its --mean and --std"
            )
        return logits

    @contextmanager
    def drawn_noise(self, images: Tensor, contents: Sequence[bytes], *key: object) -> Iterator[None]:
        """Context in which a key determines the network's noise; the previous state is restored afterwards.

        A VOneBlock's draw is keyed image by image, independent of the batch. Other noise of a network comes from
        torch's global generator, which is seeded within the context by the key and the whole batch. Fixed noise has one
        key.
        """
        key = ("fixed",) if self.noise == "fixed" else key
        blocks = vone_blocks(self.network)
        before = [(block.noise_mode, block.fixed_noise) for block in blocks]
        with keyed_draws(*key, *contents, device=self.device):
            for block in blocks:
                block.noise_mode = None if self.noise == "none" else block.noise_mode
                if block.noise_mode is not None:
                    block.fixed_noise = self._block_noise(block.units(*images.shape[2:]), contents, key)
            try:
                yield
            finally:
                for block, (mode, noise) in zip(blocks, before, strict=True):
                    block.noise_mode, block.fixed_noise = mode, noise

    def _block_noise(self, units: tuple[int, int, int], contents: Sequence[bytes], key: tuple[object, ...]) -> Tensor:
        draws = self.mean.new_empty(len(contents), *units)
        generator = torch.Generator(self.device)
        for draw, content in zip(draws, contents, strict=True):
            draw.normal_(generator=generator.manual_seed(seed_of(*key, content)))
        return draws

    def count_classes(self, image_size: int) -> int:
        """Number of classes of the network.

        Raises
        ------
        ValueError
            If it does not give one logit per class, or cannot take images of that size.
        """
        try:
            shape = tuple(self._logits_of_grey(image_size, draws=1)[0].shape)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{self.name} cannot answer images of {image_size} x {image_size} pixels ({reason}); set --image_size"
            ) from error
        if len(shape) != 2 or shape[0] != 2:
            raise ValueError(f"{self.name} answers two images with shape {shape}; logits are (2, classes)")
        return shape[1]

    def is_stochastic(self, image_size: int) -> bool:
        """Whether two draws of the noise give different logits."""
        first, second = self._logits_of_grey(image_size, draws=2)
        return not torch.equal(first, second)

    def _logits_of_grey(self, image_size: int, draws: int) -> Tensor:
        grey = torch.full((2, 3, image_size, image_size), 0.5)
        return self.logits(grey, [b"first", b"second"], draws=draws, seed=0)

    def description(self, image_size: int) -> dict[str, object]:
        """Everything that determines the network's answers, as plain values that are equal for equal networks.

        Its name, the digest of its weights, how it answers two images of `image_size` pixels (which tells apart what
        weights do not say: code, attributes, hooks), the normalisation, and the noise in training and now.
        """
        digest = hashlib.sha256()
        for name, tensor in self.network.state_dict().items():
            digest.update(f"{name}\0{tensor.dtype}\0".encode() + content_of(tensor.detach().float().cpu().numpy()))
        return {
            "model": self.name,
            "weights": digest.hexdigest(),
            # To digits that arithmetic rounding does not affect.
            "answers": [float(f"{number:.3g}") for number in self.answers(image_size).flatten().tolist()],
            "mean": self.mean.flatten().tolist(),
            "std": self.std.flatten().tolist(),
            "noise": [[block.noise_mode, block.noise_scale, block.noise_level] for block in vone_blocks(self.network)],
            "training_noise": self.training_noise,
        }

    def answers(self, image_size: int) -> Tensor:
        """Two sums over the logits of each of two made images, in one draw: float64 Tensor (sum, image)."""
        images = torch.rand(2, 3, image_size, image_size, generator=torch.Generator().manual_seed(0))
        logits = self.logits(images, [b"first", b"second"], draws=1, seed=0)[0].double().cpu()  # (image, class)
        classes = torch.arange(logits.shape[1], dtype=torch.float64)
        return torch.stack([logits @ classes.cos(), logits @ classes.sin()])


def contents_of(images: Tensor) -> list[bytes]:
    """Keys of the images' noise: equal for equal images.

    Parameters
    ----------
    images : Tensor, shape (image, 3, y, x)

    Raises
    ------
    TypeError
        If they are no Tensor.
    ValueError
        If they are not a stack of images.

    Examples
    --------
    >>> import torch
    >>> from vonenet_brainscore import contents_of
    >>> images = torch.zeros(2, 3, 8, 8)
    >>> first, second = contents_of(images)
    >>> first == second  # equal images have equal noise
    True
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"images are {shortened(images)}; give a Tensor")
    if images.ndim != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; give (image, 3, y, x)")
    return [content_of(image.cpu().numpy()) for image in images.detach()]


def _weights(network: nn.Module) -> Tensor:
    """A floating-point tensor of the network, for its type and device."""
    tensors = (tensor for tensor in network.state_dict().values() if tensor.is_floating_point())
    return next(tensors, torch.empty(0))
