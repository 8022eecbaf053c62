"""The package's only build file: `pip install .` works with it alone."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="vonenet_brainscore",
    version="0.1.0",
    description="VOneNets as experimental subjects of Brain-Score",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=["vonenet_brainscore", "vonenet_brainscore.*"]),
    package_data={"vonenet_brainscore": ["py.typed"]},
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
        "h5py",
        "psutil",
        "tqdm",
        "typer",
        "rich",
    ],
    extras_require={
        "test": ["pytest", "pytest_check", "nbmake", "imageio", "ruff", "mypy"],
    },
    entry_points={"console_scripts": ["vonenet-brainscore = vonenet_brainscore.cli.main:main"]},
)
