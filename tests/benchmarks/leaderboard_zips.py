"""A zip of each model through the whole check, with weights by address; a front end alone is rebuilt.

    python tests/benchmarks/leaderboard_zips.py [MODEL ...]

Makes a checkpoint with random weights in the released layout, packages it under an identifier that Brain-Score does not
have, and has the plugin fetch it from a `file://` address. Prints a row a model: tests passed (wanted: Brain-Score's 5
and the plugin's 4), the largest difference of V1 responses from the local model's (wanted: at most 1e-6), size of the
zip (wanted: at most 50 MB) and of the checkpoint, seconds.
"""

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # of Brain-Score's imports

import torch  # noqa: E402

from vonenet_brainscore import MODELS, get_model, package_submission  # noqa: E402
from vonenet_brainscore.models.checkpoints import UNUSED_KEYS  # noqa: E402

THREADS = 2


def released_layout(path: Path, name: str) -> Path:
    """A checkpoint as the released one of a model is, its weights drawn with seed 0.

    `module.` stands before every name; an optimizer's momentum comes along; the format is torch's own of before zips.
    """
    row = MODELS[name]
    torch.manual_seed(0)
    network = get_model(row.model_arch, pretrained=False, **row.published)
    state_dict = {f"module.{key}": value for key, value in network.state_dict().items()}
    if name == "voneresnet50_at":
        state_dict |= {f"module.{key}": torch.ones(2, 2) for key in UNUSED_KEYS}
    momentum = {index: {"momentum_buffer": torch.zeros_like(each)} for index, each in enumerate(network.parameters())}
    content = {
        "flags": {"arch": "CORnet_S" if row.back_end == "cornets" else row.back_end, "lr": 0.1, "batch_size": 256},
        "epoch": 70,
        "state_dict": state_dict,
        "optimizer": {"state": momentum, "param_groups": [{"lr": 0.001, "params": list(momentum)}]},
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def main() -> None:
    """Print a row a model."""
    torch.set_num_threads(THREADS)
    print(f"{'':<16}  Brain-Score's  plugin's  difference  zip        checkpoint  {THREADS} threads")
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["VONENET_HOME"] = folder
            checkpoint = MODELS[name].checkpoint
            file = released_layout(Path(folder) / checkpoint, name) if checkpoint else None
            zip_file = Path(folder) / "my.zip"
            own = {"weights_url": file.as_uri()} if file else {}
            start = time.perf_counter()
            made = package_submission(name, zip_file, identifier=f"{'random' if file else 'my'}_{name}", **own)
            seconds = time.perf_counter() - start
            print(
                f"{name:<16}  {made.check.brainscore_tests:>13}  {made.check.plugin_tests:>8}  "
                f"{made.check.largest_difference:>10.1e}  {made.size / 1e6:>6.2f} MB  "
                f"{file.stat().st_size / 1e6 if file else 0:>7.0f} MB  {seconds:>7.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
