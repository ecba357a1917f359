"""The checks of the file alone, in their order. Nothing here imports PyTorch."""

from __future__ import annotations

from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.damaged_file import DamagedFile
from leaderboard.submissions.checks.declared_size import DeclaredSize
from leaderboard.submissions.checks.file_name import FileName
from leaderboard.submissions.checks.file_size import FileSize
from leaderboard.submissions.checks.file_type import FileType
from leaderboard.submissions.checks.unsafe_pickle import UnsafePickle
from leaderboard.submissions.checks.unusable_tensors import UnusableTensors
from leaderboard.submissions.checks.weights_choice import WeightsChoice

FILE_CHECKS: tuple[type[Check], ...] = (
    FileSize,
    FileType,
    FileName,
    UnsafePickle,
    DamagedFile,
    WeightsChoice,
    UnusableTensors,
    DeclaredSize,
)
"""They cost milliseconds, and come before anything that is expensive."""
