"""The input attack and the battery on a GPU, next to AutoAttack and to what the device can do.

Run ``python -m perf.gpu`` from the root of a checkout on a machine with a GPU. It needs PyTorch,
torchvision and timm, the packages of the suite, and the checkpoint and images of the shared folder.
The result is one JSON object. It is written after every piece of work, so that a run that is cut
off leaves what it has measured.

The unavoidable time of an attack is that of its passes at the raw throughput of the device: the
images it passed forward and backward, at the rate of a loop that does nothing else. Both are in
float32 without TF32, as results are verified.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from pydantic import BaseModel, ConfigDict, Field, computed_field
from torch import Tensor, nn

from benchmark.attacks.inputs import InputAttackResult, attack_subject
from benchmark.attacks.reference import run_autoattack
from benchmark.batteries import battery_for
from benchmark.datasets import Dataset
from benchmark.evaluation import evaluate
from benchmark.subject import subject_of
from perf.cases import find_model
from perf.command import (
    ROOT,
    Device,
    Shared,
    Threads,
    compute_on,
    console,
    run_command,
    shared_folder,
)
from perf.records import sources_sha256, surroundings

MODEL = "cifar10-resnet18-at8"
NORM, EPS = "linf", 8 / 255
AUTOATTACK = "AutoAttack"
EFFORTS = ("quick", "standard")
"""Those that are measured by default."""

BATCHES = (128, 256, 512)
"""Batch sizes that raw throughput is measured with; the fastest counts."""

_MIN_SECONDS = 1.0
"""Minimum duration of a measurement of raw throughput."""


class Throughput(BaseModel):
    """What the device can do with the model, in float32.

    Attributes:
        forward: images per second, without gradients.
        forward_backward: images per second, forward and back to the images.
        batch_size: of the faster of both.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    forward: float
    forward_backward: float
    batch_size: int

    def unavoidable(self, forwards: int, backwards: int) -> float:
        """Seconds that these passes take at least.

        Args:
            forwards: images passed forward.
            backwards: images passed backward.
        """
        return (forwards - backwards) / self.forward + backwards / self.forward_backward


class AttackTime(BaseModel):
    """One run of an attack.

    Attributes:
        attack: such as ``"standard"`` or ``"AutoAttack"``.
        cudnn_benchmark: what the caller had set ``torch.backends.cudnn.benchmark`` to.
        n_robust: number of examples that stay robust.
        only_autoattack: indices of examples that AutoAttack broke and this run did not.
        seconds: wall time, after a first run in the same process.
        first_seconds: wall time of that first run.
        forwards: images passed forward.
        backwards: images passed backward.
        unavoidable_share: share of the time that the passes take at raw throughput.
        speedup: AutoAttack's time over this.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attack: str
    cudnn_benchmark: bool
    n_robust: int
    only_autoattack: tuple[int, ...] = ()
    seconds: float
    first_seconds: float | None = None
    forwards: int
    backwards: int
    unavoidable_share: float
    speedup: float | None = None


class GpuReport(BaseModel):
    """All measurements on one device.

    Attributes:
        model: the model's name.
        examples: number of images.
        eps: radius of the linf balls.
        device: its name.
        surroundings: threads, processor, cores and versions.
        sources: hash of the code that was measured.
        measured: UTC time, ISO 8601.
        throughput: of the device.
        attacks: AutoAttack first, if it was run.
        battery: seconds per probe of the default battery.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    examples: int
    eps: float
    device: str
    surroundings: dict[str, Any]
    sources: str
    measured: str
    throughput: Throughput
    attacks: tuple[AttackTime, ...] = ()
    battery: dict[str, float] = Field(default_factory=dict)

    @computed_field
    def battery_in_autoattack_runs(self) -> float | None:
        """The battery's time over that of AutoAttack; ``None`` if one of them was not run."""
        runs = [attack.seconds for attack in self.attacks if attack.attack == AUTOATTACK]
        return sum(self.battery.values()) / runs[0] if runs and self.battery else None

    def with_attack(self, attack: AttackTime) -> GpuReport:
        """The report with one more attack."""
        return self.model_copy(update={"attacks": (*self.attacks, attack)})


def raw_throughput(model: nn.Module, images: Tensor) -> Throughput:
    """Measure forward passes alone, and forward and backward passes to the images.

    Args:
        model: from images to logits, on the device of the images.
        images: (N, C, H, W).
    """
    rates: dict[int, tuple[float, float]] = {}
    for size in BATCHES:
        batch = images.repeat(-(-size // len(images)), 1, 1, 1)[:size].clone()
        tracked = batch.clone().requires_grad_()

        def backward(inputs: Tensor = tracked) -> None:
            torch.autograd.grad(model(inputs).sum(), inputs)

        def forward(inputs: Tensor = batch) -> None:
            with torch.no_grad():
                model(inputs)

        rates[size] = (size * per_second(forward, images), size * per_second(backward, images))
    best = max(rates, key=lambda size: rates[size][1])
    return Throughput(forward=rates[best][0], forward_backward=rates[best][1], batch_size=best)


def per_second(work: Callable[[], None], images: Tensor) -> float:
    """How often a piece of work is done per second, after three untimed times."""
    for _ in range(3):
        work()
    wait(images)
    began, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < _MIN_SECONDS:
        for _ in range(5):
            work()
        wait(images)
        count += 5
    return count / passed


def wait(images: Tensor) -> None:
    """Wait until the device has done all its work."""
    if images.is_cuda:
        torch.cuda.synchronize(images.device)


class Bench:
    """Measurements of one model on one device.

    Args:
        model: from images in [0, 1] to logits.
        data: the examples.
        device: where to compute.
        say: called with a short text before each piece of work.
    """

    def __init__(
        self, model: nn.Module, data: Dataset, device: str, say: Callable[[str], None]
    ) -> None:
        self.model, self.data, self.device, self.say = model, data, device, say
        with subject_of(model, data.images, data.labels, device=device) as subject:
            say("raw throughput")
            self.throughput = raw_throughput(subject.model, subject.images)

    def autoattack(self) -> tuple[AttackTime, Tensor]:
        """One run of AutoAttack standard, and which examples it leaves robust."""
        self.say("AutoAttack")
        data = self.data
        with subject_of(self.model, data.images, data.labels, device=self.device) as subject:
            found = run_autoattack(subject, NORM, EPS)
        cost = found.cost
        unavoidable = self.throughput.unavoidable(cost.forwards, cost.backwards)
        run = AttackTime(
            attack=AUTOATTACK,
            cudnn_benchmark=False,
            n_robust=int(found.robust.sum()),
            seconds=cost.seconds,
            forwards=cost.forwards,
            backwards=cost.backwards,
            unavoidable_share=unavoidable / cost.seconds,
        )
        return run, found.robust.cpu()

    def ours(
        self,
        effort: str,
        *,
        cudnn_benchmark: bool,
        reference: tuple[AttackTime, Tensor] | None,
    ) -> AttackTime:
        """An effort of the suite's attack, run twice.

        Args:
            effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
            cudnn_benchmark: what the caller has set.
            reference: AutoAttack's run.
        """
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = cudnn_benchmark
        try:
            self.say(f"{effort}, cudnn.benchmark = {cudnn_benchmark}")
            first, _, _ = self._attack(effort)
            seconds, found, passes = self._attack(effort)
        finally:
            torch.backends.cudnn.benchmark = before
        robust = found.robust.cpu()
        missed = () if reference is None else (robust & ~reference[1]).nonzero().flatten().tolist()
        return AttackTime(
            attack=effort,
            cudnn_benchmark=cudnn_benchmark,
            n_robust=int(robust.sum()),
            only_autoattack=tuple(missed),
            seconds=seconds,
            first_seconds=first,
            forwards=passes[0],
            backwards=passes[1],
            unavoidable_share=self.throughput.unavoidable(*passes) / seconds,
            speedup=None if reference is None else reference[0].seconds / seconds,
        )

    def _attack(self, effort: str) -> tuple[float, InputAttackResult, tuple[int, int]]:
        data = self.data
        wait(data.images)
        began = time.perf_counter()
        with subject_of(self.model, data.images, data.labels, device=self.device) as subject:
            found = attack_subject(subject, NORM, EPS, effort)
            wait(subject.images)
            seconds = time.perf_counter() - began
            return seconds, found, (subject.passes.forwards, subject.passes.backwards)

    def battery(self) -> dict[str, float]:
        """Seconds per probe of the data set's battery."""
        report = evaluate(
            self.model,
            self.data.images,
            self.data.labels,
            battery_for("cifar10"),
            device=self.device,
            on_result=lambda _, result: self.say(f"{result.probe}: {result.cost.seconds:.1f} s"),
        )
        return {name: result.cost.seconds for name, result in report.results.items()}


def run(
    model: Annotated[str, typer.Option(help="A shared checkpoint, or a model of the zoo.")] = MODEL,
    examples: Annotated[int, typer.Option(min=8, help="The first so many images.")] = 512,
    autoattack: Annotated[
        bool, typer.Option(help="Whether AutoAttack is run, which takes minutes.")
    ] = True,
    battery: Annotated[bool, typer.Option(help="Whether the battery is run.")] = True,
    effort: Annotated[
        list[str] | None, typer.Option(help="Efforts; by default 'quick' and 'standard'.")
    ] = None,
    shared: Shared = None,
    threads: Threads = None,
    device: Device = "cuda",
    out: Annotated[Path, typer.Option(help="The JSON file that is written.")] = ROOT / "gpu.json",
) -> None:
    """Measure everything and write one JSON object."""
    compute_on(device, threads)
    loaded, data = find_model(model, shared_folder(shared))
    data = data.head(min(examples, len(data)))
    bench = Bench(loaded, data, device, console.print)
    report = GpuReport(
        model=model,
        examples=len(data),
        eps=EPS,
        device=torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        surroundings=surroundings(device),
        sources=sources_sha256(),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        throughput=bench.throughput,
    )
    reference = bench.autoattack() if autoattack else None
    if reference is not None:
        report = _written(report.with_attack(reference[0]), out)
    for name, caller_tunes in [*((each, False) for each in effort or EFFORTS), ("standard", True)]:
        attack = bench.ours(name, cudnn_benchmark=caller_tunes, reference=reference)
        report = _written(report.with_attack(attack), out)
    if battery:
        report = _written(report.model_copy(update={"battery": bench.battery()}), out)
    print(report.model_dump_json(indent=2))


def _written(report: GpuReport, out: Path) -> GpuReport:
    """The report, after it was written."""
    out.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
    return report


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
