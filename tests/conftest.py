"""One thread a worker: the workers already fill the cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
