"""Small made recordings, and a subject that answers from an array."""

import numpy as np
from PIL import Image

from vonenet_brainscore.benchmarks.running import run_benchmark
from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark


class FeatureSubject:
    """Answers a stimulus whose id holds the number i with row i of its features, whatever the image."""

    identifier = "features"

    def __init__(self, features, degrees=8):
        self.features, self.degrees = features, degrees

    def visual_degrees(self):
        return self.degrees

    def start_recording(self, recording_target, time_bins):
        self.asked = (str(recording_target), [tuple(np.asarray(b).tolist()) for b in time_bins])

    def look_at(self, stimuli, number_of_trials=1):
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        self.shown, self.trials = stimuli, number_of_trials
        rows = [int("".join(filter(str.isdecimal, str(stimulus_id)))) for stimulus_id in stimuli["stimulus_id"]]
        return NeuroidAssembly(
            self.features[rows],
            coords={
                **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                "neuroid_id": ("neuroid", np.arange(self.features.shape[1])),
                "layer": ("neuroid", ["none"] * self.features.shape[1]),
            },
            dims=("presentation", "neuroid"),
        )


def linear(features, *, noise, repetitions, neurons=12, weights_of=5):
    """Responses linear in a few features, signal variance 1, and Gaussian noise: (stimulus, neuron, repetition)."""
    rng = np.random.default_rng(2)
    weights = np.zeros((features.shape[1], neurons))
    weights[:weights_of] = rng.normal(size=(weights_of, neurons))
    signal = features @ weights
    signal = signal / signal.std(axis=0)
    return signal[..., None] + noise * rng.normal(size=(*signal.shape, repetitions))


def small_images(folder, count):
    """So many little grey images of noise in a folder, s000.png and on."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 4, 4), dtype=np.uint8)
    for number, image in enumerate(noise):
        Image.fromarray(image).save(folder / f"s{number:03d}.png")
    return folder


def scored(images, features, responses, **settings):
    """The score of ridge regression from features (stimulus, feature) on recordings of one's own."""
    benchmark = neural_benchmark("mine", images, responses, metric="ridge", **settings)
    return run_benchmark(FeatureSubject(features), benchmark)
