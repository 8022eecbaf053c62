"""Variability over trials: Fano factors and response correlations of the probed neuroids."""

import numpy as np
import pandas as pd

from .best_gratings import best_gratings, own_presentations
from .grating_experiments import GratingExperiments, recorded_front_end


def fano_factors(experiments: GratingExperiments) -> pd.DataFrame:
    """Variance over mean of spike counts at the phase of the best grating that drives each neuroid most.

    A VOneBlock's noise makes its rates, times the noise scale, spike counts in 25 ms (Dapello, Marques et al. 2020).

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` and ``fano_factor`` (variance with n - 1), NaN for a neuroid that never fires.

    Raises
    ------
    ValueError
        As `spike_scale`.
    """
    scale = spike_scale(experiments)
    gratings = best_gratings(experiments)
    fano = np.full(len(gratings), np.nan)
    for members, of_member, parameters in own_presentations(gratings, [pd.DataFrame.copy], "trials"):
        counts = scale * experiments.trial_responses(parameters, "trials", members).astype(float)
        own = counts.reshape(len(members), -1, 8, counts.shape[-1])[np.arange(len(members)), of_member]
        mean = own.mean(axis=-1)  # (member, phase)
        strongest = (np.arange(len(members)), mean.argmax(axis=1))
        fano[members] = own[strongest].var(axis=-1, ddof=1) / np.where(mean[strongest] > 0, mean[strongest], np.nan)
    return pd.DataFrame({"responsive": gratings["responsive"], "fano_factor": fano})


def spike_scale(experiments: GratingExperiments) -> float:
    """Spikes in 25 ms per unit of response.

    Raises
    ------
    ValueError
        If responses are no spike counts, because what is recorded is not the output of a VOneBlock with neuronal noise
        on; or if there is one trial, which has no variance.
    """
    subject = experiments.subject
    block = recorded_front_end(subject)
    if block is None or not subject.extractor.is_noisy or block.noise_mode != "neuronal":
        raise ValueError(
            f"{subject.identifier} has no neuronal noise on in the layer that is recorded, so that its responses are "
            "no spike counts; Fano factors are those of a VOneBlock's output with noise='model'"
        )
    if experiments.trials < 2:
        raise ValueError("a variance over trials takes two or more; give trials")
    return float(block.noise_scale)


def correlations(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Noise and signal correlations of neuroids.

    Noise: the correlation of responses over trials, each stimulus's mean and standard deviation taken out, pooled over
    the stimuli in whose trials both vary. Signal: the correlation of mean responses over stimuli.
    (Cohen & Kohn 2011, Nat Neurosci 14:811.)

    Parameters
    ----------
    responses : array, shape (neuroid, stimulus, trial)

    Returns
    -------
    noise, signal : arrays, shape (neuroid, neuroid)
        NaN where either never varies; the signal's also where there are fewer than three stimuli.
    """
    responses = np.asarray(responses, float)
    mean = responses.mean(axis=2, keepdims=True)
    spread = responses.std(axis=2, keepdims=True)
    varies = np.broadcast_to(spread > 0, responses.shape).reshape(len(responses), -1).astype(float)
    score = (responses - mean) / np.where(spread > 0, spread, np.inf)
    score = score.reshape(len(responses), -1)  # (neuroid, stimulus * trial)
    together = varies @ varies.T  # trials in which both vary; each z-score's square sums to its number of trials
    noise = score @ score.T / np.where(together > 0, together, np.nan)
    signal = np.full(noise.shape, np.nan)
    if responses.shape[1] >= 3:
        centred = mean[..., 0] - mean[..., 0].mean(axis=1, keepdims=True)
        length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
        unit = centred / np.where(length > 0, length, np.nan)
        signal = unit @ unit.T
    return noise, signal
