import pytest
import torch

from models_zoo import InputError, build_architecture
from models_zoo.architectures import build_skeleton
from models_zoo.checkpoint import fit_weights


def mlp_weights():
    return dict(build_architecture("mlp", classes=10, input_shape=(1, 8, 8)).state_dict())


def skeleton(name="mlp", shape=(1, 8, 8)):
    return build_skeleton(name, classes=10, input_shape=shape)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.module."])
def test_prefixes_of_wrappers_are_removed(prefix):
    weights = mlp_weights()
    network = skeleton()
    fit_weights(network, {prefix + k: v for k, v in weights.items()}, source="it")
    assert all(torch.equal(v, weights[k]) for k, v in network.state_dict().items())


def test_missing_and_unexpected_keys_are_named_a_few_at_a_time():
    weights = mlp_weights()
    weights["head.weight"] = weights.pop("linear3.weight")
    with pytest.raises(InputError, match=r"lacks linear3\.weight and has unexpected head\.weight"):
        fit_weights(skeleton(), weights, source="it")
    with pytest.raises(InputError, match=r"lacks bn1\.bias, \S+, \S+ and \d+ more"):
        fit_weights(skeleton("cifar-resnet20", (3, 32, 32)), mlp_weights(), source="it")


def test_wrong_shapes_are_named_with_both_shapes():
    weights = mlp_weights()
    weights["linear3.weight"] = torch.ones(7, 256)
    with pytest.raises(InputError, match=r"linear3\.weight is 7x256, should be 10x256"):
        fit_weights(skeleton(), weights, source="it")


def test_integers_where_weights_should_be_are_refused():
    weights = mlp_weights()
    weights["linear1.weight"] = weights["linear1.weight"].to(torch.int8)
    with pytest.raises(InputError, match=r"'linear1\.weight' as torch\.int8"):
        fit_weights(skeleton(), weights, source="it")


def test_a_refused_fit_leaves_the_network_as_it_was():
    network = build_architecture("mlp", classes=10, input_shape=(1, 8, 8))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    weights = mlp_weights()
    weights["linear3.bias"] = torch.ones(3)
    with pytest.raises(InputError):
        fit_weights(network, weights, source="it")
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_batch_norm_s_counter_may_be_missing():
    shape = (3, 32, 32)
    full = build_architecture("cifar-resnet20", classes=10, input_shape=shape).state_dict()
    weights = {k: v for k, v in full.items() if not k.endswith("num_batches_tracked")}
    network = skeleton("cifar-resnet20", shape)
    fit_weights(network, weights, source="it")
    assert not any(v.is_meta for v in network.state_dict().values())
    assert network.eval()(torch.rand(1, *shape)).isfinite().all()
