"""Without a budget nothing happens; with one, only what is handed back is different."""

import random

import numpy as np
import torch

from benchmark.spaces import select_weights


def random_states():
    """Of every generator that a process shares."""
    numpy_state = np.random.get_state()  # noqa: NPY002 - others may use the old one
    return torch.get_rng_state().tolist(), str(numpy_state), random.getstate()


def test_without_a_budget_there_is_no_harm_and_the_weights_are_the_model_s(network, measure):
    answer = measure(network, 0.0)
    assert answer.harm == 0
    own = select_weights(network.model)
    for name, tensor in answer.weights.items():
        assert torch.equal(tensor, own[name]), name


def test_model_and_random_state_are_left_as_they_were(network, measure):
    state = {name: tensor.clone() for name, tensor in network.model.state_dict().items()}
    flags = [parameter.requires_grad for parameter in network.model.parameters()]
    modes = [module.training for module in network.model.modules()]
    images, labels = network.images.clone(), network.labels.clone()
    before = random_states()
    answer = measure(network)
    assert random_states() == before
    assert answer.harm != 0, "the attack must do something"
    for name, tensor in network.model.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert [parameter.requires_grad for parameter in network.model.parameters()] == flags
    assert [module.training for module in network.model.modules()] == modes
    assert all(parameter.grad is None for parameter in network.model.parameters())
    assert torch.equal(network.images, images)
    assert torch.equal(network.labels, labels)
