"""Wide ResNets take RobustBench's checkpoints and then compute what its networks compute."""

import warnings

import pytest
import torch

from models_zoo.architectures import build_skeleton
from models_zoo.architectures.wide_resnet import WideResNet

CIFAR = (3, 32, 32)


def published(depth, width, classes=10):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from robustbench.model_zoo.architectures.wide_resnet import WideResNet as Theirs

        return Theirs(depth=depth, widen_factor=width, num_classes=classes).eval()


def shapes(network):
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "depth", "width", "parameters"),
    [
        ("wrn-16-4", 16, 4, 2_748_890),
        ("wrn-28-10", 28, 10, 36_479_194),
        ("wrn-34-10", 34, 10, 46_160_474),
    ],
)
def test_keys_shapes_and_size_are_the_published_ones(name, depth, width, parameters):
    network = build_skeleton(name, classes=10, input_shape=CIFAR)
    with torch.device("meta"):
        theirs = published(depth, width)
    assert shapes(network) == shapes(theirs)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize(("depth", "width"), [(10, 2), (16, 1)])
def test_the_same_weights_give_the_same_logits_and_gradients(depth, width):
    torch.manual_seed(0)
    theirs = published(depth, width, classes=7).train()
    for _ in range(3):
        theirs(torch.rand(16, *CIFAR))  # running statistics of its own
    theirs.eval()
    network = WideResNet(depth, width, 7, 3).eval()
    network.load_state_dict(theirs.state_dict())
    logits, slopes = [], []
    for each in (network, theirs):
        images = torch.rand(4, *CIFAR, generator=torch.Generator().manual_seed(1))
        out = each(images.requires_grad_())
        logits.append(out.detach())
        slopes.append(torch.autograd.grad(out.square().sum(), images)[0])
    assert float(logits[0].std()) > 0.01
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5 * float(slopes[0].abs().max()))


@pytest.mark.parametrize("depth", [4, 18, 27])
def test_a_depth_that_no_wide_resnet_has_is_refused(depth):
    with pytest.raises(ValueError, match=r"not 6 \* n \+ 4"):
        WideResNet(depth, 2, 10, 3)
