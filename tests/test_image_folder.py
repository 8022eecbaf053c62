"""Folders of labelled images are read as torchvision reads them, and labels that cannot be are refused."""

import numpy as np
import pytest
from PIL import Image
from torchvision_here import needs_torchvision

from vonenet_brainscore.classification.image_folder import LabelledImage, as_tensor, load_crop, read_image_folder


def save(path, size=(30, 20), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "b/1.jpg", "a/x.png", "c/deep/er/y.png", "10/z.png"):
        save(tmp_path / name)
    (tmp_path / "b" / "notes.txt").write_text("no image")
    return tmp_path


@needs_torchvision
def test_images_and_labels_equal_torchvisions(folder):
    from torchvision import datasets

    theirs = datasets.ImageFolder(str(folder)).samples
    ours = read_image_folder(folder, 4)
    assert [(str(image.path), image.label) for image in ours] == theirs
    save(folder / ".hidden" / "image.png")  # torchvision would take it for a class
    assert read_image_folder(folder, 4) == ours
    assert [image.name for image in ours] == ["10/z.png", "a/x.png", "b/1.jpg", "b/2.png", "c/deep/er/y.png"]


@needs_torchvision
@pytest.mark.parametrize("size", [(300, 260), (260, 301), (256, 256), (100, 80)])
@pytest.mark.parametrize("image_size", [224, 65])
def test_crop_equals_torchvisions(tmp_path, size, image_size):
    from torchvision import transforms

    path = save(tmp_path / "image.png", size)
    resize = transforms.Resize(round(image_size * 256 / 224))
    theirs = transforms.Compose([resize, transforms.CenterCrop(image_size)])(Image.open(path))
    ours = load_crop(LabelledImage(path, "image.png", 0), image_size)
    np.testing.assert_array_equal(ours, np.asarray(theirs))
    np.testing.assert_array_equal(as_tensor(ours[None])[0], transforms.ToTensor()(theirs))


def test_every_nth_image_is_kept_and_val_is_entered(folder):
    names = [image.name for image in read_image_folder(folder, 4, every=2)]
    assert names == ["10/z.png", "b/1.jpg", "c/deep/er/y.png"]
    (folder / "val").mkdir()
    save(folder / "val" / "only" / "one.png")
    assert [image.name for image in read_image_folder(folder, 1)] == ["only/one.png"]


def test_a_class_may_be_called_val(folder):
    save(folder / "val" / "image.png")
    found = read_image_folder(folder, 5, classes=["10", "a", "b", "c", "val"])
    assert len(found) == 6 and (found[-1].name, found[-1].label) == ("val/image.png", 4)


def test_names_of_classes_give_labels_where_some_are_absent(folder):
    found = read_image_folder(folder, 5, classes=["c", "b", "absent", "a", "10"])
    assert {image.name[0]: image.label for image in found} == {"1": 4, "a": 3, "b": 1, "c": 0}


def test_labels_that_do_not_match_the_outputs(folder):
    with pytest.raises(ValueError, match="holds 4 class folders but the model has 1000 outputs; give all classes"):
        read_image_folder(folder, 1000)
    with pytest.raises(ValueError, match="3 names of classes, 3 different, but 4 outputs"):
        read_image_folder(folder, 4, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="4 names of classes, 3 different"):
        read_image_folder(folder, 4, classes=["a", "b", "b", "c"])
    with pytest.raises(ValueError, match="holds 10, which the names of classes do not have"):
        read_image_folder(folder, 4, classes=["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="DS_factor is 0"):
        read_image_folder(folder, 4, every=0)


def test_folders_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder at .*nowhere"):
        read_image_folder(tmp_path / "nowhere", 2)
    with pytest.raises(FileNotFoundError, match="no class folders in"):
        read_image_folder(tmp_path, 2)
    (tmp_path / "a").mkdir()
    with pytest.raises(FileNotFoundError, match="no images in the class folders"):
        read_image_folder(tmp_path, 1)


def test_broken_and_small_images_are_named(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(save(tmp_path / "whole.png").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as an image"):
        load_crop(LabelledImage(path, "broken.png", 0), 16)
    whole = LabelledImage(tmp_path / "whole.png", "whole.png", 0)
    with pytest.raises(ValueError, match="has 20 x 30 pixels, less than the 24 of a crop"):
        load_crop(whole, 24, resized=False)
    assert load_crop(whole, 18, resized=False).shape == (18, 18, 3)
