"""RobustBench's models by name, from files laid where its own loader keeps them."""

import gdown
import pytest
import torch
from robustbench.model_zoo import model_dicts
from robustbench.model_zoo.enums import BenchmarkDataset, ThreatModel

from models_zoo import InputError, describe_model, load_model, sha256_file

NAME = "robustbench:cifar10/Linf/Wong2020Fast"
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    entry = model_dicts[BenchmarkDataset.cifar_10][ThreatModel.Linf]["Wong2020Fast"]
    return entry["model"]().eval()


@pytest.fixture
def folder(network, tmp_path):
    """A folder of RobustBench's with a checkpoint in its form."""
    place = tmp_path / "models" / "cifar10" / "Linf"
    place.mkdir(parents=True)
    torch.save(
        {f"module.{k}": v for k, v in network.state_dict().items()}, place / "Wong2020Fast.pt"
    )
    return tmp_path / "models"


@pytest.fixture
def offline(monkeypatch):
    def fail(**_):
        raise ConnectionError("no network\nsecond line")

    monkeypatch.setattr(gdown, "download", fail)


def assert_is(model, network, folder):
    with torch.no_grad():
        assert torch.equal(model(IMAGES), network(IMAGES))
    card = model.card
    assert (card.name, card.source, card.dataset) == (NAME, "robustbench", "cifar10")
    assert (card.classes, card.input_shape, card.mean, card.std) == (10, (3, 32, 32), (0,), (1,))
    assert card.sha256 == sha256_file(folder / "cifar10" / "Linf" / "Wong2020Fast.pt")
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_a_checkpoint_in_its_cache_is_loaded(network, folder, offline, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert_is(load_model(NAME), network, folder)


def test_its_weights_can_be_exchanged_and_differentiated(network, folder, offline):
    model = load_model(f"{NAME}?model_dir={folder}")
    weights = {name: p.detach().requires_grad_() for name, p in model.named_parameters()}
    logits = torch.func.functional_call(model, weights, (IMAGES,))
    slopes = torch.autograd.grad(logits.square().sum(), list(weights.values()))
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)
    assert sum(float(slope.abs().sum()) for slope in slopes) > 0


def test_the_folder_can_be_named(network, folder, offline, monkeypatch):
    assert_is(load_model(f"{NAME}?model_dir={folder}"), network, folder)
    monkeypatch.setenv("NONSINGULAR_ROBUSTBENCH", str(folder))
    assert_is(load_model(NAME), network, folder)


def test_without_file_and_network_the_error_says_what_was_tried(tmp_path, offline, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no network") as refusal:
        load_model(NAME)
    message = str(refusal.value)
    assert "\n" not in message
    assert f"put it at {tmp_path / 'models' / 'cifar10' / 'Linf' / 'Wong2020Fast.pt'}" in message
    for part in ("Google Drive (id 1Re--_", "?model_dir=", "NONSINGULAR_ROBUSTBENCH"):
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_does_not_fit_is_refused_by_name(folder, offline):
    path = folder / "cifar10" / "Linf" / "Wong2020Fast.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"Wong2020Fast\.pt.*download it again"):
        load_model(f"{NAME}?model_dir={folder}")


def test_a_checkpoint_that_would_run_code_does_not(folder, offline, tmp_path):
    class Hostile:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    torch.save({"state_dict": Hostile()}, folder / "cifar10" / "Linf" / "Wong2020Fast.pt")
    with pytest.raises(InputError, match=r"Wong2020Fast\.pt"):
        load_model(f"{NAME}?model_dir={folder}")
    assert not (tmp_path / "executed").exists()


def test_every_model_of_its_zoo_has_a_card():
    for dataset, threats in model_dicts.items():
        for threat, models in threats.items():
            for name in models:
                card = describe_model(f"robustbench:{dataset.value}/{threat.value}/{name}")
                assert card.dataset == dataset.value
