"""What a command asks to be scored: models, battery, examples and how to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.batteries import (
    Battery,
    battery_for,
    battery_for_methods,
    is_battery_file,
    load_battery,
)
from benchmark.method_subjects import method_advice, model_advice
from benchmark.random_models import random_advice, refusing_probes
from leaderboard.jobs.examples import preprocessing_for
from leaderboard.jobs.model_selection import checkpoint_source, require_file
from leaderboard.jobs.run import Run
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.terminal.model_notes import print_notes
from leaderboard.terminal.output import note
from models_zoo import list_models, load_card
from models_zoo.architectures import is_random
from models_zoo.card import UNKNOWN_DATASET
from models_zoo.catalog import LISTED_BY
from models_zoo.classifier import Classifier
from models_zoo.display import printable, shown
from models_zoo.errors import InputError, unknown_name
from models_zoo.methods import is_method, list_methods
from models_zoo.sources import dataset_of, describe_model, missing_package, parse_reference


@dataclass(frozen=True)
class Request:
    """The options of a command that scores models, or plans to.

    Attributes:
        models: names, with wildcards; none for the bundled models of the battery's data set.
        battery: the option --battery; ``None`` for that of the models' data set.
        probes: the option --probe; none for the battery's.
        examples: the option --examples.
        data: the option --data.
        data_root: the option --data-root.
        own_data: the option --own-data.
        split: the option --split.
        checkpoint: the option --checkpoint, in place of models by name; with it
            ``architecture``, ``mean``, ``std`` and ``weights``.
        trust: the option --trust.
        seed: the option --seed.
        device: where to compute.
        batch_size: the option --batch-size.
        fresh: the option --fresh.
    """

    models: tuple[str, ...] = ()
    battery: str | None = None
    probes: tuple[str, ...] = ()
    examples: int | None = None
    data: Path | None = None
    data_root: Path | None = None
    own_data: bool = False
    split: str = "test"
    checkpoint: Path | None = None
    architecture: str | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    weights: str | None = None
    trust: bool = False
    seed: int = 0
    device: str = "cpu"
    batch_size: int | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Loaded:
    """What a request means, loaded.

    Attributes:
        run: what every model is scored with.
        models: the models.
        sources: what loads each of them in another process.
    """

    run: Run
    models: list[Classifier]
    sources: list[ModelSource]


def load_request(request: Request) -> Loaded:
    """Load the models and examples of a request.

    Raises:
        InputError: an unknown model or battery, options that do not go together, or a file that
            cannot be used.
    """
    checkpoint = request.checkpoint
    names, battery = _choose(
        list(request.models), request.battery, checkpoint, own_data=request.own_data
    )
    probes = battery.select(request.probes or None)
    names = _without_missing_packages(names, request.models)
    if refusing_probes(probes) and not battery.takes_methods:
        names = _without_random_models(names, request.models, battery)
    data_source = DataSource(
        dataset=battery.dataset,
        file=request.data,
        data_root=request.data_root,
        count=request.examples,
        split=request.split,
        preparation=preprocessing_for(battery.dataset, names),
        own_data=request.own_data,
    )
    data = data_source.load(battery)
    require_file(checkpoint, request.weights)
    if checkpoint is not None:
        sources = [
            checkpoint_source(
                *(checkpoint, request.architecture, battery.dataset, data),
                mean=request.mean,
                std=request.std,
                trust=request.trust,
                weights=request.weights,
            )
        ]
    else:
        sources = [
            ModelSource(name=name, dataset=battery.dataset, trust=request.trust) for name in names
        ]
    models = [print_notes(source.load()) for source in sources]
    run = Run(
        battery,
        data,
        probes,
        seed=request.seed,
        device=request.device,
        fresh=request.fresh,
        batch_size=request.batch_size,
        own_data=request.own_data,
        data_source=data_source,
        battery_source=request.battery
        if request.battery is not None and is_battery_file(request.battery)
        else battery.name,
    )
    return Loaded(run, models, sources)


def _choose(
    patterns: list[str], battery: str | None, checkpoint: Path | None, *, own_data: bool
) -> tuple[list[str], Battery]:
    """The names of the models, and the battery."""
    if checkpoint is not None and patterns:
        raise InputError("give either models by name or --checkpoint, not both")
    if checkpoint is not None and battery is None:
        raise InputError("--checkpoint needs --battery, such as --battery cifar10-linf-v1")
    chosen = load_battery(battery) if battery is not None else None
    if checkpoint is not None and chosen is not None:
        return [], chosen
    datasets = _datasets(patterns, chosen)
    known = {dataset for dataset in datasets.values() if dataset is not None}
    if chosen is None:
        if len(known) > 1:
            raise InputError(
                f"models of several data sets ({', '.join(sorted(known))}); give --battery"
            )
        if datasets and not known:
            raise InputError(
                f"model {next(iter(datasets))!r} does not say which data set it is for; "
                "give --battery, such as --battery cifar10-linf-v1"
            )
        chosen = _battery_for(list(datasets), known.pop() if known else "digits")
    elif known - {chosen.dataset} and not own_data:
        other = next(name for name, each in datasets.items() if each in known - {chosen.dataset})
        raise InputError(
            f"model {shown(other)} is for {datasets[other]}, "
            f"battery {shown(chosen.name)} for {chosen.dataset}"
        )
    return list(datasets) or _bundled(chosen), chosen


def _bundled(battery: Battery) -> list[str]:
    """The models that come with the suite; installed and downloaded ones have to be named."""
    if battery.takes_methods:
        return list_methods(f"{battery.dataset}/*")
    names = list_models(f"{battery.dataset}/*")
    bundled = [name for name in names if load_card(name).source == "bundled"]
    if left := [name for name in names if name not in bundled]:
        note(f"not scored unless named: {', '.join(left)}")
    if not bundled:
        raise InputError(
            f"no bundled model is for {battery.dataset}; name models, or give --checkpoint"
        )
    return bundled


def _without_missing_packages(names: list[str], typed: Sequence[str]) -> list[str]:
    """The models without those whose package is not installed, unless they are named exactly.

    Args:
        names: of the models.
        typed: names and patterns that the user gave.

    Raises:
        InputError: none is left.
    """
    missing = {}
    for name in names:
        if name not in typed and parse_reference(name) is None:
            advice = missing_package(describe_model(name))
            if advice is not None:
                missing[name] = advice
    for name, advice in missing.items():
        if len(missing) == len(names):
            kind = "training method" if is_method(name) else "model"
            raise InputError(f"{kind} {shown(name)} needs {advice}")
        note(f"not scored: {name} needs {advice}")
    return [name for name in names if name not in missing]


def _without_random_models(names: list[str], typed: Sequence[str], battery: Battery) -> list[str]:
    """The models without those of the zoo that draw random numbers, unless they are named exactly.

    Those are refused with the reason before anything is computed, as any other random model is.

    Args:
        names: of the models.
        typed: names and patterns that the user gave.
        battery: some of whose probes do not take a random model.

    Raises:
        InputError: none is left.
    """
    by_pattern = [name for name in names if name not in typed]
    random = [name for name in by_pattern if is_random(load_card(name).architecture)]
    if not random:
        return names
    advice = random_advice(battery.dataset)
    if len(random) == len(names):
        raise InputError(
            f"all models that match are random ({', '.join(random)}), so the point scores of "
            f"battery {shown(battery.name)} would be luck; {advice}"
        )
    note(f"random, so not scored with {printable(battery.name)}: {', '.join(random)}; {advice}")
    return [name for name in names if name not in random]


def _battery_for(names: list[str], dataset: str) -> Battery:
    """The battery of models or of training methods that are given without one."""
    methods = [name for name in names if is_method(name)]
    battery = battery_for_methods(dataset) if methods else None
    if methods and len(methods) < len(names):
        raise InputError(
            f"{shown(methods[0])} is a training method and cannot be scored with models; "
            + method_advice(dataset)
        )
    if methods and battery is None:
        raise InputError(
            f"no bundled battery is for training methods on {dataset}; {method_advice(dataset)}"
        )
    return battery or battery_for(dataset)


def _datasets(patterns: list[str], battery: Battery | None) -> dict[str, str | None]:
    """The data set of every model, by name; ``None`` if unknown."""
    names = []
    for pattern in patterns:
        found = _matching(pattern, battery) if parse_reference(pattern) is None else [pattern]
        if not found:
            raise unknown_name("model", pattern, list_models() + list_methods(), LISTED_BY)
        names += found
    datasets = {name: dataset_of(name) for name in names}
    return {name: None if each == UNKNOWN_DATASET else each for name, each in datasets.items()}


def _matching(pattern: str, battery: Battery | None) -> list[str]:
    """The models that match a pattern, or the training methods where a battery is for these.

    Without a battery they are methods only if no model matches.
    """
    models, methods = list_models(pattern), list_methods(pattern)
    if pattern in (*models, *methods):
        return [pattern]  # if it is of the wrong kind, it is refused with the reason
    takes = not models if battery is None else battery.takes_methods
    found, others = (methods, models) if takes else (models, methods)
    if battery is not None and others and not found:
        kind = "trained models" if takes else "training methods"
        advice = (model_advice if takes else method_advice)(battery.dataset)
        raise InputError(
            f"all that match {shown(pattern)} are {kind}, and battery {shown(battery.name)} is not "
            f"for these; {advice}"
        )
    if others and battery is not None:
        kind = "trained models" if takes else "training methods"
        note(f"{kind}, so not scored with {printable(battery.name)}: {', '.join(others)}")
    return found
