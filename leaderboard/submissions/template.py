"""The commented template of ``submission.toml`` that ``nonsingular submit --init`` writes."""

from __future__ import annotations

import os
from pathlib import Path

from models_zoo.display import shown
from models_zoo.errors import InputError

FILE = Path("submission.toml")
"""Where it is written by default."""

TEMPLATE = '''\
# A submission to the leaderboard: everything that the checkpoint does not contain.
# Check it with     nonsingular check CHECKPOINT --description submission.toml
# and submit it with  nonsingular submit CHECKPOINT --description submission.toml
# Lines that begin with # are comments; remove the # where a key applies to your model.

# Name on the leaderboard, such as "my-lab/resnet20-at".
name = "my-lab/my-model"

# Data set it was trained for: digits, mnist, fashion-mnist, cifar10, cifar100, svhn or imagenet.
dataset = "cifar10"

# Battery that scores it, by default the newest one of the data set.
# battery = "cifar10-linf-v1"

# Architecture with its arguments. Leave it out for an .onnx file, which contains its own.
# Ours: "cifar-resnet20", "wrn-34-10"; of libraries: "torchvision:resnet18", "timm:resnet18",
# "robustbench:WideResNet?depth=34".
architecture = "cifar-resnet20"

# What is subtracted from images in [0, 1] and divided by inside the model, one number per channel.
# By default what the file holds, else 0 and 1.
# mean = [0.4914, 0.4822, 0.4465]
# std = [0.2471, 0.2435, 0.2616]

# Which weights of a file with several sets: "raw", "ema" or their name in it.
# weights = "ema"

# For readers of the leaderboard.
# paper = "https://arxiv.org/abs/..."
# authors = "A. Author and B. Author"
# recipe = "pgd-at"
# licence = "MIT"
# notes = """
# Anything a reader should know.
# """

# Whether training used more than the data set's own training images, and which.
# extra_data = false
# extra_data_note = "1M images of a diffusion model"

# How to reach you. It is never published.
# contact = "name@example.org"

# Figures that you state. They are compared with what is measured, and differences are shown.
[claims]
# clean_accuracy = 0.8012
# robust_accuracy = 0.5123
# norm = "linf"
# eps = "8/255"
# attack = "AutoAttack"
'''


def write_template(path: Path = FILE) -> None:
    """Write the template to a new file.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    try:
        # Not through a temporary file: a rename would replace what exists.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError as error:
        raise InputError(
            f"{shown(path)} exists and is not overwritten; name another file"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        raise InputError(f"cannot write {shown(path)}: {reason}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(TEMPLATE)
