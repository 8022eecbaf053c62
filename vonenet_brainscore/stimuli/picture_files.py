"""Properties of image files other than their pixels: bits per channel, number of frames, rotation flag and size."""

from os import PathLike, fspath
from pathlib import Path

from PIL import ExifTags, Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
# Pillow identifies a file by its content, and would pass PostScript, a program, to Ghostscript whatever its name.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
_BITS_PER_SAMPLE = 258  # TIFF 6.0 (Adobe 1992), page 29
_UPRIGHT = 1  # Exif 2.32 (CIPA DC-008), tag 0x0112: row 0 is the top of the picture, column 0 its left side


def open_picture(path: str | PathLike, *, load: bool = True, as_shown: bool = False) -> Image.Image:
    """A picture file, opened by its content.

    Parameters
    ----------
    path : path
    load : bool
        Decode the pixels, and not only the header.
    as_shown : bool
        Refuse a file of which programs show different pictures: one of several frames or pages (a camera's JPEG may
        carry previews behind its picture, which none shows), or one whose Exif mark asks for a rotation or reflection.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, is damaged or cut short, is too large to be decoded safely, has more than 8 bits a
        channel, or is refused by `as_shown`.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no image at {fspath(path)}")
    frames, orientation = 1, _UPRIGHT
    try:
        with Image.open(file, formats=_FORMATS) as image:
            bits = bits_per_channel(image)
            if as_shown and image.format != "MPO":
                frames = int(getattr(image, "n_frames", 1))
            if as_shown and image.format != "PNG":  # Pillow rotates a TIFF when it decodes it, and then drops the flag
                orientation = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
            if load and bits <= 8:
                image.load()
            if as_shown and image.format == "PNG" and (load or "exif" in image.info):  # it may stand behind the pixels
                orientation = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise almost anything on a damaged file
        reason = str(error) or type(error).__name__
        raise ValueError(f"{file} cannot be read as an image ({reason}); replace it or leave it out") from error
    if bits > 8:
        raise ValueError(
            f"{file} has {bits} bits per channel, and a model is shown 8. Only you know how your screen showed the "
            "further bits: convert it to 8 bits per channel accordingly"
        )
    if frames > 1:
        raise ValueError(f"{file} holds {frames} pictures (frames or pages); save the one that was shown by itself")
    if orientation != _UPRIGHT:
        raise ValueError(
            f"{file} has a rotation mark (Exif orientation {orientation}), which some programs follow and others "
            "ignore; save it the way up it was shown, without the mark"
        )
    return image


def picture_size(path: str | PathLike) -> tuple[int, int]:
    """Width and height of a picture in pixels, from the header of its file; errors are those of `open_picture`."""
    return open_picture(path, load=False).size


def bits_per_channel(image: Image.Image) -> int:
    """Number of bits per channel in the file that Pillow opened, not in the mode to which it is decoded.

    Pillow has no mode for 16-bit colour, nor for 16-bit grey with transparency, and keeps their high bytes alone.
    """
    tiles = getattr(image, "tile", None)
    coding = tiles[0].args if tiles else None  # there are none once the pixels are decoded
    if image.format == "TIFF":
        return max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (1,)))
    if image.format == "PPM" and isinstance(coding, tuple) and isinstance(coding[-1], int):
        return max(8, coding[-1].bit_length())  # the largest value, which the header names
    if image.format == "PNG" and coding is not None:
        return 16 if ";16" in (coding if isinstance(coding, str) else coding[0]) else 8
    if image.format == "PNG" and coding is None and Path(getattr(image, "filename", "") or ".").is_file():
        with Image.open(image.filename, formats=("PNG",)) as header:  # type: ignore[attr-defined]
            return bits_per_channel(header) if getattr(header, "tile", None) else 8
    return 16 if image.mode.startswith("I;16") else 32 if image.mode in ("I", "F") else 8
