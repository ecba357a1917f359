"""A board on which one of the probes is somebody else's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmark.attacks.inputs import EFFORTS, register_effort
from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from benchmark.probes import PROBES, register_probe
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import score_models
from leaderboard.pages import render_site
from leaderboard.store import Store
from models_zoo import load_model
from tests.extending.brightness import BrightnessProbe
from tests.extending.fog import Fog
from tests.extending.random_signs import SignProbe

EXAMPLES = 60
MODELS = ("digits/mlp-standard", "digits/mlp-pgd-at")

BATTERY = {
    "name": "light-v1",
    "dataset": "digits",
    "description": "Digits in bright light.",
    "default": ["clean", "input", "brightness", "random-signs"],
    "probes": {
        "clean": {},
        "input": {
            "linf": ["0.1", "0.3"],
            "l2": ["1"],
            "headline_linf": "0.3",
            "headline_l2": "1",
            "effort": "fog",
        },
        "brightness": {"shifts": ["1/255", "13/510", "1/2"], "headline": "13/510"},
        "random-signs": {"radius": "0.2"},
    },
}


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The probes and the effort are known inside the block."""
    fresh = BrightnessProbe.name not in PROBES
    for probe in (BrightnessProbe, SignProbe):
        register_probe(probe)
    if fresh:
        register_effort("fog", [Fog()])
    try:
        yield
    finally:
        if fresh:
            EFFORTS.pop("fog")
            for probe in (BrightnessProbe, SignProbe):
                PROBES.pop(probe.name)


class Published(NamedTuple):
    """A store and the site of it."""

    store: Store
    site: Path


@pytest.fixture(scope="package")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Two models scored with the battery, stored and rendered."""
    folder = tmp_path_factory.mktemp("extending")
    store = Store.open(folder / "scores.sqlite")
    with registered():
        battery = Battery.model_validate(BATTERY)
        job = Run(battery, load_dataset("digits").head(EXAMPLES), battery.select(None))
        score_models([load_model(name) for name in MODELS], job, store)
        render_site(store, folder / "site")
        yield Published(store, folder / "site")
