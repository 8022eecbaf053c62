"""Detection of colour in pictures that are expected to be grey."""

from typing import Any

from .images import OnScreen, Picture, as_picture, first_colour
from .picture_files import picture_size


def colour_in_words(image: Any) -> str | None:
    """Description of the first coloured pixel of a picture; None for a grey picture.

    Parameters
    ----------
    image : anything that `images.as_picture` takes
        For an `OnScreen`, the pixel's position is that in the file, and pixels outside the screen are ignored.
    """
    pixels = image.visible() if isinstance(image, OnScreen) else as_picture(image).pixels
    place = first_colour(pixels)
    if place is None:
        return None
    row, column = place
    red, green, blue = pixels[row, column]
    if isinstance(image, OnScreen) and image.ratio < 1:  # the screen begins inside the picture
        width, height = picture_size(image.path)
        first_row, first_column = image.corner((height, width))
        row, column = row - first_row, column - first_column
    name = f"the picture {image.content.hex()[:32]}" if isinstance(image, Picture) else str(image)
    return f"{name} is not grey: its pixel in row {row}, column {column} (from 0) has RGB {red}, {green}, {blue}"
