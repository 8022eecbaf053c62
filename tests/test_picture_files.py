"""Image files say what was shown: bits per channel, one picture, the way up; whatever says otherwise is refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.stimuli.images import as_picture, read_image
from vonenet_brainscore.stimuli.picture_files import open_picture, picture_size

GREY, GREY_ALPHA, COLOUR, COLOUR_ALPHA = 0, 4, 2, 6  # PNG's colour types (ISO 15948, table 11.1)
CHANNELS = {GREY: 1, GREY_ALPHA: 2, COLOUR: 3, COLOUR_ALPHA: 4}


def write_png(path, pixels, colour_type, bits):
    """A PNG of whole samples, shape (y, x, channel): Pillow itself writes no 16-bit colour."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2" if bits == 16 else ">u1").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


@pytest.mark.parametrize("colour_type", CHANNELS)
def test_png_goes_by_its_bit_depth_and_not_by_pillows_mode(tmp_path, colour_type):
    """A 12-bit picture in 16 bits is 6 to 9 of 255 in its high bytes, where Pillow would leave it."""
    twelve_bits = np.random.default_rng(0).integers(1600, 2400, (6, 6, CHANNELS[colour_type]))
    path = tmp_path / "deep.png"
    write_png(path, twelve_bits, colour_type, 16)
    with pytest.raises(ValueError, match=r"deep\.png has 16 bits per channel, and a model is shown 8"):
        read_image(path)
    for loaded in (False, True):
        with Image.open(path) as image:
            if loaded:
                image.load()
            with pytest.raises(ValueError, match=r"the image has .* pixels of 16 bits per channel"):
                as_picture(image)
    eight_bits = twelve_bits // 16
    write_png(path, eight_bits, colour_type, 8)
    expected = np.broadcast_to(eight_bits[..., :1] if CHANNELS[colour_type] < 3 else eight_bits[..., :3], (6, 6, 3))
    np.testing.assert_array_equal(read_image(path).pixels, expected)


def test_other_formats_of_more_bits_are_refused(tmp_path):
    header = b"P6\n2 2\n4095\n"
    (tmp_path / "deep.ppm").write_bytes(header + np.full(12, 1800, ">u2").tobytes())
    Image.fromarray(np.full((2, 2), 1800, np.uint16)).save(tmp_path / "deep.tif")
    for name, bits in (("deep.ppm", 12), ("deep.tif", 16)):
        with pytest.raises(ValueError, match=f"{name} has {bits} bits per channel"):
            read_image(tmp_path / name)
    (tmp_path / "coarse.ppm").write_bytes(b"P6\n2 2\n15\n" + bytes(range(12)))
    assert read_image(tmp_path / "coarse.ppm").pixels.max() == round(11 / 15 * 255)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_further_frames_and_pages_are_refused_where_one_picture_was_shown(tmp_path, suffix):
    first, second = (Image.new("L", (8, 8), level) for level in (40, 200))
    path = tmp_path / f"two{suffix}"
    first.save(path, save_all=True, append_images=[second])
    assert (read_image(path).pixels == read_image(path).pixels[0, 0]).all()  # the first, as torchvision shows it
    with pytest.raises(ValueError, match=rf"two{suffix} holds 2 pictures \(frames or pages\); save the one"):
        read_image(path, as_shown=True)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_rotation_mark_is_refused_where_programs_disagree(tmp_path, suffix, orientation):
    path = tmp_path / f"photo{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path, exif=exif)
    if orientation == 1:
        assert read_image(path, as_shown=True).content == read_image(path).content
        return
    with pytest.raises(ValueError, match=rf"photo{suffix} has a rotation mark \(Exif orientation 6\)"):
        read_image(path, as_shown=True)
    assert read_image(path).pixels.shape == (8, 8, 3)


def test_a_header_alone_is_read_for_the_size(tmp_path):
    path = tmp_path / "cut.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:100])
    assert picture_size(path) == (30, 20)
    with pytest.raises(ValueError, match=r"cut\.png cannot be read as an image"):
        open_picture(path)
