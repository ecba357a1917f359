"""Images are prepared as the models' authors prepare them, pixel by pixel."""

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image

from benchmark.datasets.images import read_image
from leaderboard.jobs.examples import preprocessing_for, preprocessing_of
from models_zoo import InputError, describe_model
from models_zoo.preprocessing import Preprocessing
from models_zoo.sources.timm import preprocessing_of as timm_preprocessing

TIMM = (
    "resnet18.a1_in1k",  # 224, 0.95, bicubic
    "efficientnet_b3.ra2_in1k",  # 288, 0.875, bicubic
    "inception_v3.tf_in1k",  # 299, 0.875, bicubic
    "inception_resnet_v2.tf_ens_adv_in1k",  # 299, 0.8975
    "vit_base_patch16_384.augreg_in21k_ft_in1k",  # 384, 1.0
    "mobilenetv3_small_050.lamb_in1k",  # 224, bicubic
    "convnext_tiny.in12k_ft_in1k_384",  # 384, 1.0, squashed
    "tf_efficientnet_b7.ap_in1k",  # 600, 0.949
    "levit_128s.fb_dist_in1k",  # 224, 0.9
    "resnet50.tv_in1k",  # bilinear
)


@pytest.fixture
def photograph(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((701, 487), Image.Resampling.BICUBIC)
    image.save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize("name", TIMM)
def test_as_timm_prepares_them(photograph, name):
    configuration = timm.models.get_pretrained_cfg(name).to_dict()
    settings = timm.data.resolve_data_config({}, pretrained_cfg=configuration)
    with Image.open(photograph) as image:
        expected = timm.data.create_transform(**settings, normalize=False)(image.convert("RGB"))
    card = describe_model(f"timm:{name}")
    assert card.preprocessing is not None
    found = read_image(photograph, card.preprocessing)
    assert found.shape == card.input_shape
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "efficientnet_b3", "inception_v3", "vit_b_16", "swin_v2_t", "regnet_y_16gf"],
)
def test_as_torchvision_prepares_them(photograph, name):
    weights = torchvision.models.get_model_weights(name).DEFAULT
    seen = weights.transforms()
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (seen.mean, seen.std))
    with Image.open(photograph) as image:
        expected = (seen(image.convert("RGB")) * std + mean) * 255
    card = describe_model(f"torchvision:{name}")
    assert card.preprocessing is not None
    found = read_image(photograph, card.preprocessing)
    assert found.shape == card.input_shape
    assert torch.equal(found, expected.round().byte())
    assert card.clean_accuracy == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100


def test_models_that_want_other_images_are_not_scored_together():
    alike = ["torchvision:resnet18", "torchvision:densenet121", "nets/a.onnx?dataset=imagenet"]
    assert preprocessing_for("imagenet", alike) == Preprocessing()
    with pytest.raises(
        InputError, match=r"torchvision:resnet18 takes.*timm:resnet18.*separate commands"
    ) as refusal:
        preprocessing_for("imagenet", ["torchvision:resnet18", "timm:resnet18"])
    assert "\n" not in str(refusal.value)
    assert preprocessing_for("cifar10", ["torchvision:resnet18", "timm:resnet18"]) is None
    assert preprocessing_for("imagenet", []) is None


@pytest.mark.parametrize(
    ("edge", "resize"), [(224, 256), (288, 329), (299, 341), (384, 438), (64, 73)]
)
def test_a_model_that_does_not_say_it_gets_the_usual_crop_of_its_size(edge, resize):
    card = describe_model("torchvision:resnet18").model_copy(
        update={"preprocessing": None, "input_shape": (3, edge, edge)}
    )
    assert preprocessing_of([card]) == Preprocessing(resize=resize, crop=edge)


def test_what_a_configuration_leaves_out_is_timm_s_default():
    found = timm_preprocessing({"input_size": (3, 240, 240)})
    assert found == Preprocessing(resize=274, crop=240, interpolation="bicubic")
    assert timm_preprocessing({"input_size": (3, 240, 320)}) is None
    assert timm_preprocessing({"input_size": (3, 240, 240), "crop_mode": "border"}) is None
