"""How much faster the VOneBlock is than three-colour convolutions of both its filter banks.

    python tests/benchmarks/filter_bank.py

Prints, with the noise off and on, the best time of each, their ratio (wanted: at least 2.5) and the largest difference
of the outputs over the largest output (wanted: at most 1e-5).
"""

import math
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from vonenet_brainscore.models.vone_block import VOneBlock
from vonenet_brainscore.models.vonenet import get_model

IMAGES, REPEATS, THREADS = 16, 5, 2


def plain(block: VOneBlock, x: Tensor, draw: Tensor | None) -> Tensor:
    """The VOneBlock written down: every filter of both banks with all three colours, then the formulas."""
    q0, q1 = (
        F.conv2d(x, bank.weight, stride=block.stride, padding=block.ksize // 2)
        for bank in (block.simple_conv_q0, block.simple_conv_q1)
    )
    cells = block.simple_channels
    simple = F.relu(q0[:, :cells])
    complex_ = torch.sqrt(q0[:, cells:] ** 2 + q1[:, cells:] ** 2) / math.sqrt(2)
    rates = block.k_exc * torch.cat((simple, complex_), dim=1)
    if block.noise_mode is None:
        return rates
    draw = torch.randn_like(rates) if draw is None else draw
    scale, level = block.noise_scale, block.noise_level
    mean = scale * rates + level
    return F.relu((mean + draw * torch.sqrt(F.relu(mean) + 1e-4) - level) / scale)


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(THREADS)
    generator = torch.Generator().manual_seed(0)
    block = get_model(None, quadrature="paper").vone_block
    x = torch.rand(IMAGES, 3, 224, 224, generator=generator) * 2 - 1
    print(f"{IMAGES} images of 224 x 224, {THREADS} threads, best of {REPEATS}")
    for mode in (None, "neuronal"):
        block.set_noise_mode(mode)
        block.fix_noise(IMAGES, seed=0)
        expected = plain(block, x, block.fixed_noise)
        difference = (block(x) - expected).abs().max() / expected.abs().max()
        block.unfix_noise()
        # In turn, so that whatever else the machine does slows both.
        times = [(seconds(plain, block, x, None), seconds(block, x)) for _ in range(REPEATS)]
        slow, fast = (min(column) for column in zip(*times, strict=True))
        print(
            f"noise {'on ' if mode else 'off'}: plain {slow:.3f} s, VOneBlock {fast:.3f} s, "
            f"{slow / fast:.2f} times as fast, outputs differ by {difference:.1e}"
        )


if __name__ == "__main__":
    main()
