"""Without a budget nothing happens; with one, only what is handed back is different."""

import torch

from benchmark.spaces import select_weights


def test_without_a_budget_there_is_no_harm_and_the_weights_are_the_model_s(network, measure):
    answer = measure(network, 0.0)
    assert answer.harm == 0
    own = select_weights(network.model)
    for name, tensor in answer.weights.items():
        assert torch.equal(tensor, own[name]), name


def test_model_and_random_state_are_left_as_they_were(network, measure, again):
    found = again(measure, network)
    assert found.answer.harm != 0, "the attack must do something"
    assert found.after.random == found.before.random
    assert found.after.flags == found.before.flags
    assert found.after.tensors.keys() == found.before.tensors.keys()
    for name, tensor in found.after.tensors.items():
        assert torch.equal(tensor, found.before.tensors[name]), name
    assert all(parameter.grad is None for parameter in network.model.parameters())
