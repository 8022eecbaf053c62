"""Pictures on the screen: Brain-Score's placement of a PNG to the pixel, for every format, without files."""

import time

import numpy as np
import pytest
from PIL import Image
from tiny_networks import tiny_vonenet

from vonenet_brainscore.benchmarks.running import run_benchmark
from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.subject import Subject
from vonenet_brainscore.stimuli.images import OnScreen, as_picture, read_image
from vonenet_brainscore.stimuli.screen import check_screen, placed_exactly

RATIOS = (2.0, 1.37, 8 / 3, 0.5, 0.73, 0.999)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch, tmp_path):
    from brainscore_vision.benchmark_helpers import screen

    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setattr(screen, "root_path", tmp_path / "brain-score")


def stimulus_set(files):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    stimuli = StimulusSet({"stimulus_id": [file.stem for file in files], "kind": "x"})
    stimuli.stimulus_paths = {file.stem: file for file in files}
    stimuli.identifier = "made"
    return stimuli


@pytest.fixture
def pngs(tmp_path):
    """Every mode that PNG has in 8 bits, odd and even sizes, square or not."""
    random = np.random.default_rng(0)
    files = []
    for mode, shape in (("L", (13, 13)), ("RGB", (12, 12)), ("RGBA", (11, 16)), ("LA", (9, 9)), ("P", (10, 7))):
        image = Image.fromarray(random.integers(0, 256, (*shape, 3), dtype=np.uint8)).convert("RGBA").convert(mode)
        if mode == "RGBA":
            image.putalpha(Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)))
        files.append(tmp_path / f"{mode}.png")
        image.save(files[-1])
    return files


@pytest.mark.filterwarnings("ignore")  # of Pillow for palettes, of pandas for what Brain-Score sets
@pytest.mark.parametrize("ratio", RATIOS)
def test_png_is_placed_as_brainscore_places_it(pngs, ratio, tmp_path):
    from brainscore_vision.benchmark_helpers.screen import place_on_screen

    stimuli = stimulus_set(pngs)
    theirs = place_on_screen(stimuli, target_visual_degrees=8 * ratio, source_visual_degrees=8)
    with placed_exactly():
        ours = place_on_screen(stimuli, target_visual_degrees=8 * ratio, source_visual_degrees=8)
    with placed_exactly(tmp_path / "written"):
        written = place_on_screen(stimuli, target_visual_degrees=8 * ratio, source_visual_degrees=8)
    for placed in (ours, written):
        assert placed.identifier == theirs.identifier and placed.equals(theirs)
        for name in stimuli["stimulus_id"]:
            expected = read_image(theirs.get_stimulus(name))
            assert as_picture(placed.get_stimulus(name)).content == expected.content
    assert all(isinstance(path, OnScreen) for path in ours.stimulus_paths.values())


def test_degrees_may_differ_by_stimulus(pngs):
    from brainscore_vision.benchmark_helpers.screen import place_on_screen

    stimuli = stimulus_set(pngs[:2])
    stimuli["degrees"] = [8, 4]
    with placed_exactly():
        placed = place_on_screen(stimuli, target_visual_degrees=8)
    assert placed.get_stimulus("L") == pngs[0]  # it fills the screen as it is
    assert placed.get_stimulus("RGB") == OnScreen(pngs[1], 2.0)
    assert list(placed["degrees"]) == [8, 8]


@pytest.mark.parametrize(
    ("suffix", "settings"), [(".webp", {"lossless": True}), (".jpg", {"quality": 60}), (".gif", {}), (".tif", {})]
)
def test_every_format_is_placed_without_being_written_in_it_again(tmp_path, suffix, settings):
    """What is placed is what the file shows, to the grey level; a JPEG written again would be up to 11 off."""
    levels = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    path = tmp_path / f"image{suffix}"
    Image.fromarray(levels).save(path, **settings)
    shown = read_image(path)
    for ratio, part in ((2.0, (slice(8, 24), slice(8, 24))), (1.0, (slice(None), slice(None)))):
        placed = OnScreen(path, ratio).picture()
        np.testing.assert_array_equal(placed.pixels[part], shown.pixels)
        assert placed.is_grey
    assert (OnScreen(path, 2.0).picture().pixels[:8] == 128).all()


def test_the_files_name_need_not_be_its_format(tmp_path):
    """Pillow refuses to write RGBA as JPEG, which an RGBA picture called .jpg was placed as."""
    path = tmp_path / "picture.jpg"
    Image.new("RGBA", (4, 4), (10, 10, 10, 0)).save(path, format="PNG")
    assert (OnScreen(path, 2.0).picture().pixels[2:6, 2:6] == 10).all()


def test_a_screen_too_large_is_refused_before_the_work(tmp_path):
    path = tmp_path / "fine.png"
    Image.new("L", (1024, 1024)).save(path)
    start = time.perf_counter()
    message = (
        r"fine\.png of 1024 x 1024 pixels needs a screen of 16384 x 16384 pixels, since the screen is 16 times as wide "
        r"as the picture.*at most 836 x 836 pixels"
    )
    with pytest.raises(ValueError, match=message):
        check_screen(path, 8 / 0.5)
    assert time.perf_counter() - start < 5
    assert check_screen(path, 4).size((1024, 1024)) == (4096, 4096)
    with pytest.raises(ValueError, match=r"of which a screen 0\.0001 times as wide shows none"):
        check_screen(path, 1e-4)


def benchmark_of(folder, suffix, **settings):
    random = np.random.default_rng(0)
    folder.mkdir()
    for number in range(30):
        levels = random.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"{number:02d}{suffix}", **settings)
    return neural_benchmark("made", folder, random.normal(size=(30, 3)), "V1", 4, "ridge", splits=2)


def test_formats_of_equal_pixels_score_equally_and_need_no_checkpoint(tmp_path):
    """A lossless grey WebP at 4 degrees used to turn coloured, and then to ask for the released weights."""
    network = tiny_vonenet(noise_mode=None)

    def no_checkpoint():
        raise FileNotFoundError("no checkpoint here")

    scores = []
    for suffix, settings in ((".png", {}), (".webp", {"lossless": True}), (".tif", {})):
        extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False)
        subject = Subject("tiny", extractor, {"V1": "vone_block"}, load_trained=no_checkpoint)
        scores.append(run_benchmark(subject, benchmark_of(tmp_path / suffix[1:], suffix, **settings)))
    assert len({float(score) for score in scores}) == 1
    assert all(score.attrs["compressed"] for score in scores)
    assert not (tmp_path / "brain-score").exists()


def test_subjects_that_read_files_get_png(tmp_path):
    from vonenet_brainscore.benchmarks.self_check import PixelSubject

    png, webp = (
        float(run_benchmark(PixelSubject(8), benchmark_of(tmp_path / suffix[1:], suffix, **settings)))
        for suffix, settings in ((".png", {}), (".webp", {"lossless": True}))
    )
    assert png == webp
