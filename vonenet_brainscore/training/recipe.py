"""The hyperparameters of training."""

from dataclasses import dataclass, field, fields
from typing import Any

from ..arguments import Kind, Setting

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
# The recipe of the training script that the authors released with the weights.
_RELEASED = "Dapello, Marques et al. 2020, NeurIPS 33:13073: the released VOneNets"


def _row(default: Any, kind: Kind, text: str, source: str = _RELEASED, **allowed: Any) -> Any:
    return field(default=default, metadata={"kind": kind, "text": text, "source": source, **allowed})


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent on the cross-entropy; by default as the released VOneNets were trained on ImageNet.

    Each attribute is a setting: `RECIPE` has them as rows, with their defaults and what is allowed.

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

    Examples
    --------
    >>> from vonenet_brainscore import Recipe
    >>> Recipe(lr=0.1, step_size=20, epochs=60).epochs
    60
    """

    batch_size: int = _row(256, "whole", "Images a step, on all devices together", within="[1, inf)")
    epochs: int = _row(70, "whole", "How often each image is seen", within="[1, inf)")
    lr: float = _row(0.1, "real", "Learning rate of the first epochs", within="(0, inf)")
    momentum: float = _row(0.9, "real", "Momentum of the descent", within="[0, 1)")
    weight_decay: float = _row(1e-4, "real", "Decay of all weights", within="[0, inf)")
    step_size: int = _row(20, "whole", "Epochs between reductions of the learning rate", within="[1, inf)")
    step_factor: float = _row(0.1, "real", "Factor of each reduction", within="(0, inf)")
    seed: int = _row(0, "seed", "Seed of all that is random", "chosen here: the original has none")
    precision: str = _row("32-true", "choice", "Of the arithmetic", choices=PRECISIONS)

    def __post_init__(self) -> None:
        for row in RECIPE:
            value = row.checked(getattr(self, row.name))
            object.__setattr__(self, row.name, row.type(value))

    def lr_in(self, epoch: int) -> float:
        """Learning rate in an epoch, of which the first is 1."""
        return self.lr * self.step_factor ** ((epoch - 1) // self.step_size)


RECIPE: tuple[Setting, ...] = tuple(Setting(row.name, row.default, **row.metadata) for row in fields(Recipe))
