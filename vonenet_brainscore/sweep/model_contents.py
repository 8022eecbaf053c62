"""The parts of a model on which its scores depend, so that a record is never used for another model."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..brainscore import plugin_folder, registrations
from ..models.checkpoints import checkpoint_sha256
from ..models.libraries import names_library
from ..models.named_networks import VONENET_PREFIX, named_network
from ..models.registry import MODELS
from ..provenance import state_digest
from ..recordings.loading import BRAINSCORE_PREFIX, is_reference


def contents_of_model(model: str, weights: str | None = None) -> dict[str, Any]:
    """What a named model's scores depend on, as plain values; empty for a name in `MODELS`, defined by its cells.

    For a network by reference, these are a digest of its weights and the version of its library or the file of its
    function; for a model of Brain-Score's, the files of its plugin. Modules that these import are not included.

    Parameters
    ----------
    model : str
        As for `load_subject`.
    weights : path or 'random', optional
        For a network by reference.
    """
    if model in MODELS:
        return {}
    if not is_reference(model):
        folders = registrations("model")[model.removeprefix(BRAINSCORE_PREFIX)]
        files = sorted(file for folder in folders for file in (plugin_folder("model") / folder).rglob("*.py"))
        return {"plugin": {str(file.relative_to(plugin_folder("model"))): checkpoint_sha256(file) for file in files}}
    if model.startswith(VONENET_PREFIX):
        named = weights in (None, "random")
        back_end = model.removeprefix(VONENET_PREFIX)
        found: dict[str, Any] = {"weights": weights if named else checkpoint_sha256(Path(str(weights)))}
    else:
        back_end = model
        found = {"weights": state_digest(named_network(model, weights).network)}
    if names_library(back_end):
        return {**found, "library": version(back_end.partition(":")[0])}
    return {**found, "source": checkpoint_sha256(Path(sys.modules[back_end.partition(":")[0]].__file__ or ""))}
