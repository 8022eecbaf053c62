"""Standard-normal draws that depend on the stimulus and the trial, never on batches or their order.

With noise and many trials they take most of the time: 20 ms of CPU time for 1.6 million units (`--shares` of
tests/benchmarks/neural_predictivity.py). torch draws five times as fast, but from a seed of 32 bits, so that some of a
hundred thousand draws would be equal, and their last bits depend on the processor's vector instructions. SFC64, 1.8
times as fast, has no keys.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def noise_draw(shape: Sequence[int], *, seed: int, content: bytes, trial: int, window: str = "full") -> np.ndarray:
    """One standard-normal draw for the units of one recording of one stimulus.

    The key of a counter-based generator (Philox; Salmon et al. 2011, SC11) is a hash of the four arguments, so a
    draw has the same bits in any order, batch, process or number of workers, and two draws are independent.

    Parameters
    ----------
    shape : sequence of int
        Shape of the recorded units, for example (channel, y, x).
    seed : int
        The subject's seed.
    content : bytes
        Key of the stimulus (`Picture.content`).
    trial : int
        Number of the trial, from 0.
    window : str
        Which of the units are recorded.

    Returns
    -------
    float32 array
    """
    draw = np.empty(tuple(shape), np.float32)
    fill_with_noise(draw, seed=seed, content=content, trial=trial, window=window)
    return draw


def fill_with_noise(draw: np.ndarray, *, seed: int, content: bytes, trial: int, window: str) -> None:
    """Write `noise_draw` into an array of its shape."""
    key = hashlib.sha256(b"\0".join([str(int(seed)).encode(), str(int(trial)).encode(), window.encode(), content]))
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key.digest()[:16], "little")))
    generator.standard_normal(out=draw, dtype=np.float32)


def noise_draws(
    shape: Sequence[int],
    *,
    seed: int,
    contents: Sequence[bytes],
    trial: int | Sequence[int],
    window: str = "full",
    threads: int = 1,
) -> np.ndarray:
    """`noise_draw` for several stimuli.

    `trial` is one number for all stimuli, or one for each.

    Returns
    -------
    float32 array, shape (stimulus, *shape)
    """
    draws = np.empty((len(contents), *shape), dtype=np.float32)
    trials = np.broadcast_to(trial, len(contents))

    def fill(index: int) -> None:
        fill_with_noise(draws[index], seed=seed, content=contents[index], trial=int(trials[index]), window=window)

    if threads == 1:
        for index in range(len(contents)):
            fill(index)
    else:
        with ThreadPoolExecutor(threads) as pool:  # numpy draws without the interpreter lock
            list(pool.map(fill, range(len(contents))))
    return draws
