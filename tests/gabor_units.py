"""A small made-up V1 to test the analysis on, and Brain-Score's form of its recordings."""

from functools import lru_cache

import numpy as np

from vonenet_brainscore.stimuli.gratings import GRATING_SETS, PROBED_POSITION, grating_parameters, render_gratings

N_GABOR, N_RANDOM = 60, 20
SILENT, NEGATIVE = N_GABOR + N_RANDOM, N_GABOR + N_RANDOM + 1  # two units that never respond


@lru_cache
def unit_responses():
    """Responses of 82 units to every grating set: {set: (neuroid, presentation)}, in arbitrary units, read only.

    Simple and complex Gabor cells of many sizes and places, some with a suppressive surround; random numbers, whose
    tuning curves have every odd shape; a unit that answers 0 to all and one that answers -1.
    """
    rng = np.random.default_rng(2)
    # Screen pixels of an 8-degree subject, 56 a degree: 3 degrees around the probed position, every other pixel.
    top, left = (round(224 + 56 * (position - 1.5)) for position in PROBED_POSITION)
    y, x = (np.mgrid[0:168:2, 0:168:2] / 56 - 1.5).reshape(2, 1, -1)  # (1, pixel), degrees from the probed position

    def column(low, high):
        return rng.uniform(low, high, (N_GABOR, 1))

    dy, dx, angle, phase = column(-0.3, 0.3), column(-0.3, 0.3), column(0, np.pi), column(0, 2 * np.pi)
    frequency = 2 ** column(-0.5, 2.8)
    along, across = (column(0.2, 0.6) / frequency for _ in range(2))
    u = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
    v = -(x - dx) * np.sin(angle) + (y - dy) * np.cos(angle)
    envelope = np.exp(-(u**2 / along**2 + v**2 / across**2) / 2)
    envelope /= envelope.sum(axis=1, keepdims=True)
    even, odd = (envelope * np.cos(2 * np.pi * frequency * u + phase + shift) for shift in (0, np.pi / 2))
    surround = np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / 2 / column(0.2, 0.8) ** 2)
    surround *= column(0, 6) * rng.integers(0, 2, (N_GABOR, 1)) / surround.sum(axis=1, keepdims=True)
    gain = np.where(column(0, 1) < 0.2, 0.004, 1)  # a few too weak to count as responsive
    simple = np.arange(N_GABOR) < N_GABOR // 2

    responses = {}
    for name in GRATING_SETS:
        images = render_gratings(grating_parameters(name), window=(top, left, 168, 168))[:, ::2, ::2]
        contrast = (images.reshape(len(images), -1).astype(np.float32) - 128) / 128  # (presentation, pixel)
        linear, quadrature = (filters.astype(np.float32) @ contrast.T for filters in (even, odd))
        pool = surround.astype(np.float32) @ np.abs(contrast).T
        drive = np.where(simple[:, None], np.maximum(linear, 0), np.hypot(linear, quadrature))
        gabor = gain * (drive.astype(float) + 0.01) / (1 + pool)
        other = [rng.random((N_RANDOM, len(images))), np.zeros((1, len(images))), -np.ones((1, len(images)))]
        responses[name] = np.concatenate([gabor, *other])
    responses["blank"][N_GABOR:SILENT] *= 0.1
    for values in responses.values():
        values.flags.writeable = False
    return responses


def brainscore_assembly(responses, name):
    """Responses (neuroid, presentation) to a grating set as Brain-Score's analysis takes them."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    columns = {} if name == "blank" else dict(grating_parameters(name))
    presentation = {"stimulus_id": [str(row) for row in range(responses.shape[1])]} | {
        column: values.to_numpy() for column, values in columns.items()
    }
    neuroid = {"neuroid_id": range(len(responses)), "region": ["V1"] * len(responses)}
    return NeuroidAssembly(
        responses.copy(),  # Brain-Score rectifies in place
        coords={key: ("neuroid", value) for key, value in neuroid.items()}
        | {key: ("presentation", value) for key, value in presentation.items()},
        dims=["neuroid", "presentation"],
    )
