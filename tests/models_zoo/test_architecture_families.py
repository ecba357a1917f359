"""Architectures by families, libraries and code: what is built, and what is refused in one line."""

import time
import warnings
from pathlib import Path

import pytest
import torch
from torch.func import functional_call

from models_zoo import InputError, build_architecture
from models_zoo.architectures import (
    build_skeleton,
    canonical_name,
    family,
    find_family,
    list_architectures,
    list_families,
)

CIFAR = (3, 32, 32)


def parameters(name, classes=10, shape=CIFAR, **options):
    network = build_skeleton(name, classes=classes, input_shape=shape, **options)
    return sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("form", list_families(), ids=lambda each: each.form)
def test_the_example_of_every_family_gives_logits(form):
    if not form.texts:
        network = build_skeleton(form.example, classes=7, input_shape=CIFAR)
        assert network(torch.empty(2, *CIFAR, device="meta")).shape == (2, 7)
        return
    network = build_skeleton(form.example, classes=7, input_shape=(48,))
    zeros = {  # in place of the meta device, on which no number of pieces is known
        name: torch.zeros((), dtype=each.dtype).expand(each.shape)
        for name, each in network.state_dict().items()
    }
    ids = torch.ones(2, 48, dtype=torch.int64)
    assert functional_call(network, zeros, (ids,)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "count"),
    # Of He et al. 2016, table 6 (0.46, 0.66, 1.7 million), kuangliu's code, TRADES and torchvision.
    [
        ("cifar-resnet32", 464_154),
        ("cifar-resnet44", 658_586),
        ("cifar-resnet110", 1_727_962),
        ("cifar-resnet20-a", 269_722),
        ("cifar-resnet20-b", 272_474),
        ("resnet34", 21_282_122),
        ("resnet50", 23_520_842),
        ("resnet101", 42_512_970),
        ("resnet152", 58_156_618),
        ("preact-resnet18", 11_171_146),
        ("preact-resnet18-bn", 11_172_170),
        ("preact-resnet50", 23_509_066),
        ("wrn-40-4", 8_949_210),
        ("wrn-70-16", 266_796_506),
        ("vgg11-bn", 9_231_114),
        ("vgg16-bn", 14_728_266),
        ("vgg19-bn", 20_040_522),
        ("vgg16:512-512", 15_245_130),
        ("mlp:256-256", 855_050),
        ("mlp:512", 1_578_506),
        ("cnn:32p0-32p0-M-64p0-64p0-M-fc200-fc200", 427_978),
        ("cnn:16k4s2p1-32k4s2p1-fc100", 214_918),
        ("timm:resnet18", 11_181_642),
        ("torchvision:resnet18", 11_181_642),
        ("wrn-28-4", 5_849_050),
        ("robustbench:WideResNet?depth=28,widen_factor=4", 5_849_050),
        ("robustbench:Wong2020Fast", 11_171_146),
    ],
)
def test_networks_have_the_published_size(name, count):
    assert parameters(name) == count


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("resnet18", "ResNet", ("BasicBlock", [2, 2, 2, 2], {})),
        ("resnet50", "ResNet", ("Bottleneck", [3, 4, 6, 3], {})),
        ("preact-resnet18-raw", "PreActResNet", ("PreActBlock", [2, 2, 2, 2], {})),
        (
            "preact-resnet18-bn",
            "PreActResNet",
            ("PreActBlock", [2, 2, 2, 2], {"bn_before_fc": True, "out_shortcut": True}),
        ),
    ],
)
def test_networks_compute_what_the_public_code_computes(name, theirs, options):
    with warnings.catch_warnings(action="ignore"):
        from robustbench.model_zoo.architectures import resnet
    block, blocks, further = options
    torch.manual_seed(0)
    published = getattr(resnet, theirs)(getattr(resnet, block), blocks, **further).eval()
    network = build_architecture(name, classes=10, input_shape=CIFAR).eval()
    network.load_state_dict(published.state_dict())
    images = torch.rand(2, *CIFAR)
    with torch.no_grad():
        assert torch.allclose(network(images), published(images), atol=1e-5)


def test_the_small_cnn_by_its_layers_is_the_registered_one():
    torch.manual_seed(0)
    known = build_architecture("cnn", classes=10, input_shape=(1, 8, 8)).eval()
    layered = build_architecture("cnn:32-64s2-fc64", classes=10, input_shape=(1, 8, 8)).eval()
    layered.load_state_dict(known.state_dict())
    images = torch.rand(4, 1, 8, 8)
    assert torch.equal(layered(images), known(images))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WideResNet-34-10", "wrn-34-10"),
        ("WRN_28_10", "wrn-28-10"),
        ("wrn40-2", "wrn-40-2"),
        ("wide_resnet_16x8", "wrn-16-8"),
        ("ResNet18", "resnet18"),
        ("resnet-50", "resnet50"),
        ("resnet32", "cifar-resnet32"),
        ("cifar10_resnet56", "cifar-resnet56"),
        ("resnet110_cifar", "cifar-resnet110"),
        ("PreActResNet18", "preact-resnet18"),
        ("pre_act_resnet_34", "preact-resnet34"),
        ("vgg16_bn", "vgg16-bn"),
        ("VGG19", "vgg19"),
        ("SmallCNN", "cnn:32p0-32p0-M-64p0-64p0-M-fc200-fc200"),
        ("cifar-resnet-20", "cifar-resnet20"),
        ("mpl", "mlp"),
    ],
)
def test_other_spellings_suggest_a_name_that_is_accepted(name, meant):
    with pytest.raises(InputError, match="unknown architecture") as refusal:
        build_skeleton(name, classes=10, input_shape=CIFAR)
    assert f"did you mean {meant!r}?" in str(refusal.value)
    assert meant in list_architectures() or find_family(meant)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wrn-100000-10", "depth of an architecture is 10 to 604, got 100000"),
        ("wrn-28-100000", "width of an architecture is 1 to 64"),
        ("wrn-604-64", "parameters or more; at most"),
        ("wrn-29-10", "not 6 * n + 4; the nearest are 28 and 34"),
        ("wrn-0-0", "depth of an architecture"),
        (f"wrn-{'9' * 5000}-10", "depth of an architecture"),
        ("cifar-resnet33", "not 6 * n + 2; the nearest are 32 and 38"),
        ("cifar-resnet99998", "depth of an architecture is 8 to 1,202"),
        ("mlp:999999", "1 to 16,384 units"),
        (f"mlp:{'-'.join(['16384'] * 40)}", "parameters; at most"),
        (f"mlp:{'-'.join(['2'] * 100)}", "up to 64 hidden layers"),
        ("cnn:99999", "widths are 1 to 8,192"),
        ("cnn:banana", "is not a layer of cnn"),
        ("cnn:32s0", "strides at least 1"),
        ("cnn:32-fc3-32", "after a linear layer"),
        ("cnn:" + "M-" * 9 + "32", "cannot take images of 3x32x32"),
        ("timm:resnet18?pretrained=true", "may not be given pretrained"),
        ("timm:resnet18?checkpoint_path=a.pth", "may not be given checkpoint_path"),
        ("timm:resnet18?nothing=3", "cannot build"),
        ("timm:vit_tiny_patch16_224?embed_dim=99999", "too large"),
        ("timm:vit_tiny_patch16_224?depth=16000,embed_dim=16384,num_heads=8", "too large"),
        ("timm:resnet18?", "is not an argument"),
        ("timm:resnet18?a=1,a=2", "twice"),
        ("timm:resnt18", "did you mean 'resnet18'"),
        ("torchvision:resnet18?weights=DEFAULT", "may not be given weights"),
        ("torchvision:fasterrcnn_resnet50_fpn", "unknown architecture of torchvision"),
        ("robustbench:WideResNt", "did you mean 'WideResNet'"),
        ("robustbench:WideResNet?deep=28", "did you mean 'depth'"),
        ("robustbench:Wong2020Fast?depth=3", "takes no arguments"),
        ("elsewhere:resnet18", "unknown architecture"),
        ("timm:", "unknown architecture"),
        ("", "unknown architecture"),
        ("wrn-28-10\x1b[31m\nrn", "unknown architecture"),
        ("x" * 100_000, "write at most 300"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line_at_once(name, reason):
    start = time.perf_counter()
    with pytest.raises(InputError) as refusal:
        build_skeleton(name, classes=10, input_shape=CIFAR)
    message = str(refusal.value)
    assert reason in message
    assert message.isprintable()
    assert len(message) < 800
    assert time.perf_counter() - start < 10


def test_no_pretrained_weights_are_asked_for(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", fail)
    monkeypatch.setattr("timm.models._builder.load_pretrained", fail)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    for name in ("timm:resnet18.a1_in1k", "torchvision:squeezenet1_1", "robustbench:ResNet18"):
        assert parameters(name) > 0


def test_networks_of_libraries_take_the_available_images():
    assert parameters("timm:resnet18", shape=(1, 28, 28)) == 11_175_370
    build_skeleton("timm:vit_tiny_patch16_224?patch_size=4", classes=10, input_shape=CIFAR)
    build_skeleton("torchvision:vit_b_16", classes=10, input_shape=CIFAR)


def test_a_skeleton_of_a_library_draws_no_random_numbers():
    before = torch.get_rng_state()
    build_skeleton("timm:resnet10t", classes=10, input_shape=CIFAR)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("cifar-resnet32", "cifar-resnet32"),
        ("mlp:256-256", "mlp:256-256"),
        ("timm:resnet18", "timm:resnet18"),
        ("timm:x?b=1&a=TRUE", "timm:x?a=true,b=1"),
        ("robustbench:X?n=2x2x2x2,p=0.10", "robustbench:X?n=2x2x2x2,p=0.1"),
    ],
)
def test_a_name_has_one_spelling(name, canonical):
    assert canonical_name(name) == canonical
    assert canonical_name(canonical) == canonical


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mlp:256-256", "MLP"),
        ("cnn:32-fc64", "CNN"),
        ("vgg16-bn:512-512", "VGG"),
        ("cifar-preact-resnet20", "PreAct ResNet"),
        ("wrn-40-4", "wide ResNet"),
        ("timm:vit_tiny_patch16_224?patch_size=4", "ViT"),
        ("net.py:make@0123456789ab", "other"),
    ],
)
def test_names_with_arguments_have_a_family_for_lists(name, expected):
    assert family(name) == expected


CODE = """
import pathlib, torch
pathlib.Path(__file__).with_name("ran").touch()

class Net(torch.nn.Sequential):
    def __init__(self, num_classes, width=8):
        linear = torch.nn.Linear(3072, width), torch.nn.Linear(width, num_classes)
        super().__init__(torch.nn.Flatten(), *linear)

def make(classes, input_shape):
    return Net(classes)

def broken():
    raise KeyError("inside")

nothing = 3
"""


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(CODE)
    return path


def test_code_is_run_where_it_is_trusted(code):
    network = build_skeleton(f"{code}:Net?width=16", classes=7, input_shape=CIFAR, trust=True)
    assert network(torch.rand(2, *CIFAR)).shape == (2, 7)
    assert parameters(f"{code}:make", trust=True) == 3073 * 8 + 9 * 10


def test_code_is_refused_before_its_file_is_touched(code):
    for name in (f"{code}:make", "/no/such/folder/net.py:make", f"{code}:make?width=3"):
        with pytest.raises(InputError, match="--trust"):
            build_skeleton(name, classes=10, input_shape=CIFAR)
    assert not code.with_name("ran").exists()


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("absent", "no class or function 'absent'"),
        ("nothing", "no class or function 'nothing'"),
        ("broken", "KeyError"),
        ("make?colour=3", "unexpected keyword"),
        ("pathlib", "no class or function"),
    ],
)
def test_trusted_code_that_fails_is_one_line(code, factory, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        build_skeleton(f"{code}:{factory}", classes=10, input_shape=CIFAR, trust=True)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def make(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_code_that_cannot_be_run_is_one_line(tmp_path, text, reason):
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(InputError, match=reason):
        build_skeleton(f"{tmp_path}/net.py:make", classes=10, input_shape=CIFAR, trust=True)
    with pytest.raises(InputError, match=r"none\.py does not exist; check the path"):
        build_skeleton(f"{tmp_path}/none.py:make", classes=10, input_shape=CIFAR, trust=True)


def test_noise_is_put_on_the_input_of_a_network_whose_weights_fit():
    shape, seeded = (1, 8, 8), torch.manual_seed
    seeded(0)
    plain = build_architecture("mlp", classes=10, input_shape=shape).eval()
    noisy = build_architecture("noise-0.25:mlp", classes=10, input_shape=shape).eval()
    noisy.load_state_dict(plain.state_dict())
    images = torch.rand(4, *shape)
    seeded(1)
    logits = noisy(images)
    seeded(1)
    assert torch.equal(logits, plain(images + 0.25 * torch.randn_like(images)))
    assert not torch.equal(logits, noisy(images))
    for name in ("noise-0.25:noise-0.25:mlp", "noise-0.25:timm:resnet18"):
        with pytest.raises(InputError, match="noise is put on a network of this package"):
            build_skeleton(name, classes=10, input_shape=shape)


def test_the_documentation_lists_every_family():
    pages = Path(__file__).parents[2] / "docs" / "zoo.md"
    text = pages.read_text("utf-8")
    assert [each.form for each in list_families() if f"`{each.form}`" not in text] == []
