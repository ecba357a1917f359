"""Submitting a model from memory: it is accepted if a file of it gives the same logits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor, nn

from benchmark import evaluation
from benchmark.arguments import device_of
from benchmark.batteries import Battery, battery_for, load_battery
from benchmark.data_fit import require_form
from benchmark.datasets import Dataset, load_dataset
from benchmark.module_state import unwrapped
from benchmark.report import Report as PlainReport
from benchmark.results import Flag
from benchmark.subject import Progress, Subject, subject_of
from leaderboard.formatting.slugs import slug
from leaderboard.pages import render_site
from leaderboard.pages.publish import require_site_place
from leaderboard.submissions.accuracy_check import explanations, with_flags
from leaderboard.submissions.admission import admit
from leaderboard.submissions.names import require_name, require_unlike
from leaderboard.submissions.normalizations import COMMON_NORMALIZATIONS
from leaderboard.submissions.workspace import keep, workspace_of
from models_zoo import list_models, load_file
from models_zoo.card import Card, Training
from models_zoo.checkpoint import FileBytes
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, first_problem, shown
from models_zoo.sources.proposals import propose
from nonsingular.doubts import doubts, flagging
from nonsingular.evaluation import CHECKED, Cache
from nonsingular.onnx_export import onnx_bytes
from nonsingular.report import Report

SAME = 1e-4
"""Largest difference of logits, relative to the largest logit, at which a file gives the same
model. Another order of float32 operations rounds by less than 1e-5; another normalization, stride
or pooling changes logits by far more."""

SAMPLE = 64
"""Number of images on which a file is compared with the model; all decide in the end."""


def submit(
    model: nn.Module,
    *,
    name: str,
    dataset: str | Dataset,
    architecture: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    battery: str | Path | Battery | None = None,
    probes: Sequence[str] | str | None = None,
    paper: str | None = None,
    licence: str | None = None,
    recipe: str | None = None,
    notes: str = "",
    examples: int | None = None,
    own_data: bool = False,
    database: str | Path = "nonsingular.sqlite",
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    progress: bool | Progress | None = None,
) -> Report:
    """Keep a model as a file, score it and put it on the leaderboard, as ``nonsingular submit``.

    What is scored is a file that others can read safely: the weights with the name of their
    architecture, or an ONNX graph. It must give the logits of ``model`` on the examples, otherwise
    the model is refused. Without ``architecture`` the known architectures that fit the weights are
    tried with the usual normalizations; a network of your own becomes an ONNX graph, for which
    ``nonsingular[onnx]`` has to be installed.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        name: on the leaderboard.
        dataset: the data set it was trained for, whose test images are evaluated; or the images.
        architecture: see :func:`models_zoo.build_architecture`.
        mean: subtracted from images inside the model, if the weights do not say.
        std: divided by inside the model, if the weights do not say.
        battery: by default the newest one of the data set.
        probes: only these probes of the battery, and ``clean``.
        paper: address of the paper.
        licence: SPDX identifier of the licence.
        recipe: how it was trained, such as ``"pgd-at"``.
        notes: anything a reader should know.
        examples: maximum number of examples, the first ones; by default the battery's number.
        own_data: whether to accept images or classes unlike those of the battery's data set.
        database: an SQLAlchemy URL, or the path of an SQLite file, created if missing. The file of
            the model is kept in ``.nonsingular/checkpoints`` next to it.
        out: folder that the leaderboard is rendered into afterwards; by default it is not, see
            :func:`nonsingular.render_site`.
        seed: root of every random draw.
        device: such as ``"cpu"``, ``"cuda"`` or ``"auto"``.
        batch_size: images passed through the model at once.
        progress: ``True`` for a display on the terminal or in the notebook, or a function that is
            called with short texts.

    Returns:
        The report of the model that was read back from the file.

    Raises:
        InputError: the model cannot be rebuilt from a file, is refused, or an argument is unusable.
    """
    require_name(name)
    if out is not None:
        require_site_place(Path(out))
    chosen = _battery(battery, dataset)
    data = load_dataset(dataset) if isinstance(dataset, str) else dataset
    count = examples or chosen.examples
    data = data if count is None else data.head(min(count, len(data)))
    require_form(chosen, data.images, data.labels, own_data=own_data)
    file, rebuilt = rebuilt_from_file(model, data, name, architecture, mean, std)
    rebuilt.card = _described(rebuilt.card, paper, licence, recipe, notes)
    require_unlike(name, list_models())
    device = str(device_of(device))
    admit(rebuilt, data, lambda: " ".join(explanations(rebuilt, data)))
    kept = Cache(database, rebuilt.card, chosen, submitted=True)
    require_unlike(name, kept.stored.names().values())
    keep(file, workspace_of(database))
    needed = list(dict.fromkeys([CHECKED, *chosen.select(probes)]))
    flags: list[Flag] = []
    if not kept.has(needed, rebuilt, data.images, data.labels, seed, device):
        flags = doubts(
            *(rebuilt, rebuilt.card, data.images, data.labels),
            device=device,
            batch_size=batch_size,
        )
    plain = evaluation.evaluate(
        rebuilt,
        data,
        battery=chosen,
        probes=needed,
        seed=seed,
        device=device,
        batch_size=batch_size,
        own_data=own_data,
        known=kept.find,
        on_result=flagging(kept.add, flags, needed),
        progress=progress,
    )
    results = {name: with_flags(each, flags, needed) for name, each in plain.results.items()}
    scored = PlainReport(plain.provenance, results)
    report = Report.of(scored, rebuilt.card, chosen, kept.reused)
    if out is not None:
        render_site(kept.stored, Path(out))
    return report


def rebuilt_from_file(
    model: nn.Module,
    data: Dataset,
    name: str,
    architecture: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> tuple[FileBytes, Classifier]:
    """A file of a model, and the model that is read from it, with the same logits.

    Args:
        model: any module.
        data: the examples that both are compared on.
        name: of the model.
        architecture: see :func:`submit`.
        mean: see :func:`submit`.
        std: see :func:`submit`.

    Raises:
        InputError: no file gives the model's logits.
    """
    with subject_of(model, data.images, data.labels) as subject:
        tried: list[str] = []
        for found in _candidates(subject, data, name, architecture, mean, std, tried):
            if _same(found[1], subject, SAMPLE) and _same(found[1], subject, len(data)):
                return found
    raise InputError(_refusal(architecture, tried))


def _candidates(
    subject: Subject,
    data: Dataset,
    name: str,
    architecture: str | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    tried: list[str],
) -> Iterator[tuple[FileBytes, Classifier]]:
    """Files with the models that are read from them; ``tried`` gets what each one was."""
    network = unwrapped(subject.model)
    if isinstance(network, Classifier):
        card = network.card
        if not card.brings_network:
            architecture = architecture or card.architecture
            mean, std, network = mean or card.mean, std or card.std, network.network
    file = _weights_file(network, name)
    fitting = propose(_tensors(network), data.image_shape, data.classes).architectures
    names = [architecture] if architecture is not None else list(fitting)
    given = mean is not None or std is not None
    usual = ((mean, std),) if given else COMMON_NORMALIZATIONS.get(data.image_shape[0], ())
    for called, (subtracted, divided) in product(names, usual or ((None, None),)):
        tried.append(called)
        try:
            yield (
                file,
                load_file(
                    file,
                    name=name,
                    architecture=called,
                    dataset=data.name,
                    classes=data.classes,
                    input_shape=data.image_shape,
                    mean=subtracted,
                    std=divided,
                    source="submitted",
                ),
            )
        except InputError:
            if architecture is not None:
                raise
    if architecture is None:
        tried.append("an ONNX graph")
        graph = file_of(onnx_bytes(subject.model, subject.images), name, ".onnx")
        found = load_file(
            graph,
            name=name,
            dataset=data.name,
            classes=data.classes,
            input_shape=data.image_shape,
            source="submitted",
        )
        yield graph, found


def _same(found: Classifier, subject: Subject, count: int) -> bool:
    """Whether a model gives the subject's logits on its first images, up to rounding."""
    with torch.no_grad():
        try:
            theirs = torch.cat(
                [found(part) for part in torch.split(subject.images[:count], subject.batch_size)]
            )
        except (RuntimeError, ValueError):  # another architecture that the weights happen to fit
            return False
    own = subject.logits()[:count]
    if theirs.shape != own.shape:
        return False
    scale = max(float(own.abs().max()), 1.0)
    return bool((theirs - own).abs().max() <= SAME * scale)


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    if wrong := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise InputError(
            f"the model's entry {shown(wrong[0])} is not a tensor, so no file of weights can hold "
            "it; submit a model whose state dict has tensors alone"
        )
    return dict(state)


def _weights_file(network: nn.Module, name: str) -> FileBytes:
    """The weights as the bytes of a safetensors file."""
    tensors = _tensors(network).items()
    own = {key: value.detach().cpu().contiguous().clone() for key, value in tensors}
    return file_of(save(own), name, ".safetensors")


def file_of(content: bytes, name: str, suffix: str) -> FileBytes:
    """A file in memory, called after a model."""
    return FileBytes(Path(f"{slug(name)}{suffix}"), content, hashlib.sha256(content).hexdigest())


def _battery(battery: str | Path | Battery | None, dataset: str | Dataset) -> Battery:
    name = dataset if isinstance(dataset, str) else dataset.name
    if battery is None:
        return battery_for(name)
    chosen = load_battery(battery) if isinstance(battery, str | Path) else battery
    if chosen.dataset != name:
        raise InputError(f"battery {shown(chosen.name)} is for {chosen.dataset}, not {shown(name)}")
    return chosen


def _described(
    card: Card, paper: str | None, licence: str | None, recipe: str | None, notes: str
) -> Card:
    """The card with what the submitter says."""
    training = Training(recipe=recipe, data="as stated by the submitter") if recipe else None
    said = {"paper": paper, "licence": licence, "notes": notes, "training": training}
    try:
        return Card.model_validate(card.model_dump() | said)
    except ValidationError as error:
        argument, reason, given = first_problem(error)
        raise InputError(f"{argument}: {reason}, got {given!r}") from error


def _refusal(architecture: str | None, tried: Sequence[str]) -> str:
    what = ", ".join(dict.fromkeys(tried))
    if architecture is not None:
        return (
            f"the model is refused: its weights in {shown(architecture)} give other logits; check "
            "mean, std and architecture"
        )
    return (
        f"the model is refused: rebuilt from a file it gives other logits (tried: {what}); give "
        "architecture, mean and std"
    )
