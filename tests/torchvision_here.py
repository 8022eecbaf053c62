"""Whether torchvision and timm import: beside a CPU build of torch the torchvision of PyPI fails, and timm with it."""

from importlib import import_module

import pytest


def _obstacle(library: str) -> str:
    try:
        import_module(library)
    except (ImportError, RuntimeError) as error:  # RuntimeError: made for another torch
        return f"{library} does not import ({error})"
    return ""


NO_TIMM = _obstacle("timm")
needs_timm = pytest.mark.skipif(bool(NO_TIMM), reason=NO_TIMM)
needs_torchvision = pytest.mark.skipif(bool(_obstacle("torchvision")), reason=_obstacle("torchvision"))
