"""A noise draw depends on seed, content, trial and window, and on nothing else."""

import numpy as np
from scipy import stats

from vonenet_brainscore.recordings.noise_draws import noise_draw, noise_draws

KEY = {"seed": 3, "content": b"a picture", "trial": 2, "window": "full"}


def test_the_same_key_gives_the_same_bits():
    np.testing.assert_array_equal(noise_draw((4, 5), **KEY), noise_draw((4, 5), **KEY))


def test_each_part_of_the_key_gives_other_noise():
    first = noise_draw((100,), **KEY)
    for change in ({"seed": 0}, {"content": b"another"}, {"trial": 1}, {"window": "left"}):
        other = noise_draw((100,), **(KEY | change))
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.4  # 4 standard errors of a correlation of 100 pairs


def test_the_parts_of_a_key_do_not_run_into_each_other():
    one = noise_draw((9,), seed=1, trial=11, content=b"", window="")
    other = noise_draw((9,), seed=11, trial=1, content=b"", window="")
    assert not np.array_equal(one, other)


def test_no_two_of_many_draws_are_the_same():
    """Of keys that were cut to 16 bits some of 2,000 would meet."""
    draws = {noise_draw((2,), **(KEY | {"trial": trial})).tobytes() for trial in range(2000)}
    assert len(draws) == 2000


def test_standard_normal():
    draw = noise_draw((20000,), **KEY)
    assert draw.dtype == np.float32
    assert stats.kstest(draw, "norm").pvalue > 0.01  # seeded: the value does not change


def test_side_by_side_equals_one_at_a_time_for_any_threads():
    contents = [b"a", b"b", b"c"]
    expected = np.stack([noise_draw((3, 2), seed=1, content=content, trial=0) for content in contents])
    for threads in (1, 3):
        np.testing.assert_array_equal(
            noise_draws((3, 2), seed=1, contents=contents, trial=0, threads=threads), expected
        )
    backwards = noise_draws((3, 2), seed=1, contents=contents[::-1], trial=0)
    np.testing.assert_array_equal(backwards[::-1], expected)
    several = noise_draws((3, 2), seed=1, contents=[b"a", b"a"], trial=[3, 1])
    for draw, trial in zip(several, (3, 1), strict=True):
        np.testing.assert_array_equal(draw, noise_draw((3, 2), seed=1, content=b"a", trial=trial))
