"""Fills the disk under a training run's folder, and goes on when there is room. Run by test_run_folder."""

import sys
from contextlib import suppress
from pathlib import Path

from test_run_folder import content, opened

folder = Path(sys.argv[1], "run")
run = opened(folder)
run.save(content(1), kept=False)
filling = folder.parent / "filling"
with filling.open("wb", buffering=0) as file, suppress(OSError):
    while file.write(b"x" * 1024):
        pass
try:
    run.save(content(2), kept=True)
except OSError as error:
    print(error)
run.close()
kept = opened(folder, resume=True).checkpoint()
print(f"epoch {kept['epoch']} of weight {kept['state_dict']['weight'].unique().item()}")
print(sorted(path.name for path in folder.iterdir()))
filling.unlink()
again = opened(folder, resume=True)
again.save(content(2), kept=True)
again.close()
print(f"epoch {again.checkpoint()['epoch']} after there was room")
