"""One thread a worker, for the workers already fill the cores; and tables as wide as in a file, wherever they run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "140"
