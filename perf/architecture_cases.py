"""A hundred networks with random weights, of many families, and small enough to score."""

from __future__ import annotations

import importlib
from typing import Any

import timm
import torchvision
from torch import nn

ONE_BLOCK = (1, 1, 1, 1)
"""Blocks in each of four stages."""

NARROW: dict[str, Any] = {"depths": ONE_BLOCK, "dims": (16, 32, 64, 128)}
"""One block per stage, few channels."""

THIN: dict[str, Any] = {"layers": ONE_BLOCK, "channels": (16, 32, 64, 128)}
"""A residual network of one block per stage."""

UNNORMALIZED: dict[str, Any] = {"depths": ONE_BLOCK, "channels": (32, 64, 128, 256)}
"""A normalizer-free network of one block per stage."""

SHALLOW: dict[str, Any] = {"img_size": 64, "embed_dim": 96, "depth": 3, "num_heads": 3}
"""A transformer of three blocks."""

WINDOWS: dict[str, Any] = {"img_size": 64, "embed_dim": 24, "depths": ONE_BLOCK}
"""A transformer of windows with one block per stage."""

MIXER: dict[str, Any] = {"img_size": 64, "embed_dim": 64, "num_blocks": 3}
"""A mixer of three blocks."""

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
            *("cs3darknet_s", "cs3darknet_focus_s", "pvt_v2_b0", "hgnetv2_b0"),
            *("efficientvit_b0", "gernet_s", "densenet121", "test_efficientnet", "test_byobnet"),
            *("regnety_004", "mnasnet_075", "tinynet_c"),
        ),
        (64, {}),
    ),
    **dict.fromkeys(
        (
            *("resnet26d", "seresnet18", "ecaresnet26t", "resnetblur18"),
            *("resnest14d", "resnext50_32x4d", "seresnext26d_32x4d", "res2net50_14w_8s"),
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
            *("vit_medium_patch16_reg4_gap_256", "vit_pwee_patch16_reg1_gap_256"),
        ),
        (64, SHALLOW),
    ),
    "eva02_tiny_patch14_224": (56, SHALLOW | {"img_size": 56}),
    "convit_tiny": (64, {"img_size": 64, "embed_dim": 24, "depth": 3}),
    "twins_svt_small": (
        64,
        {"img_size": 64, "embed_dims": (16, 32, 64, 128), "depths": ONE_BLOCK},
    ),
    "davit_tiny": (
        64,
        {"embed_dims": (24, 48, 96, 192), "depths": ONE_BLOCK, "num_heads": (1, 2, 3, 6)},
    ),
    **dict.fromkeys(
        ("convnext_atto", "convnext_atto_ols", "convnextv2_atto", "inception_next_tiny"),
        (64, NARROW),
    ),
    **dict.fromkeys(("nf_resnet26", "nf_ecaresnet26", "nf_seresnet26"), (64, UNNORMALIZED)),
    "nf_regnet_b0": (64, {"depths": ONE_BLOCK, "channels": (16, 32, 64, 128)}),
    **dict.fromkeys(
        ("eca_nfnet_l0", "dm_nfnet_f0"),
        (64, {"depths": ONE_BLOCK, "channels": (256, 256, 512, 512)}),
    ),
    "swin_tiny_patch4_window7_224": (64, WINDOWS | {"window_size": 4}),
    "swinv2_tiny_window8_256": (64, WINDOWS | {"window_size": 2}),
    "swinv2_cr_tiny_224": (64, WINDOWS | {"window_size": 2}),
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

ROBUSTBENCH = "robustbench.model_zoo.architectures."

CLASSES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "timm:vit_tiny_patch16_224 (RMSNorm)": (
        *("timm.models.vision_transformer:VisionTransformer", 64),
        SHALLOW | {"norm_layer": "class timm.layers:RmsNorm"},
    ),
    "timm:MlpMixer": ("timm.models.mlp_mixer:MlpMixer", 64, MIXER),
    "timm:MlpMixer (ResMLP)": (
        *("timm.models.mlp_mixer:MlpMixer", 64),
        MIXER | {"block_layer": "class timm.models.mlp_mixer:ResBlock", "mlp_ratio": 4},
    ),
    "timm:MlpMixer (gMLP)": (
        *("timm.models.mlp_mixer:MlpMixer", 64),
        {
            **MIXER,
            "block_layer": "class timm.models.mlp_mixer:SpatialGatingBlock",
            "mlp_layer": "class timm.layers:GatedMlp",
            "mlp_ratio": 6,
        },
    ),
    "timm:ConvMixer": ("timm.models.convmixer:ConvMixer", 64, {"dim": 64, "depth": 4}),
    "timm:MetaFormer (ConvFormer)": (
        *("timm.models.metaformer:MetaFormer", 64),
        NARROW | {"token_mixers": "class timm.models.metaformer:SepConv"},
    ),
    "timm:FocalNet": (
        *("timm.models.focalnet:FocalNet", 64),
        {"embed_dim": 24, "depths": ONE_BLOCK, "layerscale_value": 1e-4},
    ),
    "torchvision:VisionTransformer": (
        *("torchvision.models:VisionTransformer", 64),
        {
            **{"image_size": 64, "patch_size": 16, "num_layers": 3, "num_heads": 3},
            **{"hidden_dim": 96, "mlp_dim": 192},
        },
    ),
    "torchvision:SwinTransformer": (
        *("torchvision.models:SwinTransformer", 64),
        {
            **{"patch_size": [4, 4], "embed_dim": 24, "depths": ONE_BLOCK},
            **{"num_heads": [1, 2, 4, 8], "window_size": [4, 4]},
        },
    ),
    "torchvision:ResNet-10": (
        *("torchvision.models:ResNet", 64),
        {"block": "class torchvision.models.resnet:BasicBlock", "layers": [1, 1, 1, 1]},
    ),
    "torchvision:DenseNet-19": (
        *("torchvision.models:DenseNet", 64),
        {"growth_rate": 12, "block_config": (2, 2, 2, 2), "num_init_features": 24},
    ),
    "robustbench:ResNet-10": (
        *(f"{ROBUSTBENCH}resnet:ResNet", 32),
        {"block": f"class {ROBUSTBENCH}resnet:BasicBlock", "num_blocks": [1, 1, 1, 1]},
    ),
    "robustbench:PreActResNet-10": (
        *(f"{ROBUSTBENCH}resnet:PreActResNet", 32),
        {"block": f"class {ROBUSTBENCH}resnet:PreActBlock", "num_blocks": [1, 1, 1, 1]},
    ),
    "robustbench:WideResNet-10-2": (
        *(f"{ROBUSTBENCH}wide_resnet:WideResNet", 32),
        {"depth": 10, "widen_factor": 2},
    ),
    "robustbench:DMWideResNet-10-2": (
        *(f"{ROBUSTBENCH}dm_wide_resnet:DMWideResNet", 32),
        {"depth": 10, "width": 2, "activation_fn": "class torch.nn:SiLU"},
    ),
    "robustbench:RobustWideResNet": (
        *(f"{ROBUSTBENCH}robust_wide_resnet:RobustWideResNet", 32),
        {"channel_configs": [16, 32, 64, 128], "depth_configs": [1, 1, 1]},
    ),
    "robustbench:PreActResNet (RobustResNet)": (
        *(f"{ROBUSTBENCH}robust_resnet:PreActResNet", 32),
        {
            "channel_configs": (16, 32, 64, 128),
            "depth_configs": (1, 1, 1),
            "activations": ("SiLU", "SiLU", "SiLU"),
        },
    ),
    "robustbench:CifarResNeXt-29": (
        *(f"{ROBUSTBENCH}resnext:CifarResNeXt", 32),
        {
            "block": f"class {ROBUSTBENCH}resnext:ResNeXtBottleneck",
            **{"depth": 29, "cardinality": 2, "base_width": 8},
        },
    ),
    "robustbench:WidePreActResNet": (
        *(f"{ROBUSTBENCH}CARD_resnet:WidePreActResNet", 32),
        {"num_blocks": [1, 1, 1, 1], "widen_factor": 1},
    ),
    "robustbench:PAF_WideResNet-10-2": (
        *(f"{ROBUSTBENCH}paf_wide_resnet:PAF_WideResNet", 32),
        {
            "activation": f"new {ROBUSTBENCH}paf_wide_resnet:PSSiLU",
            **{"depth": 10, "widen_factor": 2},
        },
    ),
    "robustbench:ConvNeXtV2": (f"{ROBUSTBENCH}convnext_v2:ConvNeXtV2", 64, NARROW),
    "robustbench:SwinTransformer (MIMIR)": (
        *(f"{ROBUSTBENCH}MIMIR_swin_transformer:SwinTransformer", 32),
        {
            **{"img_size": 32, "patch_size": 2, "embed_dim": 24, "depths": [1, 1, 1]},
            **{"num_heads": [1, 2, 4], "window_size": 4},
        },
    ),
    "robustbench:NormalizedWideResNet (RaWRN)": (
        *(f"{ROBUSTBENCH}robustarch_wide_resnet:NormalizedWideResNet", 32),
        {
            **{"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "stem_width": 16},
            **{"depth": (1, 1, 1), "stage_width": (32, 64, 128), "groups": (1, 1, 1)},
            **{"activation_fn": "class torch.nn:SiLU", "se_ratio": 0.25, "se_order": 2},
            "se_activation": "class torch.nn:ReLU",
        },
    ),
    "robustbench:MeanSparse_DMWideResNet-10-2": (
        *(f"{ROBUSTBENCH}Meansparse_wrn_94_16:MeanSparse_DMWideResNet", 32),
        {"depth": 10, "width": 2},
    ),
}
"""Networks that are built from their class: its path, image size and arguments.

As an argument, ``class PATH`` is the class at that path and ``new PATH`` an object of it.
"""

CASES = (
    *CLASSES,
    *(f"torchvision:{name}" for name in TORCHVISION),
    *(f"timm:{name}" for name in TIMM),
)


def build(case: str) -> tuple[nn.Module, int]:
    """A network of ten classes with random weights, and the side length of its images.

    Args:
        case: one of :data:`CASES`.
    """
    if case in CLASSES:
        place, side, arguments = CLASSES[case]
        network: nn.Module = _found(place)(num_classes=10, **_resolved(arguments))
        return network, side
    source, _, name = case.partition(":")
    if source == "timm":
        side, arguments = TIMM[name]
        return timm.create_model(name, num_classes=10, **arguments), side
    return torchvision.models.get_model(name, weights=None, num_classes=10), TORCHVISION[name]


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _resolved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each) for each in value]
    if isinstance(value, str):
        kind, _, place = value.partition(" ")
        if kind == "class":
            return _found(place)
        if kind == "new":
            return _found(place)()
    return value
