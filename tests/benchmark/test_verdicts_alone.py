"""The outcome of an example does not depend on the other examples, nor on their order."""

import pytest
import torch

from benchmark import attack_inputs
from benchmark.draws import image_keys
from benchmark.subject import Subject

N = 6
CASES = [
    ("digits/cnn-pgd-at", "linf", 0.2, "standard"),
    ("digits/cnn-pgd-at", "l2", 0.4, "standard"),
    ("digits/mlp-standard", "l1", 1.0, "quick"),
    ("digits/cnn-standard", "linf", 0.1, "quick"),
]


@pytest.mark.parametrize(("name", "norm", "eps", "effort"), CASES)
def test_all_at_once_in_two_halves_and_one_by_one(zoo, digits, name, norm, eps, effort):
    data, model = digits.head(N), zoo(name)

    def outcomes(*parts):
        found = [
            attack_inputs(
                model, data.images[part], data.labels[part], norm=norm, eps=eps, effort=effort
            ).robust
            for part in parts
        ]
        return torch.cat(found)

    whole = outcomes(slice(None))
    assert whole.any()
    assert not whole.all()
    assert torch.equal(outcomes(slice(N // 2), slice(N // 2, None)), whole)
    assert torch.equal(outcomes(*(slice(row, row + 1) for row in range(N))), whole)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    assert torch.equal(outcomes(order), whole[order])


def test_images_have_keys_of_their_own(digits):
    images = digits.images[:50]
    keys = image_keys(images)
    assert keys.dtype == torch.int64
    assert len(set(keys.tolist())) == 50
    assert torch.equal(image_keys(images.flip(0)), keys.flip(0))
    changed = images.clone()
    changed[3, 0, 0, 0] += 2.0**-24
    assert (image_keys(changed) != keys).nonzero().flatten().tolist() == [3]


def test_views_of_a_subject_share_its_keys(zoo, digits, monkeypatch):
    data = digits.head(6)
    subject = Subject(zoo("digits/mlp-standard"), data.images, data.labels)
    keys = subject.keys
    monkeypatch.setattr("benchmark.subject.image_keys", None)
    rows = torch.tensor([4, 1])
    assert torch.equal(subject.take(rows).keys, keys[rows])
    assert torch.equal(subject.at({}).keys, keys)
