"""When memory runs out, batches are halved, whatever the device calls it."""

import pytest
import torch
from torch import nn

from benchmark import evaluate, load_battery, load_dataset
from benchmark.memory import out_of_memory
from benchmark.session import session_of
from models_zoo import InputError, load_model


class Hungry(nn.Module):
    """Asks for more memory than there is for batches above a size."""

    def __init__(self, most):
        super().__init__()
        self.network, self.most = load_model("digits/mlp-standard"), most

    def forward(self, images):
        if len(images) > self.most:
            torch.empty(2**50)
        return self.network(images)


def test_what_pytorch_and_python_raise_is_recognized():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    assert out_of_memory(raised.value)
    assert out_of_memory(MemoryError())
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not out_of_memory(RuntimeError("shapes differ"))
    assert not out_of_memory(ValueError("not enough memory of the past"))


def test_a_probe_begins_again_in_smaller_batches_with_the_same_scores():
    data = load_dataset("digits").head(32)
    notes: list[str] = []
    battery = load_battery("digits-v1")
    arguments = (data.images, data.labels, battery)
    with session_of(Hungry(99), *arguments, batch_size=5) as session:
        usual = session.run("intrinsic")
    with session_of(Hungry(5), *arguments, batch_size=20) as session:
        small = session.run("intrinsic", note=notes.append)
    assert notes == [
        "memory ran out; Intrinsic robustness begins again in batches of 10",
        "memory ran out; Intrinsic robustness begins again in batches of 5",
    ]
    assert small.scores == usual.scores


def test_where_one_image_is_too_much_the_error_is_raised():
    data = load_dataset("digits").head(4)
    with pytest.raises((RuntimeError, InputError), match="allocate memory"):
        evaluate(Hungry(0), data.images, data.labels, "digits-v1", ["clean"])
