"""Names of benchmarks: what they stand for, and what is said of those that are none."""

import subprocess
import sys

import pytest

from vonenet_brainscore.benchmarks.names import (
    DATASET_NAMES,
    benchmark_identifiers,
    known_benchmarks,
)
from vonenet_brainscore.brainscore import registrations
from vonenet_brainscore.primates.property_table import V1_BENCHMARKS


def test_dataset_names_stand_for_public_benchmarks():
    assert benchmark_identifiers("movshon.FreemanZiemba2013-v1") == ("FreemanZiemba2013public.V1-pls",)
    assert benchmark_identifiers("dicarlo.MajajHong2015-it") == ("MajajHong2015public.IT-pls",)
    assert set(DATASET_NAMES.values()) <= set(registrations("benchmark"))


def test_v1_properties_are_the_fifteen_and_once_were_seven():
    fifteen = benchmark_identifiers("V1-properties")
    assert fifteen == tuple(V1_BENCHMARKS)[:15]
    assert benchmark_identifiers("V1-properties-7") == fifteen[:7]
    assert all(benchmark_identifiers(identifier) == (identifier,) for identifier in fifteen)


def test_every_known_name_is_accepted():
    for name in known_benchmarks():
        assert benchmark_identifiers(name)


@pytest.mark.parametrize(
    ("private", "public"),
    [
        ("FreemanZiemba2013.V1-pls", "FreemanZiemba2013public.V1-pls"),
        ("MajajHong2015.IT-pls", "MajajHong2015public.IT-pls"),
        ("Rajalingham2018-i2n", "Rajalingham2018public-i2n"),
    ],
)
def test_private_data_are_refused_with_their_public_part(private, public):
    with pytest.raises(ValueError, match=f"{private}' uses private data.*leaderboard.*public part is '{public}'"):
        benchmark_identifiers(private)
    assert private not in known_benchmarks()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("movshon.FreemanZiemba2013-v3", "movshon.FreemanZiemba2013-v1"),
        ("MajajHong2015", "dicarlo.MajajHong2015-v4"),
        ("v1-properties", "V1-properties"),
        ("Marques2020_Schiller1976-sf_bandwith", "Marques2020_Schiller1976-sf_bandwidth"),
    ],
)
def test_a_mistyped_name_gives_the_nearest(typed, meant):
    with pytest.raises(ValueError, match=f"unknown benchmark '{typed}'; did you mean .*{meant}"):
        benchmark_identifiers(typed)


def test_a_name_like_no_other_points_to_the_list():
    with pytest.raises(ValueError, match="vonenet-brainscore list"):
        benchmark_identifiers("qqqqqqqq")


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match="a benchmark name is a string, not int"):
        benchmark_identifiers(1)


def test_names_import_no_brainscore():
    code = (
        "import sys; from vonenet_brainscore.benchmarks.names import known_benchmarks; known_benchmarks(); "
        "print([m for m in ('brainscore_vision', 'brainscore_core', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
