"""Reading a battery from TOML, and the hash that is stored with every score."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from benchmark.budgets import Budget
from benchmark.probes import PROBES, ProbeSettings
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.threats import AnyThreat, InputThreat
from models_zoo.errors import InputError, first_problem, shown, unknown_name


class Battery(BaseModel):
    """A fixed list of probes and their budgets.

    Attributes:
        name: ``<data set>-<threat model>-v<version>``; a changed budget is a new version.
        dataset: the data set it is meant for.
        description: one sentence.
        default: the probes that run by default, in order; the others are references.
        examples: number of examples that are evaluated by default, the first ones; ``None`` for
            all.
        probes: settings of every probe, by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dataset: str
    description: str
    default: tuple[str, ...]
    examples: int | None = Field(default=None, ge=1)
    probes: dict[str, SerializeAsAny[ProbeSettings]]

    def __repr__(self) -> str:
        """Name, data set, number of probes and the start of the hash, on one line."""
        return (
            f"Battery({shown(self.name)}, {shown(self.dataset)}, {len(self.probes)} probes, "
            f"sha256={self.sha256[:12]!r})"
        )

    @field_validator("probes", mode="before")
    @classmethod
    def _settings_of_each_probe(
        cls, tables: dict[str, dict[str, object]]
    ) -> dict[str, ProbeSettings]:
        settings = {}
        for name, table in tables.items():
            if name not in PROBES:
                raise unknown_name("probe", name, PROBES)
            try:
                settings[name] = PROBES[name].Settings.model_validate(table)
            except ValidationError as error:
                raise InputError(reason_in_file(error, name)) from error
        return settings

    @model_validator(mode="after")
    def _defaults_are_probes(self) -> Self:
        for name in self.default:
            if name not in self.probes:
                raise unknown_name("probe in the battery's default", name, self.probes)
        return self

    @property
    def algorithms(self) -> dict[str, int]:
        """Versions of the probes' algorithms that are above 1, by the probe's name."""
        versions = {name: PROBES[name].algorithm for name in self.probes}
        return {name: version for name, version in versions.items() if version > 1}

    @property
    def sha256(self) -> str:
        """SHA-256 of the content and of the algorithms of its probes.

        Comments and layout of the file do not count.
        """
        return content_sha256(self.model_dump(mode="json"), self.algorithms)

    @property
    def headline_threats(self) -> dict[str, list[AnyThreat]]:
        """The threats that the scores of its probes are about, by probe, the main one first."""
        threats = {
            name: list(PROBES[name](settings, self.probes).headline_threats)
            for name, settings in self.probes.items()
        }
        return {name: own for name, own in threats.items() if own}

    def headline_budget(self, norm: str) -> Budget | None:
        """The budget at which the headline attacks images in a norm; ``None`` if it does not.

        Args:
            norm: of the input balls.
        """
        for name, threats in self.headline_threats.items():
            if PROBES[name].in_headline and PROBES[name].perturbs == {"images"}:
                for threat in threats:
                    if isinstance(threat, InputThreat) and threat.norm == norm:
                        return threat.eps
        return None

    @property
    def has_headline(self) -> bool:
        """Whether it has all probes of the headline, and so is a battery for any model."""
        return all(name in self.probes for name, probe in PROBES.items() if probe.in_headline)

    @property
    def takes_random_models(self) -> bool:
        """Whether all its default probes take models that draw random numbers."""
        return all(PROBES[name].takes_random_models for name in self.default)

    @property
    def takes_methods(self) -> bool:
        """Whether all its default probes take training methods instead of models."""
        return all(PROBES[name].takes_methods for name in self.default)

    @property
    def robust_loss_budget(self) -> Budget | None:
        """The linf budget of the robust loss in flatness; ``None`` if there is none."""
        settings = self.probes.get(FlatnessProbe.name)
        return settings.eps if isinstance(settings, FlatnessSettings) else None

    def select(self, probes: Sequence[str] | str | None) -> list[str]:
        """Names of the probes to run: the given ones, or the battery's default.

        Raises:
            InputError: a name is not a probe of this battery.
        """
        try:
            names = [probes] if isinstance(probes, str) else list(() if probes is None else probes)
        except TypeError as error:
            raise InputError(f"probes must be a list of names, got {shown(probes)}") from error
        for name in names:
            if not isinstance(name, str) or name not in self.probes:
                raise unknown_name(f"probe of battery {self.name}", name, self.probes)
        return list(dict.fromkeys(names)) or list(self.default)


def content_sha256(content: Mapping[str, Any], algorithms: Mapping[str, int]) -> str:
    """SHA-256 of a battery, possibly one of another version of the suite.

    Args:
        content: of the battery, as JSON.
        algorithms: versions of its probes' algorithms that are above 1, by the probe's name.
    """
    hashed = dict(content)
    if hashed.get("examples") is None:  # batteries from before the field keep their hashes
        hashed.pop("examples", None)
    if algorithms:
        hashed["algorithms"] = dict(algorithms)
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def list_batteries() -> list[str]:
    """Names of the batteries that come with the package."""
    folder = files("benchmark.batteries")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_bundled(name: str) -> Battery:
    """Read a bundled battery by name; ``benchmark.load_battery`` reads files of users as well.

    Raises:
        InputError: there is no battery of that name.
    """
    if name not in list_batteries():
        raise unknown_name("battery", name, list_batteries())
    file = files("benchmark.batteries") / f"{name}.toml"
    try:
        return Battery.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (ValueError, RecursionError) as error:
        reason = reason_in_file(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"battery {name!r} is broken: {reason}") from error


def reason_in_file(error: ValidationError, *place: str) -> str:
    """The first error of a battery's content, in one line, with its place in the file.

    Args:
        error: of the validation.
        place: of the content that was validated, from the outside in.
    """
    problem = first_problem(error)
    return f"{'.'.join(filter(None, (*place, problem.place)))}: {problem.reason}"


def battery_for(dataset: str) -> Battery:
    """The newest battery of a data set: the last by name, of those with the headline if there are.

    Those that are for random models alone and for training methods are left out.

    Raises:
        InputError: no battery is meant for that data set.
    """
    every = map(load_bundled, list_batteries())
    batteries = [each for each in every if not (each.takes_random_models or each.takes_methods)]
    fitting = [each for each in batteries if each.dataset == dataset]
    if not fitting:
        known = sorted({each.dataset for each in batteries})
        raise unknown_name("data set with a battery", dataset, known)
    return ([each for each in fitting if each.has_headline] or fitting)[-1]


def battery_for_random_models(dataset: str) -> Battery | None:
    """The newest bundled battery for models that draw random numbers; ``None`` if there is none.

    Args:
        dataset: the data set.
    """
    return _newest(dataset, lambda battery: battery.takes_random_models)


def battery_for_methods(dataset: str) -> Battery | None:
    """The newest bundled battery for training methods; ``None`` if there is none.

    Args:
        dataset: the data set.
    """
    return _newest(dataset, lambda battery: battery.takes_methods)


def _newest(dataset: str, wanted: Callable[[Battery], bool]) -> Battery | None:
    batteries = [each for each in map(load_bundled, list_batteries()) if each.dataset == dataset]
    return next(filter(wanted, reversed(batteries)), None)
