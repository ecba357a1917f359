"""ImageNet models of a library, from a folder tree to a row: prepared, labelled and flagged."""

import json

import pytest
import torch
import torchvision
from PIL import Image

GREYS = {"n01440764": 10, "n02099601": 110, "n15075141": 210}


@pytest.fixture
def tree(tmp_path):
    """Three of the thousand classes, four images each, and clutter."""
    val = tmp_path / "data" / "imagenet" / "val"
    for name, grey in GREYS.items():
        (val / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (60, 40), (grey, 4 * i, 99)).save(val / name / f"{i}.JPEG")
    (val / ".ipynb_checkpoints").mkdir()
    return val.parents[1]


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "a.pth")
    return tmp_path / "a.pth"


def test_a_torchvision_model_is_scored_on_a_folder_tree(here, tmp_path, tree, weights):
    options = ("--battery", "imagenet-linf-v1", "--data-root", tree, "--probe", "clean")
    code, out, err = here(
        "bench", f"torchvision:squeezenet1_1?file={weights}", *options, "--json", "r.json"
    )
    assert code == 0, err
    (report,) = json.loads((tmp_path / "r.json").read_text()).values()
    clean = report["results"]["clean"]
    assert clean["scores"]["accuracy"]["n"] == 12
    assert clean["protocol"]["preprocessing by the model's authors"].startswith(
        "shorter side resized to 256"
    )
    assert "Clean accuracy far below the card's. The card states 58.2%" in out
    (page,) = (tmp_path / "site" / "models").glob("*/index.html")
    assert "shorter side resized to 256 (bilinear), centre 224 x 224 cropped" in page.read_text()


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        (["torchvision:resnet18", "timm:resnet18"], "score them with separate commands"),
        (["digits/mlp-standard"], "is for digits"),
    ],
)
def test_what_cannot_be_scored_together_is_refused_before_anything_is_read(
    here, tmp_path, models, reason
):
    code, _, err = here("bench", *models, "--battery", "imagenet-linf-v1", "--data-root", tmp_path)
    assert code == 2
    assert reason in err
    assert "Traceback" not in err
