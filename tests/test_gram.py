"""Inner products of the stimuli: against plain products, bit-identical in any order, in memory or on disk."""

import os

import numpy as np
import pytest

from vonenet_brainscore.benchmarks import gram as gram_module
from vonenet_brainscore.benchmarks.gram import default_memory, gram_matrices

N, P = 23, 5_000


@pytest.fixture
def features(monkeypatch):
    """ReLU-like features, shape (stimulus, feature): small variance on a large common mean."""
    monkeypatch.setattr(gram_module, "_BLOCK_BYTES", 8 * N * 700)  # several blocks, the last one not full
    rng = np.random.default_rng(0)
    return (40 + rng.random((N, P))).astype(np.float32)


def batches(features, size=4, order=None):
    order = np.arange(len(features)) if order is None else order
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield rows, features[rows]


def gram_matrix(batches, n_stimuli, **kwargs):
    """The Gram matrix of one layer."""
    return gram_matrices(((rows, {"layer": each}) for rows, each in batches), n_stimuli, **kwargs)["layer"]


def test_products_are_those_of_the_centred_features(features):
    exact = features.astype(np.longdouble)
    exact -= exact.mean(axis=0)
    gram = gram_matrix(batches(features), N)
    # float64 sums of 5,000 products; without centring first, 1,600 of mean square per 0.08 of variance would cost 1e-12
    np.testing.assert_allclose(gram.products, (exact @ exact.T).astype(float), rtol=0, atol=1e-14 * P)
    assert gram.n_features == P
    assert (gram.products == gram.products.T).all()


def test_products_are_those_of_the_centred_stimuli(features):
    """Each stimulus has a level of its own, which a correlation of stimuli does not see."""
    features += np.linspace(-30, 30, N, dtype=np.float32)[:, None]
    exact = features.astype(np.longdouble)
    exact -= exact.mean(axis=1, keepdims=True)
    gram = gram_matrix(batches(features), N, centred_over="features")
    np.testing.assert_allclose(gram.products, (exact @ exact.T).astype(float), rtol=0, atol=1e-14 * P)
    spilled = gram_matrix(batches(features, 3, np.arange(N)[::-1]), N, centred_over="features", memory=0)
    assert (spilled.products == gram.products).all() and gram.n_features == P


def test_groups_of_blocks_are_summed_each_by_itself_and_columns_give_a_groups_sum(features, monkeypatch):
    monkeypatch.setattr(gram_module, "_GROUP_BLOCKS", 3)
    padded = np.pad(features, [(0, 0), (0, 8 * 700 - P)])
    blocks = [padded[:, start : start + 700].astype(float) for start in range(0, P, 700)]
    products = [block @ block.T for block in (block - block.mean(axis=0) for block in blocks)]
    groups = [sum(products[first : first + 3]) for first in (0, 3, 6)]
    assert (gram_matrix(batches(features), N).products == sum(groups)).all()
    for group, first in zip(groups, (0, 2100, 4200), strict=True):  # in two parts, the second onto the first
        found = gram_module.products_of_columns(batches(padded[:, first : first + 700]), N)
        before = found.copy()
        rest = batches(padded[:, first + 700 : first + 2100], 5, np.arange(N)[::-1])
        assert (gram_module.products_of_columns(rest, N, found) == group).all() and (found == before).all()
    monkeypatch.undo()
    assert (gram_module.products_of_columns([], 2) == np.zeros((2, 2))).all()
    assert gram_module.block_width(135, 1_605_632) == 62_137 and gram_module.block_width(10, 7) == 7


@pytest.mark.parametrize("size", [1, 5, N])
def test_order_and_size_of_batches_change_no_bit(features, size):
    reference = gram_matrix(batches(features), N).products
    shuffled = gram_matrix(batches(features, size, np.random.default_rng(size).permutation(N)), N).products
    assert (shuffled == reference).all()


def test_spilling_to_disk_changes_no_bit_and_leaves_nothing_behind(features, tmp_path):
    in_memory = gram_matrix(batches(features), N).products
    spilled = gram_matrix(batches(features), N, memory=0, spill_folder=tmp_path).products
    assert (spilled == in_memory).all()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1, 5, N])
def test_on_disk_too_the_order_changes_no_bit_and_nothing_is_mapped(features, tmp_path, monkeypatch, size):
    """A map's pages count as the process's memory: 200 x 1,000,000 features took 1.05 GB so, and take 0.30 GB."""
    reference = gram_matrix(batches(features), N).products
    monkeypatch.delattr(np, "memmap")
    order = np.random.default_rng(size).permutation(N)
    spilled = gram_matrix(batches(features, size, order), N, memory=0, spill_folder=tmp_path).products
    assert (spilled == reference).all()


@pytest.mark.parametrize("part_bytes", [1, 8 * N * 64, 2**20])
def test_the_parts_that_are_centred_at_once_change_no_bit(features, monkeypatch, part_bytes):
    blocks = [features[:, start : start + 700].astype(float) for start in range(0, P, 700)]
    blocks[-1] = np.pad(blocks[-1], [(0, 0), (0, 8 * 700 - P)])
    centred = [block - block.mean(axis=0) for block in blocks]
    monkeypatch.setattr(gram_module, "_PART_BYTES", part_bytes)
    products = gram_matrix(batches(features), N).products
    # a plain loop; one column at a time NumPy may add in another order
    exact = sum(block @ block.T for block in centred)
    np.testing.assert_allclose(products, exact, rtol=0, atol=0 if part_bytes > 1 else 1e-10)


@pytest.mark.parametrize("centred_over", ["stimuli", "features"])
def test_a_spilled_feature_is_read_once_and_its_space_given_back(features, tmp_path, monkeypatch, centred_over):
    read, sizes = [], []
    iterate = gram_module.BlocksOnDisk.__iter__

    def watched(self):
        for block in iterate(self):
            read.append(block.copy())
            sizes.append(os.fstat(self._file.fileno()).st_size)
            yield block

    monkeypatch.setattr(gram_module.BlocksOnDisk, "__iter__", watched)
    gram_matrix(batches(features), N, centred_over=centred_over, memory=0, spill_folder=tmp_path)
    assert (np.concatenate(read, axis=1)[:, :P] == features).all()
    assert sizes == [4 * N * 700 * left for left in range(7, -1, -1)]


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    with (tmp_path / "blocks").open("w+b") as file:
        file.write(bytes(4 * 5))  # of two blocks of three stimuli and one feature
        blocks = gram_module.BlocksOnDisk(file, (2, 3, 1), np.dtype(np.float32))
        with pytest.raises(OSError, match="was truncated"):
            next(iter(blocks))


def test_a_stream_that_fails_leaves_nothing_behind(features, tmp_path):
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112

    def breaks():
        yield np.arange(3), features[:3]
        raise RuntimeError("the network broke")

    with pytest.raises(RuntimeError, match="the network broke") as failure:
        gram_matrix(breaks(), N, memory=0, spill_folder=tmp_path)
    assert failure.traceback  # still held, as by a debugger or a log
    assert not list(tmp_path.iterdir())
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before  # noqa: PTH208


def test_layers_share_one_pass_and_one_budget(features, tmp_path, monkeypatch):
    spilled = []
    keep_on_disk = gram_module._Recording.keep_on_disk
    monkeypatch.setattr(
        gram_module._Recording, "keep_on_disk", lambda self, *args: (spilled.append(self), keep_on_disk(self, *args))
    )
    layers = {"small": features[:, :300], "large": features, "middle": features[:, ::3]}
    named = ((rows, {name: values[rows] for name, values in layers.items()}) for rows, _ in batches(features))
    budget = 4 * N * 2_200  # room for the middle layer, its blocks filled up to 2,100 features, or for the small one
    grams = gram_matrices(named, N, memory=budget, spill_folder=tmp_path)
    assert [recording._layer for recording in spilled] == ["large", "middle"]
    assert {name: gram.n_features for name, gram in grams.items()} == {"small": 300, "large": P, "middle": 1_667}
    for name, values in layers.items():
        assert (grams[name].products == gram_matrix(batches(values), N).products).all()


def test_float64_features_keep_their_precision():
    features = 1 + 1e-9 * np.random.default_rng(0).random((N, 50))
    assert np.diag(gram_matrix(batches(features), N).products).min() > 0


def test_no_room_in_memory_or_on_disk_is_said_before_the_work(features, monkeypatch, tmp_path):
    monkeypatch.setattr(gram_module.shutil, "disk_usage", lambda _: type("usage", (), {"free": 400_000}))
    batch_count = []

    def counted():
        for batch in batches(features):
            batch_count.append(batch)
            yield batch

    with pytest.raises(
        MemoryError, match=r"0\.00 GB of responses \(23 stimuli, layers layer\) exceed the memory budget"
    ):
        gram_matrix(counted(), N, memory=0, spill_folder=tmp_path)
    assert len(batch_count) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 1, 2], "20 of 23 stimuli are missing, the first at index 3"),
        ([0, 0], "repeats stimuli, its own or those of an earlier batch"),
        ([22, 23], "stimulus 23 of 23"),
        ([-1], "stimulus -1 of 23"),
    ],
)
def test_refuses_missing_repeated_and_unknown_stimuli(features, rows, message):
    with pytest.raises(ValueError, match=message):
        gram_matrix([(np.array(rows), features[: len(rows)])], N)


def test_refuses_a_stimulus_that_came_in_an_earlier_batch(features):
    with pytest.raises(ValueError, match="repeats stimuli, its own or those of an earlier batch"):
        gram_matrix([(np.arange(3), features[:3]), (np.array([2]), features[:1])], N)


def test_refuses_batches_that_change_shape_or_layers(features):
    with pytest.raises(ValueError, match=r"shape \(3, 10\); \(3, 5000\) was expected"):
        gram_matrix([(np.arange(3), features[:3]), (np.arange(3, 6), features[:3, :10])], N)
    with pytest.raises(ValueError, match=r"shape \(3,\); \(row, feature\)"):
        gram_matrix([(np.arange(3), features[:3, 0])], N)
    with pytest.raises(ValueError, match=r"layers \['b'\]; the first one had \['a'\]"):
        gram_matrices([(np.arange(3), {"a": features[:3]}), (np.arange(3, 6), {"b": features[:3]})], N)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_responses_that_are_not_finite(features, value):
    features[5, 77] = value
    with pytest.raises(ValueError, match="'layer' has responses that are NaN or infinite"):
        gram_matrix(batches(features), N)


def test_the_default_budget_is_two_gigabytes_or_a_quarter_of_the_memory(monkeypatch):
    import psutil

    assert default_memory() == min(2 * 10**9, psutil.virtual_memory().total // 4)
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10**6}.__getitem__)
    assert default_memory() == 1024 * 10**6
