"""The code that runs on the leaderboard's machine and makes the subject that a plugin folder describes.

This module and everything that it imports become part of the plugin, so they must not need the rest of the package.
"""

import json
from pathlib import Path
from typing import Any

import torch

from ..models.checkpoints import vonenet_home
from ..models.downloads import download, sha256_of
from ..models.libraries import names_library
from ..models.settings import names_beside
from ..models.vonenet import VOneNet, get_model
from ..recordings.activations import ActivationsExtractor
from ..recordings.front_end_subject import FrontEndSubject
from ..recordings.subject import Subject
from .front_end import check_front_end, rebuilt_front_end

RECORD = "submission.json"
FRONT_END = "front_end.json"
BIBTEX = """@inproceedings{dapello2020simulating,
  title={Simulating a Primary Visual Cortex at the Front of {CNN}s Improves Robustness to Image Perturbations},
  author={Dapello, Joel and Marques, Tiago and Schrimpf, Martin and Geiger, Franziska and Cox, David D. and
          DiCarlo, James J.},
  booktitle={Advances in Neural Information Processing Systems},
  volume={33},
  year={2020}
}"""


def submitted_subject(folder: Path) -> Subject:
    """The subject that a plugin folder describes.

    Parameters
    ----------
    folder : path
        With `RECORD`, `FRONT_END`, and the weights if they are part of the plugin.

    Raises
    ------
    ValueError
        If the weights or the front end are not those that were packaged.
    FileNotFoundError, OSError
        If the weights cannot be fetched, as in `download`.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    front_end = json.loads((folder / FRONT_END).read_text(encoding="utf-8"))
    weights = record["weights"]
    if weights is None:
        network = VOneNet(rebuilt_front_end(front_end))
        origin = "front end rebuilt from its Gabor parameters, no checkpoint"
    else:
        noise = {name: front_end["settings"][name] for name in names_beside("free")}
        network = get_model(**back_end_argument(record["model_arch"]), weights=_weights(record, folder), **noise)
        origin = f"sha256 {weights['sha256']}"
    check_front_end(network.vone_block, front_end)
    extractor = ActivationsExtractor(
        network,
        record["identifier"],
        image_size=network.vone_block.image_size,
        device="cuda" if torch.cuda.is_available() else "cpu",
        progress=False,
    )
    return (FrontEndSubject if record["model_arch"] is None else Subject)(
        record["identifier"],
        extractor,
        record["region_layer_map"],
        visual_degrees=network.vone_block.visual_degrees,
        weights=origin,
        readout_layer=record["readout_layer"],
        time_steps=record["time_steps"],
    )


def back_end_argument(architecture: str | None) -> dict[str, Any]:
    """The argument of `get_model` for an architecture, or for a library's network used as one."""
    return {"back_end" if architecture is not None and names_library(architecture) else "model_arch": architecture}


def _weights(record: dict[str, Any], folder: Path) -> Path:
    """The file of weights, from the plugin or downloaded; its sha256 is compared with the recorded one."""
    weights = record["weights"]
    if "address" in weights:
        target = vonenet_home() / f"{record['identifier']}-{weights['sha256'][:16]}.pth"
        return download(weights["address"], target, sha256=weights["sha256"])
    file = folder / weights["file"]
    found = sha256_of(file)
    if found != weights["sha256"]:
        raise ValueError(f"{file} is not the file that was packaged: its sha256 is {found}, not {weights['sha256']}")
    return file
