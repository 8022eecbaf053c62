"""The files of a plugin, and the zip that holds them."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..recordings.layers import LOGITS
from ..version import __version__
from .carried import PACKAGE, carried_modules, requirements
from .front_end import front_end_record
from .local_model import WEIGHTS, LocalModel
from .plugin import FRONT_END, RECORD

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date that zips allow; constant, so that equal plugins give equal zips

_INIT = '''\
"""A VOneNet, packaged by vonenet_brainscore {version}."""

from brainscore_vision import model_registry

from .model import get_model

model_registry['{identifier}'] = get_model
'''
_MODEL = '''\
"""The model, made from the files of this folder by the modules in it, which need no installed copy of themselves."""

from pathlib import Path

from .vonenet_brainscore.submission.plugin import BIBTEX, submitted_subject


def get_model():
    return submitted_subject(Path(__file__).parent)


def get_bibtex(model_identifier):
    return BIBTEX
'''


def plugin_files(identifier: str, model: LocalModel, region_layer_map: Mapping[str, str]) -> dict[str, bytes]:
    """All files of a plugin.

    Returns
    -------
    dict
        Path in the plugin's folder -> content. The modules of this package are copied byte for byte.
    """
    row, block = model.row, model.network.vone_block
    record = {
        "identifier": identifier,
        "made_by": f"vonenet_brainscore {__version__}",
        "model_arch": row.model_arch if row else None,
        "weights": model.weights,
        "region_layer_map": dict(region_layer_map),
        "readout_layer": row.readout_layer if row else LOGITS,
        "time_steps": dict(row.time_steps) if row else {},
        "visual_degrees": block.visual_degrees,
    }
    modules = carried_modules("submission.plugin")
    files = {
        "__init__.py": _INIT.format(version=__version__, identifier=identifier).encode(),
        "model.py": _MODEL.encode(),
        "test.py": (PACKAGE / "submission" / "plugin_tests.py").read_bytes(),
        "requirements.txt": "".join(
            f"{line}\n" for line in requirements(modules, row.back_end if row else None)
        ).encode(),
        RECORD: json.dumps(record, indent=1).encode(),
        FRONT_END: json.dumps(front_end_record(block)).encode(),
    }
    files |= {f"{PACKAGE.name}/{module.as_posix()}": (PACKAGE / module).read_bytes() for module in modules}
    if model.file is not None:
        files[WEIGHTS] = model.file.read_bytes()
    return files


def write_zip(archive: Path, identifier: str, files: Mapping[str, bytes]) -> None:
    """Write IDENTIFIER/models/IDENTIFIER/ with an entry for every folder before its contents."""
    paths = {PurePosixPath(identifier, "models", identifier, name): content for name, content in files.items()}
    folders = {folder for path in paths for folder in list(path.parents)[:-1]}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folders | set(paths)):
            entry = zipfile.ZipInfo(f"{path}/" if path in folders else str(path), _DATE)
            entry.external_attr = (0o40755 if path in folders else 0o100644) << 16
            opened.writestr(entry, paths.get(path, b""), None if path in folders else zipfile.ZIP_DEFLATED)
