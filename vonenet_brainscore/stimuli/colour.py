"""Where a picture that was taken for grey has colour."""

from typing import Any

from .images import OnScreen, Picture, as_picture
from .picture_files import picture_size


def colour_in_words(image: Any) -> str | None:
    """Which pixel of a picture has colour, and which; None for a grey picture.

    Parameters
    ----------
    image : anything that `images.as_picture` takes
        Of an `OnScreen` the pixel is that of the file, and pixels that the screen cuts off do not count.
    """
    picture = as_picture(image)
    place = picture.first_colour
    if place is None:
        return None
    row, column = place
    red, green, blue = picture.pixels[row, column]
    if isinstance(image, OnScreen):
        width, height = picture_size(image.path)
        first_row, first_column = image.corner((height, width))
        row, column = row - first_row, column - first_column
    name = f"the picture {picture.content.hex()[:32]}" if isinstance(image, Picture) else str(image)
    return f"{name} is not grey: its pixel in row {row}, column {column} (from 0) has RGB {red}, {green}, {blue}"
