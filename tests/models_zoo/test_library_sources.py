"""torchvision, timm and the Hugging Face hub, from files of weights drawn at random here."""

import json

import huggingface_hub
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from models_zoo import InputError, describe_model, load_model, sha256_file
from models_zoo.sources import hf_hub

IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalized(images, mean=IMAGENET_MEAN, std=IMAGENET_STD):
    return (images - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)


def drawn(network):
    """The network in eval mode, its weights drawn from a seed."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval()


def assert_is(model, network, images=IMAGES, **normalization):
    with torch.no_grad():
        expected = network(normalized(images, **normalization))
        assert torch.allclose(model(images), expected, atol=1e-5, rtol=1e-4)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert model.card.parameters == sum(p.numel() for p in network.parameters())


def test_torchvision_normalises_as_its_weights_say(tmp_path):
    network = drawn(torchvision.models.squeezenet1_1())
    torch.save(network.state_dict(), tmp_path / "a.pth")
    model = load_model(f"torchvision:squeezenet1_1?file={tmp_path / 'a.pth'}")
    assert_is(model, network)
    card = model.card
    assert (card.name, card.source) == ("torchvision:squeezenet1_1", "torchvision")
    assert (card.dataset, card.classes, card.input_shape) == ("imagenet", 1000, (3, 224, 224))
    assert card.sha256 == sha256_file(tmp_path / "a.pth")


def test_torchvision_s_cache_is_checked_against_the_hash_in_the_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    name = str(describe_model("torchvision:squeezenet1_1").checkpoint)
    torch.save(torchvision.models.squeezenet1_1().state_dict(), folder / name)
    with pytest.raises(InputError, match=f"{name} is not what"):
        load_model("torchvision:squeezenet1_1")


def test_torchvision_offers_several_weights():
    old, new = (
        describe_model(f"torchvision:resnet50?weights=IMAGENET1K_V{version}") for version in (1, 2)
    )
    assert old.checkpoint != new.checkpoint
    assert describe_model("torchvision:resnet50").checkpoint == new.checkpoint


def test_timm_gives_mean_deviation_and_size(tmp_path):
    network = drawn(timm.create_model("mobilenetv3_small_050"))
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    model = load_model(f"timm:mobilenetv3_small_050?file={tmp_path / 'a.safetensors'}")
    settings = timm.models.get_pretrained_cfg("mobilenetv3_small_050")
    assert_is(model, network, mean=settings.mean, std=settings.std)
    assert model.card.input_shape == tuple(settings.input_size)
    assert (model.card.source, model.card.classes) == ("timm", settings.num_classes)
    assert describe_model("timm:vit_base_patch16_224.augreg_in21k").mean == (0.5, 0.5, 0.5)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """``hub(repository, config, weights)`` lays a repository into the hub's cache, offline."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def lay(repository, config, weights=None, suffix="safetensors"):
        folder = tmp_path / f"models--{repository.replace('/', '--')}"
        files = folder / "snapshots" / ("a" * 40)
        files.mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text("a" * 40)
        (files / "config.json").write_text(
            config if isinstance(config, str) else json.dumps(config)
        )
        if weights is not None and suffix == "safetensors":
            save_file(weights, files / "model.safetensors")
        elif weights is not None:
            torch.save(weights, files / "pytorch_model.bin")
        return files

    return lay


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_a_repository_in_timm_s_form(hub, suffix):
    network = drawn(timm.create_model("mobilenetv3_small_050", num_classes=7))
    config = {
        "architecture": "mobilenetv3_small_050",
        "num_classes": 7,
        "pretrained_cfg": {
            "input_size": [3, 64, 64],
            "mean": [0.1, 0.2, 0.3],
            "std": [0.4, 0.5, 0.6],
            "license": "mit",
        },
    }
    hub("me/small", config, network.state_dict(), suffix)
    model = load_model("hf-hub:me/small?dataset=cifar10")
    assert_is(model, network, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    card = model.card
    assert (card.name, card.source) == ("hf-hub:me/small?dataset=cifar10", "hf-hub")
    assert (card.dataset, card.classes, card.input_shape) == ("cifar10", 7, (3, 64, 64))
    assert (card.licence, card.architecture) == ("mit", "timm:mobilenetv3_small_050")


def test_a_configuration_cannot_make_timm_read_other_files(hub):
    inner = {"input_size": [3, 64, 64], "mean": [0.5], "std": [0.5]}
    config = {
        "architecture": "mobilenetv3_small_050",
        "num_classes": 7,
        "pretrained_cfg": inner,
        "model_args": {"checkpoint_path": "elsewhere.pth"},
    }
    hub("me/odd", config, {"weight": torch.zeros(1)})
    with pytest.raises(InputError, match="may not set checkpoint_path"):
        load_model("hf-hub:me/odd")


def test_a_repository_with_a_card_of_this_zoo(hub):
    native = load_model("digits/mlp-standard")
    config = native.card.model_dump(mode="json", include={"architecture", "dataset", "input_shape"})
    config |= {"mean": native.card.mean, "std": native.card.std, "model_type": "other"}
    hub("me/digits", config, dict(native.network.state_dict()))
    model = load_model("hf-hub:me/digits")
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(model(images), native(images))
    assert model.fingerprint == native.fingerprint
    assert (model.card.dataset, model.card.parameters) == ("digits", native.card.parameters)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("no json", "config.json"),
        ({"model_type": "bert"}, "names no architecture"),
        ({"architecture": "mlp"}, "shape=3x32x32"),
        ({"architecture": "mlp", "input_shape": [1, 8, 8], "std": [0]}, "std must be positive"),
        ({"architecture": "unheard_of"}, "neither timm's nor a card"),
    ],
)
def test_a_repository_that_cannot_be_read_is_refused_by_name(hub, config, reason):
    hub("me/odd", config)
    with pytest.raises(InputError, match=reason) as refusal:
        load_model("hf-hub:me/odd")
    assert "hf-hub:me/odd" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_without_network_the_error_names_the_file_and_the_cache(hub, tmp_path):
    files = hub("me/empty", {"architecture": "mlp", "dataset": "digits"})
    for name, file in (("me/none", "config.json"), ("me/empty", "model.safetensors")):
        with pytest.raises(InputError, match=f"{file} of {name} is not in the cache") as refusal:
            load_model(f"hf-hub:{name}")
        assert str(tmp_path) in str(refusal.value)
    assert sorted(path.name for path in files.iterdir()) == ["config.json"]
    with pytest.raises(InputError, match=r"timm/resnet18\.a1_in1k is not in the cache"):
        load_model("timm:resnet18")


def test_weights_of_another_form_are_looked_for_only_where_the_first_are_not_there(
    hub, monkeypatch
):
    hub("me/digits", {"architecture": "mlp", "dataset": "digits"})
    asked = []

    def missing(repository, file, revision):
        asked.append(file)
        raise huggingface_hub.errors.EntryNotFoundError("404")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", missing)
    with pytest.raises(InputError):
        load_model("hf-hub:me/digits")
    assert asked == list(hf_hub.WEIGHTS)
