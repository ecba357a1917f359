"""The pictures of the scikit-image that is installed, of which no other test reads any."""

from importlib.util import find_spec

import pytest
import torch

from benchmark.concepts import concept_of
from benchmark.concepts.concept import TEXTURES
from tests.missing import missing


@pytest.fixture(autouse=True)
def _installed():
    if find_spec("skimage") is None:
        missing("scikit-image", "no pictures; pip install --no-deps scikit-image")


@pytest.mark.parametrize("name", [*TEXTURES, "faces"])
def test_the_concept_s_images_are_gray_and_all_different(name):
    concept, shape = concept_of(name), (3, 32, 32)
    tests = concept.test_images(60, shape)
    assert tests is not None
    assert int(tests.has.sum()) == (40 if name == "faces" else 128)
    drawn = torch.Generator().manual_seed(0)
    every = torch.cat(
        [concept.images(60, shape, drawn), concept.negatives(60, shape, drawn), tests.images]
    )
    assert 0 <= float(every.min()) < 0.1
    assert 0.7 < float(every.max()) <= 1
    assert len(every.flatten(1).unique(dim=0)) == len(every)
