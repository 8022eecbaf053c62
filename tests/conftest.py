"""One thread a worker, for the workers already fill the cores; and tables as wide as in a file, wherever they run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "140"


def pytest_collection_modifyitems(items):
    """Skip, with a reason, the notebook whose networks are timm's where timm does not import."""
    from torchvision_here import needs_timm

    for item in items:
        if "06-resnet18" in item.nodeid:
            item.add_marker(needs_timm)
