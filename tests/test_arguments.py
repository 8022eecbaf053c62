"""Kinds of arguments: what passes, and the words for what does not."""

import numpy as np
import pytest
import torch

from vonenet_brainscore.arguments import check_real, check_seed, check_text, check_whole, usable_device


def test_what_is_of_its_kind_passes():
    check_whole(a=0, b=-3, c=np.int64(2**40), d=np.uint8(1))
    check_real(a=0, b=-0.5, c=np.float32(1), d=np.int64(3), e=float("inf"))
    check_text(a="", b=np.str_("V1"))
    check_seed(0)
    check_seed(np.uint32(2**32 - 1))
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("check", "value", "error", "said"),
    [
        (check_whole, 1.0, TypeError, r"trials is 1\.0; it must be a whole number"),
        (check_whole, True, TypeError, "trials is True; it must be a whole number"),
        (check_whole, np.bool_(True), TypeError, "trials is True"),
        (check_whole, None, TypeError, "trials is None"),
        (check_whole, 2**63, ValueError, "trials is 9223372036854775808, too large a number"),
        (check_real, "8", TypeError, "trials is '8'; it must be a number"),
        (check_real, True, TypeError, "trials is True; it must be a number"),
        (check_real, 1j, TypeError, "trials is 1j"),
        (check_real, np.array(3), TypeError, r"trials is array\(3\)"),
        (check_real, float("nan"), ValueError, "trials is nan; it must be a number"),
        (check_real, 10**400, ValueError, r"trials is 1000+\.\.\.0+, too large a number"),
        (check_text, 3, TypeError, "trials is 3; it must be text"),
        (check_text, ["x"] * 10**6, TypeError, r"trials is \['x', .*\.\.\.\]; it must be text$"),
    ],
)
def test_refusals_name_the_argument_and_what_came(check, value, error, said):
    with pytest.raises(error, match=said):
        check(trials=value)


def test_seeds_have_a_range():
    with pytest.raises(ValueError, match=r"colour_seed is 4294967296; it must lie in \[0, 2\*\*32\)"):
        check_seed(2**32, "colour_seed")
    with pytest.raises(TypeError, match=r"seed is 1\.0; it must be a whole number"):
        check_seed(1.0)


@pytest.mark.parametrize("device", ["meta", "no such device", "", "cuda:-1", "cuda:99", "privateuseone", "a\0b"])
def test_a_device_that_cannot_compute_is_refused(device):
    with pytest.raises(ValueError, match=r"nothing can be computed on the device .* here .*; give 'cpu', 'cuda' or"):
        usable_device(device)


def test_what_is_no_device_is_refused():
    for value in (0, None, torch.float16, torch.zeros(1)):
        with pytest.raises(TypeError, match="give text such as 'cpu'"):
            usable_device(value)
