"""Kept scores: what was written comes back to the bit, for the content that made it and for no other."""

import json
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import xarray as xr
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

from vonenet_brainscore.kept_scores import KeptScores, content_digest, kept_or_computed

CONTENT = {"model": "tiny", "trials": 2, "device": None, "steps": {"IT": (100, 100, 2)}, "data": ["a", "b"]}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """result-caching's home, which its own variables leave enabled."""
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "home"))
    for variable in ("RESULTCACHING_DISABLE", "RESULTCACHING_CACHEDONLY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "home"


def computed_again():
    pytest.fail("computed again")


def full_score():
    """A score with everything that scores hold."""
    score = Score(np.float64(1) / 3)
    neuroids = {"neuroid_id": ("neuroid", [4, 5]), "region": ("neuroid", ["V1", "V2"]), "split": ("split", [0])}
    score.attrs |= {
        "raw": NeuroidAssembly([[0.1 + 0.2], [np.nan]], coords=neuroids, dims=["neuroid", "split"]),
        "ceiling": Score(0.7),
        "values": np.array([np.nan, np.inf, -0.0, 1e-308, np.pi]),
        "single": np.float32([0.1, -np.inf]),
        "names": np.array(["V1", "ünï"]),
        "empty": np.zeros((0, 3)),
        "counts": np.arange(6, dtype=np.int16).reshape(2, 3),
        "versions": {"torch": "2", "layers": [1, (2, None)]},
        "noise": "ü",
        "held_out": True,
        "seed": 0,
    }
    score.attrs["ceiling"].attrs["claimed"] = False
    return score


def test_a_score_comes_back_to_the_bit(tmp_path):
    kept, score = KeptScores(tmp_path / "made" / "on writing"), full_score()
    assert kept.read(CONTENT) is None
    kept.write(CONTENT, score)
    read = kept.read(CONTENT)
    assert type(read) is Score and read.item() == score.item() and list(read.attrs) == list(score.attrs)
    for name in ("values", "single", "names", "empty", "counts"):
        assert read.attrs[name].dtype == score.attrs[name].dtype and read.attrs[name].shape == score.attrs[name].shape
        np.testing.assert_array_equal(read.attrs[name], score.attrs[name])
    assert np.signbit(read.attrs["values"][2])
    xr.testing.assert_identical(read.attrs["raw"], score.attrs["raw"])
    assert type(read.attrs["raw"]) is NeuroidAssembly
    assert read.attrs["ceiling"].item() == 0.7 and read.attrs["ceiling"].attrs["claimed"] is False
    for name in ("versions", "noise", "held_out", "seed"):
        assert read.attrs[name] == score.attrs[name] and type(read.attrs[name]) is type(score.attrs[name])
    assert [path.name for path in kept.folder.iterdir()] == [kept.path(CONTENT).name]


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"trials": 3}, {"device": "cpu"}, {"steps": {"V4": (100, 100, 2)}}, {"more": 1}]
)
def test_another_content_has_another_score(tmp_path, change):
    kept = KeptScores(tmp_path)
    kept.write(CONTENT, Score(0.5))
    assert content_digest(CONTENT | change) != content_digest(CONTENT)
    assert kept.read(CONTENT | change) is None
    kept.write(CONTENT | change, Score(0.25))
    assert (kept.read(CONTENT).item(), kept.read(CONTENT | change).item()) == (0.5, 0.25)


def test_a_digest_goes_by_values_alone():
    assert content_digest({"a": 1, "b": [0.5, None]}) == content_digest(
        {"b": (np.float64(0.5), None), "a": np.int64(1)}
    )
    with pytest.raises(TypeError, match="a content holds a object, whose value JSON cannot tell"):
        content_digest({"a": object()})


def _number(kept):
    kept["score"]["values"]["values"] = [0.25]


def _content(kept):
    kept["content"]["trials"] = 3


def _no_digest(kept):
    del kept["sha256"]


def _no_score(kept):
    """As an older version wrote a score: alone."""
    score = kept.pop("score")
    kept.clear()
    kept.update(score)


@pytest.mark.parametrize("damage", [_number, _content, _no_digest, _no_score])
def test_a_changed_file_is_said_and_not_read(tmp_path, damage):
    kept = KeptScores(tmp_path)
    kept.write(CONTENT, Score(0.5))
    path = kept.path(CONTENT)
    whole = path.read_bytes()
    changed = json.loads(whole)
    damage(changed)
    path.write_text(json.dumps(changed))
    with pytest.warns(UserWarning, match=rf"the kept score {path} is damaged \(.*\); it is scored anew"):
        assert kept.read(CONTENT) is None
    kept.write(CONTENT, Score(0.5))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("length", [0, 1, -1])
def test_a_cut_file_and_a_folder_of_its_name_are_said(tmp_path, length):
    kept = KeptScores(tmp_path)
    kept.write(CONTENT, Score(0.5))
    path = kept.path(CONTENT)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.warns(UserWarning, match="is damaged"):
        assert kept.read(CONTENT) is None
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="is damaged .*directory"):
        assert kept.read(CONTENT) is None


def test_what_cannot_be_kept_leaves_the_score_that_was(tmp_path):
    kept, score = KeptScores(tmp_path), full_score()
    kept.write(CONTENT, Score(0.5))
    score.attrs["thing"] = object()
    with pytest.raises(TypeError, match="a score holds a object, which cannot be kept"):
        kept.write(CONTENT, score)
    assert kept.read(CONTENT).item() == 0.5 and len(list(tmp_path.iterdir())) == 1


def test_several_write_and_read_at_once(tmp_path):
    """A file that is half written would be read as none."""
    kept, score, wrong = KeptScores(tmp_path), full_score(), []

    def write_and_read():
        for _ in range(10):
            kept.write(CONTENT, score)
            if (read := kept.read(CONTENT)) is None or read.item() != score.item():
                wrong.append(read)

    threads = [threading.Thread(target=write_and_read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(list(tmp_path.iterdir())) == 1


def test_leftovers_of_kept_scores_are_removed_and_no_others(tmp_path):
    kept = KeptScores(tmp_path)
    kept.write(CONTENT, Score(0.5))
    done, wanted = (kept.path(content) for content in (CONTENT, CONTENT | {"trials": 3}))
    for path in (done, wanted):
        path.with_name(f".{path.stem}.0123.part.json").write_text("{")
    kept.remove_leftovers()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".{wanted.stem}.0123.part.json", done.name]


def test_a_partial_file_taken_for_a_leftover_is_written_again(tmp_path, monkeypatch):
    from vonenet_brainscore import kept_scores

    written_whole, removed = kept_scores.written_whole, []

    @contextmanager
    def written_while_another_sweep_ends(path):
        with written_whole(path) as partial:
            yield partial
            if not removed:
                removed.append(partial)
                partial.unlink()

    monkeypatch.setattr(kept_scores, "written_whole", written_while_another_sweep_ends)
    kept = KeptScores(tmp_path)
    kept.write(CONTENT, Score(0.5))
    assert removed and kept.read(CONTENT).item() == 0.5


def test_a_score_is_computed_once(home):
    assert kept_or_computed(CONTENT, lambda: Score(0.5)).item() == 0.5
    assert kept_or_computed(CONTENT, computed_again).item() == 0.5
    (path,) = home.rglob("*.json")
    path.write_text(path.read_text()[:50])
    with pytest.warns(UserWarning, match="is damaged"):
        assert kept_or_computed(CONTENT, lambda: Score(0.25)).item() == 0.25
    assert kept_or_computed(CONTENT, computed_again).item() == 0.25


@pytest.mark.parametrize("disabled", ["1", "vonenet_brainscore", "other,vonenet_brainscore.scores"])
def test_resultcaching_disable(home, monkeypatch, disabled):
    kept_or_computed(CONTENT, lambda: Score(0.5))
    (path,) = home.rglob("*.json")
    before = path.read_bytes()
    monkeypatch.setenv("RESULTCACHING_DISABLE", disabled)
    assert kept_or_computed(CONTENT, lambda: Score(0.25)).item() == 0.25
    assert path.read_bytes() == before


def test_resultcaching_disable_of_something_else(home, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "brainscore_vision")
    kept_or_computed(CONTENT, lambda: Score(0.5))
    assert kept_or_computed(CONTENT, computed_again).item() == 0.5


def test_resultcaching_cachedonly(home, monkeypatch):
    from result_caching import NotCachedError

    monkeypatch.setenv("RESULTCACHING_CACHEDONLY", "1")
    with pytest.raises(NotCachedError, match=r"no score in .*\.json, and RESULTCACHING_CACHEDONLY is set"):
        kept_or_computed(CONTENT, computed_again)
    monkeypatch.delenv("RESULTCACHING_CACHEDONLY")
    kept_or_computed(CONTENT, lambda: Score(0.5))
    monkeypatch.setenv("RESULTCACHING_CACHEDONLY", "1")
    assert kept_or_computed(CONTENT, computed_again).item() == 0.5


def test_a_score_of_other_batches_is_not_kept(home):
    def halved():
        score = Score(0.5)
        score.attrs["batch_size"] = 4
        return score

    assert kept_or_computed(CONTENT | {"batch_size": 8}, halved).item() == 0.5
    assert not list(home.rglob("*.json"))
    kept_or_computed(CONTENT | {"batch_size": 4}, halved)
    assert len(list(home.rglob("*.json"))) == 1


def test_a_home_that_cannot_be_written_costs_no_score(home):
    home.write_text("a file")
    with pytest.warns(UserWarning, match="could not be kept in"):
        assert kept_or_computed(CONTENT, lambda: Score(0.5)).item() == 0.5


def test_scores_of_older_versions_are_left_alone(home):
    older = home / "vonenet_brainscore.score_cache.vonenet_brainscore_score" / f"digest={content_digest(CONTENT)}.json"
    older.parent.mkdir(parents=True)
    older.write_text("0.5")
    assert kept_or_computed(CONTENT, lambda: Score(0.25)).item() == 0.25
    assert older.read_text() == "0.5" and len(list(home.rglob("*.json"))) == 2
