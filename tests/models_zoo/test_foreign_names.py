"""Names of models that are not of the zoo, taken apart."""

import pytest

from models_zoo import InputError, describe_model, load_card
from models_zoo.sources import dataset_of, parse_reference


def parsed(name):
    reference = parse_reference(name)
    assert reference is not None
    return reference


@pytest.mark.parametrize(
    ("name", "source", "path", "options"),
    [
        ("torchvision:resnet18", "torchvision", "resnet18", {}),
        ("timm:resnet18.a1_in1k", "timm", "resnet18.a1_in1k", {}),
        ("hf-hub:a/b@main", "hf-hub", "a/b@main", {}),
        ("net.onnx", "file", "net.onnx", {}),
        ("folder/NET.PT2", "file", "folder/NET.PT2", {}),
        ("file:net", "file", "net", {}),
        (
            "a.pt?architecture=timm:resnet18?drop_rate=0,b=1&dataset=x",
            "file",
            "a.pt",
            {"architecture": "timm:resnet18?drop_rate=0,b=1", "dataset": "x"},
        ),
        ("odd?name.pt?classes=3", "file", "odd?name.pt", {"classes": "3"}),
        ("a+b.pt?mean=0.1,0.2&std=1e+1", "file", "a+b.pt", {"mean": "0.1,0.2", "std": "1e+1"}),
    ],
)
def test_a_name_is_source_path_and_options(name, source, path, options):
    reference = parsed(name)
    assert (reference.source, reference.path, reference.options) == (source, path, options)
    assert reference.name == name


@pytest.mark.parametrize("name", ["digits/cnn-pgd-at", "digits/*", "digits/?lp-*", "*"])
def test_names_and_patterns_of_the_zoo_are_not_foreign(name):
    assert parse_reference(name) is None


def test_where_files_lie_is_no_part_of_a_model_s_name():
    reference = parsed("torchvision:resnet50?file=a.pth&weights=IMAGENET1K_V1")
    assert reference.name == "torchvision:resnet50?weights=IMAGENET1K_V1"
    assert reference.options["file"] == "a.pth"


def test_options_are_numbers_counts_and_shapes():
    reference = parsed("a.pt?mean=0.1,0.2,0.3&classes=100&shape=3x32x64")
    assert reference.numbers("mean") == (0.1, 0.2, 0.3)
    assert reference.count("classes") == 100
    assert reference.shape("shape") == (3, 32, 64)
    assert reference.numbers("std") is reference.count("other") is reference.shape("none") is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("torchvison:resnet18", "did you mean 'torchvision:'"),
        ("net.pt?architecture=mlp&dataset=digits&means=1", "did you mean 'mean'"),
        ("{}?architecture=mlp&dataset=digits&mean=a", "mean=a"),
        ("{}?architecture=mlp&dataset=digits&classes=0", "classes=0"),
        ("{}?architecture=mlp&shape=8x8", "shape=8x8"),
        ("{}?architecture=mlp", "shape=3x32x32"),
        ("{}?dataset=digits", "needs an architecture"),
        ("robustbench:cifar10/Linf/Wong2020Fst", "did you mean 'Wong2020Fast'"),
        ("robustbench:cifar10/Linff/Wong2020Fast", "did you mean 'Linf'"),
        ("robustbench:Wong2020Fast", "<dataset>/<threat>/<name>"),
        ("torchvision:resnet19", "did you mean 'resnet1"),
        ("torchvision:resnet50?weights=V2", "IMAGENET1K_V2"),
        ("timm:resnett18", "did you mean 'resnet18'"),
        ("timm:resnet18.a1_in2k", "did you mean 'resnet18.a1_in1k'"),
        ("digits/cnn-pgdat", "did you mean 'digits/cnn-pgd-at'"),
    ],
)
def test_what_is_wrong_with_a_name_is_one_line(tmp_path, name, reason):
    (tmp_path / "net.pt").write_bytes(b"weights")
    with pytest.raises(InputError, match=reason.replace("?", r"\?")) as refusal:
        describe_model(name.format(tmp_path / "net.pt"))
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_the_data_set_is_known_without_loading():
    assert dataset_of("digits/cnn-pgd-at") == "digits"
    assert dataset_of("robustbench:cifar100/Linf/Rice2020Overfitting") == "cifar100"
    assert dataset_of("torchvision:resnet18") == "imagenet"
    assert dataset_of("nowhere.pt2") == "unknown"
    assert dataset_of("nowhere.onnx?dataset=cifar10") == "cifar10"


def test_cards_of_the_zoo_are_described_as_they_are():
    assert describe_model("digits/cnn-pgd-at") == load_card("digits/cnn-pgd-at")
