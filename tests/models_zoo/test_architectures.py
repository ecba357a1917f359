import pytest
import torch

from models_zoo import InputError, build_architecture, list_architectures
from models_zoo.architectures import build_skeleton, register

CIFAR = (3, 32, 32)


@pytest.mark.parametrize("name", list_architectures())
def test_every_architecture_gives_logits_for_the_asked_classes(name):
    network = build_architecture(name, classes=7, input_shape=CIFAR).eval()
    assert network(torch.rand(2, *CIFAR)).shape == (2, 7)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 9, 5)])
def test_the_small_architectures_take_images_of_any_shape(name, shape):
    network = build_architecture(name, classes=3, input_shape=shape)
    assert network(torch.rand(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize("name", ["mlp", "cnn", "cifar-resnet2b", "cifar-cnn-a"])
def test_the_plain_architectures_have_no_batch_norm(name):
    network = build_architecture(name, classes=10, input_shape=CIFAR)
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    # 0.27 and 0.85 million are the counts of the ResNet paper's table 6.
    [("cifar-resnet20", 269_722), ("cifar-resnet56", 853_018), ("resnet18", 11_173_962)],
)
def test_residual_networks_have_the_published_size(name, parameters):
    network = build_skeleton(name, classes=10, input_shape=CIFAR)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_to_prepare_a_network_for_weights_takes_no_compiler(forks):
    """It is imported, for seconds, where PyTorch draws normal numbers without storage."""
    code = (
        "import sys\n"
        "from models_zoo.architectures import build_skeleton, list_architectures\n"
        "for name in list_architectures():\n"
        "    build_skeleton(name, classes=10, input_shape=(3, 32, 32))\n"
        "texts = ('mean-linear:400', 'text-cnn:400', 'encoder-2:400', 'minilm-l6:400x6')\n"
        "for name in texts:\n"
        "    build_skeleton(name, classes=2, input_shape=(48,))\n"
        "print('torch._dynamo' in sys.modules)"
    )
    ran = forks.run(code=code)
    assert (ran.returncode, ran.stdout) == (0, "False\n"), ran.stderr


def test_an_unknown_architecture_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cifar-resnet20'"):
        build_architecture("cifar-resnet-20", classes=10, input_shape=CIFAR)


@pytest.mark.parametrize(
    ("classes", "shape", "reason"),
    [
        (1, CIFAR, "at least 2 classes"),
        (10, (3, 0, 32), "three positive numbers"),
        (10, (3, 32), "three positive numbers"),
        (10, (3, 2, 2), "cannot take images of 3x2x2"),
    ],
)
def test_what_does_not_fit_is_said(classes, shape, reason):
    with pytest.raises(InputError, match=reason):
        build_architecture("cifar-cnn-a", classes=classes, input_shape=shape)


def test_a_skeleton_draws_no_random_numbers():
    before = torch.get_rng_state()
    build_skeleton("cnn", classes=10, input_shape=(1, 8, 8))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        register("mlp")(lambda *, classes, input_shape: torch.nn.Identity())
