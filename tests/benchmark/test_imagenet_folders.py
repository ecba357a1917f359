"""Which label an image of a folder gets, however the folder came to be laid out."""

import itertools

import pytest
from PIL import Image

from benchmark.datasets import imagenet, load_dataset
from benchmark.datasets.imagenet_labels import named_classes, wordnet_classes
from models_zoo import InputError

GREY = {"n01440764": 10, "n01443537": 60, "n02099601": 110, "n03777754": 160, "n15075141": 210}
INDEX = {"n01440764": 0, "n01443537": 1, "n02099601": 207, "n03777754": 662, "n15075141": 999}


def put(path, grey=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (grey,) * 3).save(path, "PNG")


def lay(val, names=GREY):
    for name in names:
        put(val / name / f"{name}_1.JPEG", GREY.get(name, 128))
    return val


def labels(root):
    """The label of each grey."""
    data = load_dataset("imagenet", data_root=root)
    assert data.classes == 1000
    greys = (data.images.mean((1, 2, 3)) * 255).round().int().tolist()
    return dict(zip(greys, data.labels.tolist(), strict=True))


@pytest.fixture
def val(tmp_path):
    return tmp_path / "imagenet" / "val"


EXPECTED = {GREY[name]: INDEX[name] for name in GREY}


def test_the_table_is_that_of_ilsvrc_2012():
    table = wordnet_classes()
    assert len(table) == 1000
    assert {name: table[name] for name in INDEX} == INDEX
    names = named_classes()
    assert (names["tench"], names["golden retriever"], names["toilet tissue"]) == (0, 207, 999)


@pytest.mark.parametrize(
    "clutter",
    [
        ".ipynb_checkpoints/n01440764_1-checkpoint.JPEG",
        "__MACOSX/a.JPEG",
        "__pycache__/a.pyc",
        ".DS_Store",
        "lost+found/a",
        "@eaDir/a.JPEG",
        "#recycle/a.JPEG",
        "$RECYCLE.BIN/a.JPEG",
        "System Volume Information/a",
        "Thumbs.db",
        ".git/a.png",
        "._n01440764",
        "README.txt",
        "n01440764/._n01440764_1.JPEG",
        "n01440764/.ipynb_checkpoints/a.JPEG",
        "n01440764/Thumbs.db",
        "n01440764/folder.JPEG/a",
    ],
)
def test_what_is_no_class_and_no_image_does_not_shift_a_label(val, clutter):
    lay(val)
    path = val / clutter
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    assert labels(val.parents[1]) == EXPECTED


@pytest.mark.parametrize("count", range(1, 5))
def test_any_of_the_thousand_classes_have_their_own_index(tmp_path, count):
    for number, names in enumerate(itertools.combinations(GREY, count)):
        root = tmp_path / str(number)
        lay(root / "imagenet" / "val", names)
        assert labels(root) == {GREY[name]: INDEX[name] for name in names}


def test_folders_named_by_all_thousand_indices_are_taken_as_numbers(val):
    for index in range(1000):
        (val / str(index)).mkdir(parents=True)
        (val / str(index) / "a.png").touch()
    assert all(path.parent.name == str(label) for path, label in imagenet._listing(val))


@pytest.mark.parametrize("style", [str, str.title, lambda name: name.replace(" ", "_")])
def test_folders_may_have_the_english_names(val, style):
    put(val / style("tench") / "a.png", 10)
    put(val / style("golden retriever") / "a.png", 110)
    assert labels(val.parents[1]) == {10: 0, 110: 207}


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        (["n01440764", "dogs"], "'dogs' of the 2 folders"),
        (["n01440764", "tench"], "'tench' of the 2 folders"),
        (["n01440764", "0"], "'0' of the 2 folders"),
        (["n01440764", "n00000001"], "'n00000001' of the 2 folders"),
        (["N01440764", "n01443537"], "'N01440764' of the 2 folders"),
        (["n1440764"], "'n1440764' of the 1 folders"),
        (["cats", "dogs"], "'cats', 'dogs' of the 2 folders"),
        (["val"], "'val' of the 1 folders"),
        (["tench", "crane"], "'crane', 'tench' of the 2 folders"),
        (["tench", "Tench"], "'Tench', 'tench' of the 2 folders"),
        (["0", "1", "2"], "not all of 0 to 999"),
        (["00000", "00001"], "not all of 0 to 999"),
        ([str(index) for index in range(1, 1001)], "not all of 0 to 999"),
        (["a\nb", "\x1b[31mred"], r"'\\x1b\[31mred', 'a\\nb' of the 2"),
    ],
)
def test_folders_whose_class_is_not_known_are_refused_in_a_line(val, folders, reason):
    for name in folders:
        (val / name).mkdir(parents=True)
    put(val / folders[0] / "a.png")
    with pytest.raises(InputError, match=reason) as refusal:
        labels(val.parents[1])
    assert "\n" not in str(refusal.value)
    assert "n01440764" in str(refusal.value)


def test_empty_classes_and_images_beside_class_folders_are_refused(val):
    lay(val)
    (val / "n02123045").mkdir()
    with pytest.raises(InputError, match=r"1 of the 6 class folders.*'n02123045', hold no images"):
        labels(val.parents[1])
    (val / "n02123045" / "images").mkdir()
    put(val / "n02123045" / "images" / "a.JPEG")  # as Tiny ImageNet has them
    with pytest.raises(InputError, match="'n02123045', hold no images"):
        labels(val.parents[1])
    put(val / "n02123045" / "a.JPEG")
    assert 281 in labels(val.parents[1]).values()
    put(val / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(InputError, match="1 images beside them, such as 'ILSVRC2012_val_00000001"):
        labels(val.parents[1])


FLAT = {f"ILSVRC2012_val_0000000{i + 1}.JPEG": name for i, name in enumerate(GREY)}


def lines(form):
    return "".join(form(name, FLAT[name]) for name in FLAT)


LISTS = {
    "wordnet": ("val.txt", lines(lambda f, w: f"{f} {w}\n")),
    "indices": ("val.txt", lines(lambda f, w: f"{f} {INDEX[w]}\n")),
    "paths": ("val.txt", lines(lambda f, w: f"val/{f}\t{w}\r\n")),
    "commas": ("val.txt", "\ufeff" + lines(lambda f, w: f"{f},{w}\n")),
    "no endings": ("val.txt", lines(lambda f, w: f"{f.partition('.')[0]} {w}\n") + "\n"),
    "kaggle": (
        "LOC_val_solution.csv",
        "ImageId,PredictionString\n" + lines(lambda f, w: f"{f[:-5]},{w} 8 1 49 2 {w} 1 2 3 4 \n"),
    ),
}


def flat(val):
    for name, wordnet in FLAT.items():
        put(val / name, GREY[wordnet])
    (val / ".ipynb_checkpoints").mkdir()


@pytest.mark.parametrize("place", [".", ".."])
@pytest.mark.parametrize("form", LISTS)
def test_a_flat_folder_is_labelled_by_its_list(val, form, place):
    flat(val)
    name, text = LISTS[form]
    (val / place / name).write_text(text, "utf-8")
    assert labels(val.parents[1]) == EXPECTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "holds 5 images and no class folders, so that their labels are not known"),
        ("", "is not a list of ImageNet's classes"),
        ("490\n361\n171\n", "is not a list"),  # the development kit's
        (lines(lambda f, w: f"{f} 1000\n"), "is not a list"),
        (lines(lambda f, w: f"{f} -1\n"), "is not a list"),
        (lines(lambda f, w: f"{f} dog\n"), "is not a list"),
        (lines(lambda f, w: f"{f} n00000001\n"), "is not a list"),
        (lines(lambda f, w: f"{f} {w}\n").replace("n01440764", "7"), "is not a list"),
        ("ILSVRC2012_val_00000001.JPEG n01440764\n", "no class for 4 of the 5 images"),
        ("\0" * 50, "is not a list"),
        ("\x80\n", "is not a list"),
        ('"' * 200_000, "is not a list"),
    ],
)
def test_a_flat_folder_without_a_whole_list_is_refused_in_a_line(val, text, reason):
    flat(val)
    if text is not None:
        (val / "val.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=reason) as refusal:
        labels(val.parents[1])
    assert "\n" not in str(refusal.value)


def test_where_the_folder_is_looked_for_is_said(tmp_path):
    with pytest.raises(InputError, match=r"imagenet/val and cannot be downloaded.*n01440764"):
        labels(tmp_path)
    lay(tmp_path / "val")
    with pytest.raises(InputError, match="val is there: give the folder above 'imagenet'"):
        labels(tmp_path)
    (tmp_path / "imagenet" / "val").mkdir(parents=True)
    with pytest.raises(InputError, match="val is empty"):
        labels(tmp_path)
    (tmp_path / "imagenet" / "val").rmdir()
    (tmp_path / "imagenet" / "val").write_text("a file")
    with pytest.raises(InputError, match=r"cannot be read.*must be a folder"):
        labels(tmp_path)
