"""A network as it is evaluated: images in [0, 1] in, logits out, and noise that can be drawn again."""

import hashlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from reprlib import repr as shortened

import torch
from torch import Tensor, nn

from ..arguments import check_text, usable_device
from ..models.checkpoints import load_weights, read_checkpoint
from ..models.registry import MODELS
from ..models.vone_block import vone_blocks
from ..models.vonenet import get_model
from ..stimuli.images import content_of
from .keyed_draws import keyed_draws, seed_of


class Classifier(nn.Module):
    """A network that takes images in [0, 1], so that a distance between images is one in pixels.

    Parameters
    ----------
    network : nn.Module
        Takes ``(images - mean) / std`` of shape (batch, 3, y, x), gives logits (batch, class). Put in evaluation mode.
    mean, std : float or sequence of three
        VOneNets were trained with 0.5 and 0.5. For a network with its own normalisation inside: 0 and 1.
    name : str
        For the record.

    Raises
    ------
    ValueError
        If `mean` or `std` has not one or three numbers, or `std` is not positive.
    TypeError
        If they are no numbers, or the network is none.
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
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"a network is an nn.Module, not {type(network).__name__}")
        self.network = network.eval()
        self.name = name
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
        """Where the network is."""
        return self.mean.device

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
            What the draws are for; those of two purposes share nothing.

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
        """Context in which the network's noise is that of a key, and after which all is as it was.

        A VOneBlock's draw is keyed image by image, whatever else is in the batch. What other noise a network has comes
        from torch's global generator, which is seeded meanwhile by the key and the whole batch.
        """
        blocks = vone_blocks(self.network)
        before = [block.fixed_noise for block in blocks]
        with keyed_draws(*key, *contents, device=self.device):
            for block in blocks:
                if block.noise_mode is not None:
                    block.fixed_noise = self._block_noise(block.units(*images.shape[2:]), contents, key)
            try:
                yield
            finally:
                for block, noise in zip(blocks, before, strict=True):
                    block.fixed_noise = noise

    def _block_noise(self, units: tuple[int, int, int], contents: Sequence[bytes], key: tuple[object, ...]) -> Tensor:
        draws = self.mean.new_empty(len(contents), *units)
        generator = torch.Generator(self.device)
        for draw, content in zip(draws, contents, strict=True):
            draw.normal_(generator=generator.manual_seed(seed_of(*key, content)))
        return draws

    def count_classes(self, image_size: int) -> int:
        """How many classes the network tells apart.

        Raises
        ------
        ValueError
            If it does not give one logit a class, or cannot take images of that size.
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

    def description(self) -> dict[str, object]:
        """What the network is, as plain values: name, digest of its weights, normalisation, noise."""
        digest = hashlib.sha256()
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode() + content_of(tensor.detach().float().cpu().numpy()))
        blocks = vone_blocks(self.network)
        return {
            "model": self.name,
            "weights": digest.hexdigest(),
            "mean": self.mean.flatten().tolist(),
            "std": self.std.flatten().tolist(),
            "noise": [[block.noise_mode, block.noise_scale, block.noise_level] for block in blocks],
        }


def load_classifier(
    model: str = "resnet50",
    *,
    weights: str | Path | None = None,
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    device: str | torch.device | None = None,
) -> Classifier:
    """The classifier that a name stands for.

    Parameters
    ----------
    model : str
        A `model_arch` of `get_model` or a name in `MODELS`, with its released weights; or ``module:function``, where
        the function takes nothing and gives an nn.Module. Modules are found as Python finds them, and in the current
        folder.
    weights : path, optional
        A checkpoint in place of the released weights, or of those that the function's network comes with.
    mean, std : float or sequence of three
        Of the normalisation that the network expects, as in `Classifier`.
    device : str or torch.device, optional
        By default a GPU if there is one.

    Raises
    ------
    ValueError
        If the model is unknown, the checkpoint is not of that architecture or network, or there is no such device here.
    TypeError
        If the function gives something else than an nn.Module, or an argument is not of its kind.
    FileNotFoundError, OSError
        If weights cannot be had.
    """
    check_text(model=model)
    device = usable_device(("cuda" if torch.cuda.is_available() else "cpu") if device is None else device)
    if ":" not in model:
        row = MODELS.get(model)
        network: nn.Module = get_model(row.model_arch if row else model, weights=weights)
    else:
        network = network_of(model)
        if weights is not None:
            _load(weights, network, model)
    return Classifier(network.to(device), mean=mean, std=std, name=model)


def contents_of(images: Tensor) -> list[bytes]:
    """Keys of the images' noise: equal for equal images.

    Parameters
    ----------
    images : Tensor, shape (image, 3, y, x)
    """
    return [content_of(image.cpu().numpy()) for image in images.detach()]


def network_of(reference: str) -> nn.Module:
    """What the function gives that ``module:function`` names; the errors are those of `load_classifier`."""
    module_name, _, function_name = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # the console script, unlike `python -m`, does not look in the current folder
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise ValueError(f"no module {module_name!r}; looked in {here} and where Python looks") from error
        raise
    except Exception as error:  # the user's own code, or no name of a module
        raise ValueError(f"{module_name!r} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"{module_name} has no function {function_name!r}; give module:function")
    try:
        network = function()
    except Exception as error:  # the user's own code
        raise ValueError(f"{reference} gives no network: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"{reference} gives a {type(network).__name__}; it must give an nn.Module")
    return network


def _load(weights: str | Path, network: nn.Module, model: str) -> None:
    state_dict = read_checkpoint(weights).state_dict
    try:
        load_weights(network, state_dict)
    except ValueError as error:
        raise ValueError(f"{weights} holds another network than {model} gives: {error}") from error


def _weights(network: nn.Module) -> Tensor:
    """A floating-point tensor of the network, for its type and device."""
    tensors = (tensor for tensor in network.state_dict().values() if tensor.is_floating_point())
    return next(tensors, torch.empty(0))
