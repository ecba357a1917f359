"""The checks of the model, in their order. They import PyTorch."""

from __future__ import annotations

from leaderboard.submissions.checks.accuracy_claim import AccuracyClaim
from leaderboard.submissions.checks.accuracy_usual import AccuracyUsual
from leaderboard.submissions.checks.architecture_missing import ArchitectureMissing
from leaderboard.submissions.checks.architecture_unknown import ArchitectureUnknown
from leaderboard.submissions.checks.at_chance import AtChance
from leaderboard.submissions.checks.batch_dependence import BatchDependence
from leaderboard.submissions.checks.batch_norm_statistics import BatchNormStatistics
from leaderboard.submissions.checks.changing_model import ChangingModel
from leaderboard.submissions.checks.channel_order import ChannelOrder
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.class_count import ClassCount
from leaderboard.submissions.checks.class_order import ClassOrder
from leaderboard.submissions.checks.duplicate import Duplicate
from leaderboard.submissions.checks.few_classes import FewClasses
from leaderboard.submissions.checks.forward_pass import ForwardPass
from leaderboard.submissions.checks.gradient_masking import GradientMasking
from leaderboard.submissions.checks.label_shift import LabelShift
from leaderboard.submissions.checks.memory_layout import MemoryLayout
from leaderboard.submissions.checks.nonfinite_logits import NonFiniteLogits
from leaderboard.submissions.checks.nonfinite_weights import NonFiniteWeights
from leaderboard.submissions.checks.normalization_conflict import NormalizationConflict
from leaderboard.submissions.checks.normalization_missing import NormalizationMissing
from leaderboard.submissions.checks.normalization_other import NormalizationOther
from leaderboard.submissions.checks.onnx_graph import OnnxGraph
from leaderboard.submissions.checks.random_outputs import RandomOutputs
from leaderboard.submissions.checks.robust_claim import RobustClaim
from leaderboard.submissions.checks.softmax_inside import SoftmaxInside
from leaderboard.submissions.checks.weights_mismatch import WeightsMismatch

MODEL_CHECKS: tuple[type[Check], ...] = (
    ArchitectureMissing,
    ArchitectureUnknown,
    WeightsMismatch,
    OnnxGraph,
    NonFiniteWeights,
    NormalizationConflict,
    BatchNormStatistics,
    ForwardPass,
    ClassCount,
    FewClasses,
    ChangingModel,
    NonFiniteLogits,
    RandomOutputs,
    BatchDependence,
    SoftmaxInside,
    AtChance,
    AccuracyClaim,
    AccuracyUsual,
    RobustClaim,
    NormalizationMissing,
    NormalizationOther,
    ChannelOrder,
    LabelShift,
    ClassOrder,
    MemoryLayout,
    Duplicate,
    GradientMasking,
)
"""From reading the weights to short attacks; each relies on those before it that are final."""
