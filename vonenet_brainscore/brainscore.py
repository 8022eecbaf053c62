"""Running Brain-Score's code without its side effects: its caches by name, its pip installs, its global generator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables set meanwhile, and afterwards as they were."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def without_pip() -> Iterator[None]:
    """Brain-Score installs no packages for its plugins meanwhile, unless the user's environment has it so."""
    with environment(BS_INSTALL_DEPENDENCIES=os.environ.get("BS_INSTALL_DEPENDENCIES", "no")):
        yield


@contextmanager
def without_result_caching() -> Iterator[None]:
    """Brain-Score's caches, which know a recording by names alone, are neither read nor written meanwhile."""
    with environment(RESULTCACHING_DISABLE="1"):
        yield


@contextmanager
def seeded_global_generator(seed: int) -> Iterator[None]:
    """NumPy's global generator seeded meanwhile, and its state put back: Brain-Score's bootstraps take no other."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
