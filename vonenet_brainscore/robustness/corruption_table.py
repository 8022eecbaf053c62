"""The fifteen corruptions of ImageNet-C: parameters for each severity, AlexNet's errors, and how ours differ."""

from dataclasses import dataclass

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """A type of corruption.

    Attributes
    ----------
    group : str
        'noise', 'blur', 'weather' or 'digital' (Hendrycks & Dietterich 2019, ICLR, section 3.2).
    parameters : tuple of five
        At severities 1 to 5, as ImageNet-C was made: the authors' code, github.com/hendrycks/robustness, file
        ImageNet-C/create_c/make_imagenet_c.py at commit e0377d4.
    meaning : str
        Of the parameters.
    alexnet_error : float
        Mean error of AlexNet over the five severities on ImageNet-C's 50,000 images: the divisor of mCE that the
        authors publish with the data, in the same place.
    differs : str
        How the images that imagecorruptions-imaug makes differ, beside not being saved as JPEG of quality 85, as all of
        ImageNet-C was; empty where they do not.
    """

    group: str
    parameters: tuple[float | tuple[float, ...], ...]
    meaning: str
    alexnet_error: float
    differs: str = ""


_BLURRED = "motion is blurred by the library's own kernel in place of ImageMagick's"

CORRUPTION_TABLE: dict[str, Corruption] = {
    "gaussian_noise": Corruption("noise", (0.08, 0.12, 0.18, 0.26, 0.38), "standard deviation, of 1", 0.886428),
    "shot_noise": Corruption("noise", (60, 25, 12, 5, 3), "photons at white", 0.894468),
    "impulse_noise": Corruption("noise", (0.03, 0.06, 0.09, 0.17, 0.27), "share of salt and pepper", 0.922640),
    "defocus_blur": Corruption(
        "blur", ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)), "radius in pixels, smoothing of its edge", 0.819880
    ),
    "glass_blur": Corruption(
        "blur",
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        "standard deviation in pixels, reach of a swap in pixels, rounds",
        0.826268,
    ),
    "motion_blur": Corruption(
        "blur",
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        "radius and standard deviation in pixels",
        0.785948,
        _BLURRED,
    ),
    "zoom_blur": Corruption(
        "blur",
        ((1, 1.11, 0.01), (1, 1.16, 0.01), (1, 1.21, 0.02), (1, 1.26, 0.02), (1, 1.31, 0.03)),
        "zoom from, to before, in steps of",
        0.798360,
    ),
    "snow": Corruption(
        "weather",
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        "flakes' mean and standard deviation, zoom, threshold; radius and standard deviation of motion; image's share",
        0.866816,
        _BLURRED,
    ),
    "frost": Corruption(
        "weather",
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        "weights of the image and of the frost",
        0.826572,
        "the frost is one of six pictures in place of five",
    ),
    "fog": Corruption(
        "weather",
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        "weight of the fog, decay of its detail",
        0.819324,
    ),
    "brightness": Corruption("weather", (0.1, 0.2, 0.3, 0.4, 0.5), "added to the value in HSV, of 1", 0.564592),
    "contrast": Corruption("digital", (0.4, 0.3, 0.2, 0.1, 0.05), "factor of the difference from the mean", 0.853204),
    "elastic_transform": Corruption(
        "digital",
        (
            (488, 170.8, 24.4),
            (488, 19.52, 48.8),
            (12.2, 2.44, 4.88),
            (17.08, 2.44, 4.88),
            (29.28, 2.44, 4.88),
        ),
        "displacement and its smoothing in pixels, of an affine map's corners in pixels",
        0.646056,
        "there is no affine map, and displacements are other ones at every severity",
    ),
    "pixelate": Corruption(
        "digital",
        (0.6, 0.5, 0.4, 0.3, 0.25),
        "share of the side that is kept",
        0.717840,
        "enlarged without mixing",
    ),
    "jpeg_compression": Corruption("digital", (25, 18, 15, 10, 7), "quality", 0.606500),
}
