"""PLS predictivity: Brain-Score's wrapper, commitment and regression against ours, side by side in one run.

    python tests/benchmarks/neural_predictivity.py [--theirs-v1] [--noise] [--shares 135] [--sizes 135 640]

Made recordings of FreemanZiemba2013's size: 135 images, 102 neurons, 20 repetitions; VOneResNet-50 with random weights
and its noise off. `model.layer4` is scored in full by both. On `vone_block` (1.6 million units) theirs takes many
minutes and 10 GB a split, so with --theirs-v1 it runs one split of ten, and its fit is counted ten times; --noise adds
ours with noise and 20 trials. --shares prints instead where the CPU time of the whole command `score` goes with so many
images and 20 neurons, on one thread, and what normal draws cost; --sizes the command's time and memory.
"""

import argparse
import functools
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from contextlib import ExitStack
from pathlib import Path

os.environ["RESULTCACHING_DISABLE"] = "1"  # every run from the start
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from vonenet_brainscore import get_model, neural_benchmark, score_model  # noqa: E402
from vonenet_brainscore.benchmarks.gram import _Recording, default_memory  # noqa: E402
from vonenet_brainscore.recordings.activations import ActivationsExtractor  # noqa: E402
from vonenet_brainscore.recordings.noise_draws import noise_draw  # noqa: E402
from vonenet_brainscore.stimuli.colour import colour_in_words  # noqa: E402
from vonenet_brainscore.stimuli.images import OnScreen, as_picture, normalise, resize  # noqa: E402

STIMULI, NEURONS, REPETITIONS = 135, 102, 20


def made_recordings(folder: Path) -> np.ndarray:
    """Grey textures in `folder`, and responses (stimulus, neuron, repetition) to their local contrast."""
    random = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(320), np.fft.fftfreq(320)))
    contrast = []
    for index in range(STIMULI):
        band = np.exp(-(np.log2((frequency + 1e-9) / random.uniform(0.02, 0.2)) ** 2))
        texture = np.fft.ifft2(np.fft.fft2(random.normal(size=(320, 320))) * band).real
        texture *= 40 / texture.std()
        Image.fromarray(np.clip(128 + texture, 0, 255).astype(np.uint8)).save(folder / f"{index:03d}.png")
        contrast.append((texture.reshape(8, 40, 8, 40) ** 2).mean(axis=(1, 3)).ravel())
    drive = np.array(contrast) @ random.normal(size=(64, NEURONS))
    drive = (drive - drive.mean(axis=0)) / drive.std(axis=0)
    return drive[..., None] + random.normal(size=(STIMULI, NEURONS, REPETITIONS))


def theirs(network: torch.nn.Module, layer: str, benchmark):
    """Brain-Score's own path: PytorchWrapper, ModelCommitment, full features."""
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
    from brainscore_vision.model_helpers.brain_transformation import ModelCommitment

    half = (0.5, 0.5, 0.5)
    preprocessing = functools.partial(load_preprocess_images, image_size=224, normalize_mean=half, normalize_std=half)
    wrapper = PytorchWrapper(identifier="theirs", model=network, preprocessing=preprocessing, batch_size=16)
    return benchmark(ModelCommitment("theirs", wrapper, layers=[layer], region_layer_map={"V1": layer}))


def timed(run):
    """What it returns, seconds, and the process's largest memory so far in GB."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu_ms(run, images: int) -> float:
    """CPU milliseconds an image, of all threads."""
    start = time.process_time()
    run()
    return (time.process_time() - start) / images * 1e3


def shares(network: torch.nn.Module, folder: Path, images: int) -> None:
    """Print where the CPU time of a V1 score goes, for images of half the screen's width."""
    torch.set_num_threads(1)
    shown = [OnScreen(file, 2.0) for file in sorted(folder.iterdir())[:48]]
    extractor = ActivationsExtractor(network, image_size=224, noise="none", progress=False)
    pictures = [as_picture(image) for image in shown]
    features = next(extractor.stream(pictures[:8], ["vone_block"]))[1]["vone_block"][0].reshape(8, -1)
    grey = cpu_ms(lambda: [colour_in_words(image) for image in shown], len(shown))
    decode = cpu_ms(lambda: [as_picture(image) for image in shown], len(shown))
    resized = cpu_ms(lambda: [normalise(resize(each.pixels, (224, 224))) for each in pictures], len(shown))
    block = cpu_ms(lambda: list(map(len, extractor.stream(pictures, ["vone_block"]))), len(shown)) - resized
    stages = {
        "is it grey?": grey,
        "decode, place, digest": decode,
        "resize, normalise": resized,
        "VOneBlock": block,
        **stages_of_products(features, images),
    }
    command = whole_command(images, OMP_NUM_THREADS="1") / images * 1e3
    stages["all else: imports, splits, intervals"] = command - sum(stages.values())
    for name, spent in stages.items():
        print(f"{name:36} {spent:6.1f} ms an image  {spent / command:4.0%}")
    units, fast = features.shape[1], np.random.Generator(np.random.SFC64(0))
    draw = np.empty(units, np.float32)
    for name, run in {
        "normal draws of a trial (Philox)": lambda: noise_draw((units,), seed=0, content=b"", trial=0),
        "the same by SFC64": lambda: fast.standard_normal(out=draw, dtype=np.float32),
        "the same by torch": lambda: torch.from_numpy(draw).normal_(),
    }.items():
        print(f"{name:36} {cpu_ms(lambda run=run: [run() for _ in range(48)], 48):6.1f} ms an image")


def stages_of_products(features: np.ndarray, images: int) -> dict[str, float]:
    """CPU milliseconds an image of what happens to its features, in memory or on disk as in the command."""
    recording = _Recording(images, features, "vone_block", "stimuli")
    spilled = recording.nbytes > default_memory()
    with ExitStack() as files:
        if spilled:
            recording.keep_on_disk(Path(tempfile.gettempdir()), files)
        else:
            recording.keep_in_memory()
        batches = [np.arange(start, min(start + 8, images)) for start in range(0, images, 8)]
        written = cpu_ms(lambda: [recording.write(rows, features[: len(rows)]) for rows in batches], images)
        last: deque = deque(maxlen=1)
        centred = cpu_ms(lambda: last.extend(recording._centred_blocks(1)), images)
    products, product = np.zeros((2, images, images))
    blocks = -(-features.shape[1] // last[0].shape[1])

    def multiply() -> None:
        nonlocal products
        products += np.matmul(last[0], last[0].T, out=product)

    with threadpool_limits(1, "blas"):  # as in the command
        multiplied = blocks * min(cpu_ms(multiply, images) for _ in range(3))
    return {
        f"write into blocks {'on disk' if spilled else 'in memory'}": written,
        f"{'read, ' if spilled else ''}double precision, centre": centred,
        "products": multiplied,
    }


def whole_command(images: int, **environment: str) -> float:
    """CPU seconds of the command `score`, noise off, one trial, on made recordings; its time and memory are printed.

    Resident memory counts the code of libraries; the process's own is what it alone keeps from others.
    """
    random = np.random.default_rng(0)
    own = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for index in range(images):
            Image.fromarray(random.integers(0, 256, (256, 256), dtype=np.uint8)).save(f"{folder}/{index:05d}.png")
        signal = random.normal(size=(images, 20, 1))
        np.save(f"{folder}/responses.npy", signal + random.normal(size=(images, 20, 2)))
        command = [sys.executable, "-m", "vonenet_brainscore", "score", "voneresnet50", "--noise", "none", "--no-cache"]
        command += ["--images", folder, "--responses", f"{folder}/responses.npy", "--region", "V1", "--degrees", "4"]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment
        )
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            status = Path(f"/proc/{process.pid}/status").read_text()
            own = max(own, *[int(line.split()[1]) / 1e6 for line in status.splitlines() if "RssAnon" in line], 0.0)
            time.sleep(0.05)
        seconds = time.perf_counter() - start
    _, status, used = ended
    assert status == 0, f"it ended with {status}"
    spent = used.ru_utime + used.ru_stime
    print(
        f"{images:6} images {seconds:7.1f} s  {spent:7.1f} s of CPU ({used.ru_utime:.1f} its own, {used.ru_stime:.1f} "
        f"the system's)  at most {used.ru_maxrss / 1e6:.1f} GB resident, {own:.1f} GB its own",
        flush=True,
    )
    return spent


def main() -> None:
    """Print seconds and ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--theirs-v1", action="store_true")
    options.add_argument("--noise", action="store_true")
    options.add_argument("--shares", type=int, metavar="IMAGES")
    options.add_argument("--sizes", type=int, nargs="+", default=())
    chosen = options.parse_args()
    for images in chosen.sizes:
        whole_command(images)
    if chosen.sizes:
        return
    torch.set_num_threads(2)
    torch.manual_seed(0)
    network = get_model("resnet50", pretrained=False, noise_mode=None).eval()
    with tempfile.TemporaryDirectory() as folder:
        responses = made_recordings(Path(folder))
        if chosen.shares:
            shares(network, Path(folder), chosen.shares)
            return

        def benchmark(splits: int = 10):
            return neural_benchmark("made-V1", folder, responses, "V1", splits=splits, number_of_trials=20)

        def ours(layer: str):
            return score_model(network, benchmark(), region_layer_map={"V1": layer}, cache=False, progress=False)

        score, seconds_v1, memory = timed(lambda: ours("vone_block"))
        print(
            f"vone_block   ours, 10 splits             {seconds_v1:7.1f} s  {memory:4.1f} GB  score {float(score):.6f}"
        )
        score, seconds, memory = timed(lambda: ours("model.layer4"))
        print(f"model.layer4 ours, 10 splits             {seconds:7.1f} s  {memory:4.1f} GB  score {float(score):.6f}")
        if chosen.noise:
            network.vone_block.set_noise_mode("neuronal", 0.35, 0.07)
            noisy, noisy_seconds, memory = timed(lambda: ours("vone_block"))
            print(
                f"vone_block   ours, 10 splits, 20 trials  {noisy_seconds:7.1f} s  {memory:4.1f} GB  {float(noisy):.6f}"
            )
            network.vone_block.set_noise_mode(None)
        reference, their_seconds, memory = timed(lambda: theirs(network, "model.layer4", benchmark()))
        print(
            f"model.layer4 theirs, 10 splits           {their_seconds:7.1f} s  {memory:4.1f} GB  "
            f"score {float(reference):.6f}  {their_seconds / seconds:.1f} times ours"
        )
        if chosen.theirs_v1:
            fits = []

            def one_split():
                given = benchmark(splits=1)
                fit = given._similarity_metric.regression.fit
                given._similarity_metric.regression.fit = lambda *sets: fits.append(timed(lambda: fit(*sets))[1])
                return theirs(network, "vone_block", given)

            _, their_seconds, memory = timed(one_split)
            scaled = their_seconds + 9 * fits[0]
            print(
                f"vone_block   theirs, 1 split             {their_seconds:7.1f} s  {memory:4.1f} GB  of which the fit "
                f"{fits[0]:.1f} s; ten splits {scaled:.0f} s, {scaled / seconds_v1:.0f} times ours"
            )


if __name__ == "__main__":
    main()
