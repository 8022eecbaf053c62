"""How a network is trained."""

import math
from dataclasses import dataclass

from ..arguments import check_real, check_seed, check_whole

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent on the cross-entropy; by default as the released VOneNets were trained.

    Those were trained on ImageNet (Dapello, Marques et al. 2020, NeurIPS 33:13073).

    Attributes
    ----------
    batch_size : int
        Images a step, over all processes together.
    epochs : int
    lr, momentum, weight_decay : float
        Of the descent; `lr` is the learning rate of the first epochs.
    step_size : int
        Epochs after which the learning rate is multiplied by `step_factor`, each time.
    step_factor : float
    seed : int
        Of the first weights, the order of images, their augmentation, noise and dropout.
    precision : {'32-true', '16-mixed', 'bf16-mixed'}
        Single, or automatic mixed with half or bfloat16; 'bf16-mixed' rounds the pixels too. Validation is in single
        precision.

    Raises
    ------
    TypeError
        If an attribute is not of its kind.
    ValueError
        If an attribute is out of its range.
    """

    batch_size: int = 256
    epochs: int = 70
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    step_size: int = 20
    step_factor: float = 0.1
    seed: int = 0
    precision: str = "32-true"

    def __post_init__(self) -> None:
        whole = {name: getattr(self, name) for name in ("batch_size", "epochs", "step_size")}
        real = {name: getattr(self, name) for name in ("lr", "step_factor", "momentum", "weight_decay")}
        check_whole(**whole)
        check_real(**real)
        check_seed(self.seed)
        for name, value in whole.items():
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        for name, value in real.items():
            zero = name in ("momentum", "weight_decay")
            if not 0 <= value < math.inf or (value == 0 and not zero):
                raise ValueError(f"{name} is {value}; it must be {'at least' if zero else 'more than'} 0, and finite")
        for kind, values in ((int, {**whole, "seed": self.seed}), (float, real)):
            for name, value in values.items():
                object.__setattr__(self, name, kind(value))  # NumPy's numbers become plain ones, which can be saved
        if self.momentum >= 1:
            raise ValueError(f"momentum is {self.momentum}; it must be less than 1")
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}; have {', '.join(PRECISIONS)}")

    def lr_in(self, epoch: int) -> float:
        """Learning rate in an epoch, of which the first is 1."""
        return self.lr * self.step_factor ** ((epoch - 1) // self.step_size)
