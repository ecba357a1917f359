"""Which examples a run is about."""

import numpy as np
import pytest

from leaderboard.jobs.examples import evaluation_examples
from models_zoo import InputError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((6, 1, 8, 8), np.uint8), y=np.arange(6))
    return path


@pytest.mark.parametrize(
    ("count", "usual", "expected"), [(None, None, 6), (None, 4, 4), (None, 9, 6), (5, 4, 5)]
)
def test_the_number_asked_for_goes_before_the_battery_s(file, count, usual, expected):
    assert len(evaluation_examples("digits", file, None, count, usual=usual)) == expected


def test_more_than_there_are_is_refused_where_it_was_asked_for(file):
    with pytest.raises(InputError, match="give 1 to 6"):
        evaluation_examples("digits", file, None, 7)


def test_the_training_split_is_loaded_or_a_file_counts_as_from_it(file):
    data = evaluation_examples("digits", None, None, 10, split="train")
    assert (data.split, len(data)) == ("train", 10)
    assert evaluation_examples("digits", file, None, None, split="train").split == "train"
    assert evaluation_examples("digits", file, None, None).split == "test"
    with pytest.raises(InputError, match="unknown split 'trian'; did you mean 'train'"):
        evaluation_examples("digits", file, None, None, split="trian")


def test_labels_of_a_file_go_as_far_as_the_data_set_has_classes(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((2, 3, 32, 32), np.uint8), y=np.array([0, 99]))
    assert evaluation_examples("cifar100", path, None, None).classes == 100
    with pytest.raises(InputError, match="0 to 9, got 0 to 99"):
        evaluation_examples("cifar10", path, None, None)
