"""The version of this package, by number (read by `setup.py`) and by the content of its code."""

import hashlib
from functools import lru_cache
from pathlib import Path

__version__ = "0.1.0"


@lru_cache
def code_digest() -> str:
    """Digest of this package's own modules, other versions of which may give other scores."""
    root, digest = Path(__file__).parent, hashlib.sha256()
    for module in sorted(root.rglob("*.py")):
        name, code = str(module.relative_to(root)).encode(), module.read_bytes()
        digest.update(b"%s\0%d\0%s" % (name, len(code), code))
    return digest.hexdigest()
