"""A hundred networks with random weights, of many families, and small enough to score."""

from __future__ import annotations

import importlib
from typing import Any

import timm
import torchvision
from torch import nn

SMALL: dict[str, Any] = {"img_size": 64}

TIMM: dict[str, tuple[int, dict[str, Any]]] = {
    **{
        name: (64, {})
        for name in (
            *("resnet10t", "resnet18", "resnet26d", "resnetv2_50", "resnext26ts", "seresnet18"),
            *("skresnet18", "ecaresnet26t", "resnetblur18", "gcresnext26ts", "selecsls42"),
            *("res2net50_14w_8s", "resnest14d", "regnetx_002", "regnety_002", "regnetz_005"),
            *("densenet121", "densenetblur121d", "dla46_c", "ese_vovnet19b_slim_dw", "cspresnet50"),
            *(
                "hardcorenas_a",
                "mobilenetv2_050",
                "mobilenetv3_small_050",
                "mobilenetv4_conv_small",
            ),
            *("mnasnet_small", "semnasnet_075", "efficientnet_lite0", "efficientnet_b0"),
            *("tf_efficientnetv2_b0", "efficientnet_es", "mixnet_s", "fbnetc_100", "spnasnet_100"),
            *("tinynet_e", "lcnet_050", "ghostnet_100", "rexnet_100", "repvgg_a0", "mobileone_s0"),
            *("repghostnet_050", "fastvit_t8", "edgenext_xx_small", "mobilevit_xxs"),
            *("mobilevitv2_050", "convnext_atto", "convnext_atto_ols", "convnextv2_atto"),
            *("convnextv2_femto", "poolformer_s12", "poolformerv2_s12", "convformer_s18"),
            *("nf_regnet_b0", "nf_resnet26"),
            *("eca_nfnet_l0", "pvt_v2_b0", "hgnetv2_b0", "dpn48b", "gernet_s", "legacy_xception"),
            *("hrnet_w18_small", "efficientvit_b0", "darknet17"),
            *("lambda_resnet26t", "resnetv2_50d_evos", "resnetv2_50d_frn", "resnetv2_50d_gn"),
            *("test_efficientnet", "test_byobnet"),
        )
    },
    **dict.fromkeys(
        (
            *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"),
            *("cait_xxs24_224", "mixer_s32_224", "gmixer_12_224", "resmlp_12_224", "gmlp_ti16_224"),
            *("xcit_nano_12_p16_224", "vit_tiny_r_s16_p8_224", "flexivit_small", "coat_tiny"),
            *("vit_relpos_small_patch16_224", "vit_srelpos_small_patch16_224"),
        ),
        (64, SMALL),
    ),
    **{
        name: (224, {})
        for name in ("levit_128s", "efficientformer_l1", "efficientvit_m0", "tiny_vit_5m_224")
    },
}
"""Name, image size and arguments of networks of timm."""

TORCHVISION: dict[str, int] = {
    **dict.fromkeys(
        (
            *("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v2", "mobilenet_v3_small"),
            *("mnasnet0_5", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "densenet121"),
            *("efficientnet_b0", "convnext_tiny", "swin_t", "swin_v2_t"),
        ),
        64,
    ),
    "googlenet": 96,
}
"""Name and image size of networks of torchvision."""

ROBUSTBENCH: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ResNet18": ("resnet", "ResNet18", {}),
    "PreActResNet18": ("resnet", "PreActResNet18", {}),
    "ResNet50": ("resnet", "ResNet50", {}),
    "WideResNet-16-4": ("wide_resnet", "WideResNet", {"depth": 16, "widen_factor": 4}),
    "DMWideResNet-16-4": ("dm_wide_resnet", "DMWideResNet", {"depth": 16, "width": 4}),
    "DMPreActResNet-18": ("dm_wide_resnet", "DMPreActResNet", {"depth": 18}),
    "CifarResNeXt": (
        "resnext",
        "CifarResNeXt",
        {"cardinality": 4, "depth": 29, "base_width": 16},
    ),
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
