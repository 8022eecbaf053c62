"""Published protocols of adversarial evaluation, by name."""

from collections.abc import Mapping
from dataclasses import dataclass

from .attacks import ProjectedGradientDescent


@dataclass(frozen=True)
class Protocol:
    """Settings of projected gradient descent with which a paper evaluated networks.

    Attributes
    ----------
    epsilons : mapping from norm to sequence of float
        In pixel values of [0, 1].
    iterations, k : int
    step_size : float
        As a fraction of epsilon.
    source : str
    unknown : str
        What the source does not state, and how it is set here.
    """

    epsilons: Mapping[str, tuple[float, ...]]
    iterations: int
    k: int
    step_size: float
    source: str
    unknown: str

    def attacks(self, seed: int = 0) -> dict[str, ProjectedGradientDescent]:
        """The attack in each norm, at its largest epsilon."""
        return {
            norm: ProjectedGradientDescent(norm, max(eps), self.iterations, self.k, seed=seed, step_size=self.step_size)
            for norm, eps in self.epsilons.items()
        }


# What neither of the sources below says, as far as they could be read here.
_OPEN = (
    "which images (--DS_factor chooses); how many draws an attacked image is scored in (--draws, 10); random "
    "beginnings (none); the L1 step (along the largest 1 % of the gradient's entries)"
)
PROTOCOLS: dict[str, Protocol] = {
    "dapello2020": Protocol(
        epsilons={"inf": (1 / 1020, 1 / 255, 4 / 255), "2": (0.15, 0.6, 2.4), "1": (40, 160, 640)},
        iterations=64,
        k=10,
        step_size=1 / 32,
        source="Dapello, Marques et al. 2020, NeurIPS 33:13073 (norms and sizes); the README of its code, "
        "github.com/dicarlolab/vonenet (64 steps, k 10)",
        unknown=f"the step size (eps / 32, as later studies have it); {_OPEN}",
    ),
    "descendants": Protocol(
        epsilons={
            "inf": (1 / 1020, 1 / 255, 4 / 255, 16 / 255),
            "2": (0.15, 0.6, 2.4, 9.6),
            "1": (40, 160, 640, 2560),
        },
        iterations=64,
        k=10,
        step_size=1 / 32,
        source="studies of VOneNets after Dapello, Marques et al. 2020: 64 steps of eps / 32, k 10, and a fourth size",
        unknown=_OPEN,
    ),
}
