"""Whether torchvision imports: beside a CPU build of torch the one from PyPI fails, and not with an ImportError."""

import pytest

try:
    import torchvision  # noqa: F401
except (ImportError, RuntimeError) as error:
    REASON = f"torchvision does not import ({error})"
else:
    REASON = ""

needs_torchvision = pytest.mark.skipif(bool(REASON), reason=REASON)
