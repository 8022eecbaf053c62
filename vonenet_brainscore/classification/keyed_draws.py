"""Random draws determined by a key alone; the global generators are left unchanged."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*key: object) -> int:
    """A seed for torch: 63 bits of a hash of the purpose of the draw."""
    digest = hashlib.sha256(b"\0".join(each if isinstance(each, bytes) else str(each).encode() for each in key))
    return int.from_bytes(digest.digest()[:8], "little") >> 1


@contextmanager
def keyed_draws(*key: object, device: torch.device | None = None) -> Iterator[None]:
    """Context in which torch's global generators, the CPU's and the GPU's if `device` is one, are seeded by a key."""
    gpus = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        # Not torch.manual_seed, which also seeds GPUs that are not the network's.
        torch.default_generator.manual_seed(seed_of(*key))
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed_of(*key))
        yield
