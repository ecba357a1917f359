"""A hundred networks with random weights, of many families, and small enough to score."""

from __future__ import annotations

import importlib
from typing import Any

import timm
import torchvision
from torch import nn

THIN: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 128)}
"""A residual network of one block a stage."""

SHALLOW: dict[str, Any] = {"img_size": 64, "embed_dim": 96, "depth": 3, "num_heads": 3}
"""A transformer of three blocks."""

TIMM: dict[str, tuple[int, dict[str, Any]]] = {
    **dict.fromkeys(
        (
            *("resnet10t", "regnetx_002", "regnety_002", "regnetz_005", "dla46_c", "mixnet_s"),
            *("ese_vovnet19b_slim_dw", "hardcorenas_a", "mobilenetv2_035", "mobilenetv2_050"),
            *("mobilenetv3_small_050", "mobilenetv3_small_100", "mobilenetv4_conv_small"),
            *("mnasnet_small", "mnasnet_050", "semnasnet_050", "semnasnet_075", "spnasnet_100"),
            *("tf_mobilenetv3_small_minimal_100", "efficientnet_lite0", "efficientnet_b0"),
            *("efficientnet_b0_gn", "efficientnet_b0_g16_evos", "efficientnet_blur_b0"),
            *("tf_efficientnetv2_b0", "efficientnet_es", "mobilenet_edgetpu_v2_s", "fbnetc_100"),
            *("tinynet_e", "tinynet_d", "lcnet_035", "lcnet_050", "ghostnet_050", "ghostnet_100"),
            *("repghostnet_050", "repghostnet_080", "rexnet_100", "repvgg_a0", "mobileone_s0"),
            *("repvit_m0_9", "fastvit_t8", "edgenext_xx_small", "mobilevit_xxs", "mobilevitv2_050"),
            *("convnext_atto", "convnext_atto_ols", "convnextv2_atto", "convnextv2_femto"),
            *("cs3darknet_s", "cs3darknet_focus_s", "nf_regnet_b0", "pvt_v2_b0", "hgnetv2_b0"),
            *("efficientvit_b0", "gernet_s", "densenet121", "test_efficientnet", "test_byobnet"),
            *("regnety_004", "mnasnet_075", "tinynet_c"),
        ),
        (64, {}),
    ),
    **dict.fromkeys(
        (
            *("resnet26d", "seresnet18", "ecaresnet26t", "resnetblur18"),
            *(
                "resnest14d",
                "resnext50_32x4d",
                "seresnext26d_32x4d",
            ),
        ),
        (64, THIN),
    ),
    **dict.fromkeys(
        ("resnetv2_50", "resnetv2_50d_frn"),
        (64, {"layers": (1, 1, 1, 1), "channels": (32, 64, 128, 256), "stem_chs": 16}),
    ),
    "poolformer_s12": (64, {}),
    "skresnet18": (64, {"channels": (16, 32, 64, 128)}),
    **dict.fromkeys(
        (
            *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"),
            *("flexivit_small", "vit_relpos_small_patch16_224", "vit_srelpos_small_patch16_224"),
            *("cait_xxs24_224", "xcit_nano_12_p16_224", "beit_base_patch16_224"),
            *("vit_medium_patch16_reg4_gap_256"),
        ),
        (64, SHALLOW),
    ),
    **dict.fromkeys(("resmlp_12_224", "gmlp_ti16_224"), (64, {"img_size": 64})),
    "nf_resnet26": (64, {"depths": (1, 1, 1, 1), "channels": (32, 64, 128, 256)}),
    "swin_tiny_patch4_window7_224": (
        64,
        {"img_size": 64, "window_size": 4, "embed_dim": 24, "depths": (1, 1, 1, 1)},
    ),
    "swinv2_tiny_window8_256": (
        64,
        {"img_size": 64, "window_size": 2, "embed_dim": 24, "depths": (1, 1, 1, 1)},
    ),
    "efficientvit_m0": (224, {}),
}
"""Name, image size and arguments of networks of timm."""

TORCHVISION: dict[str, int] = {
    **dict.fromkeys(
        (
            *("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v2", "mobilenet_v3_small"),
            *("mnasnet0_5", "regnet_y_400mf", "regnet_x_400mf", "mobilenet_v3_large"),
            *("efficientnet_b0", "shufflenet_v2_x1_0"),
        ),
        64,
    ),
    "googlenet": 96,
}
"""Name and image size of networks of torchvision."""

ROBUSTBENCH: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ResNet18": ("resnet", "ResNet18", {}),
    "PreActResNet18": ("resnet", "PreActResNet18", {}),
    "WideResNet-10-2": ("wide_resnet", "WideResNet", {"depth": 10, "widen_factor": 2}),
    "DMWideResNet-10-2": ("dm_wide_resnet", "DMWideResNet", {"depth": 10, "width": 2}),
    "DMPreActResNet-18": ("dm_wide_resnet", "DMPreActResNet", {"depth": 18}),
}
"""Name, module, class and arguments of networks of RobustBench, for images of 32 x 32."""

CASES = (
    *(f"timm:{name}" for name in TIMM),
    *(f"torchvision:{name}" for name in TORCHVISION),
    *(f"robustbench:{name}" for name in ROBUSTBENCH),
)


def build(case: str) -> tuple[nn.Module, int]:
    """A network of ten classes with random weights, and the side of its images.

    Args:
        case: one of :data:`CASES`.
    """
    source, _, name = case.partition(":")
    if source == "timm":
        side, arguments = TIMM[name]
        network: nn.Module = timm.create_model(name, num_classes=10, **arguments)
        return network, side
    if source == "torchvision":
        network = torchvision.models.get_model(name, weights=None, num_classes=10)
        return network, TORCHVISION[name]
    module, kind, arguments = ROBUSTBENCH[name]
    home = importlib.import_module(f"robustbench.model_zoo.architectures.{module}")
    return getattr(home, kind)(**arguments), 32
