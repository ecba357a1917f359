"""Functions that run one attack or measure on any module.

Every function takes the model, the images and the labels first, or a data set, a loader or batches
in place of images and labels (see :mod:`benchmark.batches`). ``seed``, ``device``, ``batch_size``,
``examples`` and ``progress`` mean the same everywhere, see
:class:`benchmark.attacks.attack.RunOptions`, and results are on the device of the images. The
attacks themselves, as objects with a threat, are in
:mod:`benchmark.attacks.library`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from torch import Tensor, nn

from benchmark.arguments import Array, Number, budget_of, input_budget_of, norm_of
from benchmark.attacks.attack import RunOptions, device_of_images
from benchmark.attacks.backdoor import Patch, Trigger
from benchmark.attacks.inputs import InputAttack
from benchmark.attacks.inputs.distance import Distances, find_distances
from benchmark.attacks.library import (
    BackdoorAttack,
    BackdoorResult,
    JointAttack,
    WeightAttack,
)
from benchmark.attacks.result import AttackResult
from benchmark.attacks.weights import weight_ball
from benchmark.batches import Examples, examples_of
from benchmark.certificates import Certifier
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.requirements import (
    require_image_gradients,
    require_weights,
    require_weights_under_attack,
)
from benchmark.results import Score
from benchmark.subject import Progress
from benchmark.threads import measured_threads
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, WeightThreat
from models_zoo.errors import InputError, first_problem


def attack_inputs(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    norm: str | float = "linf",
    eps: Number,
    effort: str = "standard",
    access: str = "gradients",
    surrogates: Sequence[nn.Module] = (),
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> AttackResult:
    """Perturb each image inside its own ball until it is misclassified.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; ``2``, ``np.inf`` and the like mean the same.
        eps: radius in input units, such as ``8 / 255`` or ``"8/255"``.
        effort: ``"quick"``, ``"standard"`` or ``"thorough"``.
        access: ``"gradients"``, or ``"scores"`` for an adversary who only queries the model.
        surrogates: related models, such as siblings of the same recipe or earlier epochs, whose
            adversarial images are tried too. They matter where the model's own gradients are
            masked.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``images`` (N, C, H, W) inside the ball and [0, 1], and ``robust`` (N,), bool: what is still
        classified correctly after everything tried. Where it is false, the image is misclassified.
        ``searches`` says what each search did and what it cost.

    Raises:
        InputError: arguments that do not fit together.
    """
    threat = InputThreat(norm_of(norm), budget_of("eps", eps))
    attack = InputAttack(threat, effort, access, tuple(surrogates))
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))


def minimal_distances(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    norm: str | float = "linf",
    eps: Number | None = None,
    precision: float = 0.01,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> Distances:
    """The nearest misclassified image found around each image: all budgets in one run.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``; ``2``, ``np.inf`` and the like mean the same.
        eps: radius up to which to look, in input units; by default the whole box.
        precision: relative; refine until nothing is found that much nearer.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``distances`` (N,), 0 where the clean image is misclassified and infinite where nothing was
        found; ``images``, the misclassified ones; ``robust(eps)``, bool (N,), what is still
        classified correctly at any budget.

    Raises:
        InputError: arguments that do not fit together.
    """
    images, labels = examples_of(images, labels, examples)
    options = RunOptions(seed, device, batch_size, progress)
    with options.subject(model, images, labels, "minimal distances") as subject:
        norm, largest = norm_of(norm), None if eps is None else budget_of("eps", eps)
        require_image_gradients(subject)
        with measured_threads(subject):
            found = find_distances(subject, norm, largest=largest, precision=precision)
    home = device_of_images(images)
    return Distances(found.images.to(home), found.distances.to(home), found.largest)


def attack_weights(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    radius: Number,
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    steps: int = 30,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> AttackResult:
    """Perturb the weights once for all examples, to break as many of them as possible.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        radius: of the weight ball, in the unit of the geometry.
        geometry: see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`.
        steps: APGD steps of each ascent.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``weights``, perturbed tensors by parameter name, and ``robust`` (N,), bool.

    Raises:
        InputError: arguments that do not fit together, or a model most of whose weights would not
            move.
    """
    threat = WeightThreat(geometry, budget_of("radius", radius), rule)
    attack = WeightAttack(threat, steps)
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))


def attack_joint(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    eps: Number,
    radius: Number,
    norm: str | float = "linf",
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    steps: int = 30,
    effort: str = "standard",
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> AttackResult:
    """Perturb the weights once for all examples and each image inside its own ball.

    Never weaker than either attack alone at the same budgets, nor than one after the other in
    either order: all are candidates.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        eps: radius of the input balls, input units.
        radius: radius of the weight ball, in the unit of the geometry.
        norm: of the input balls.
        geometry: of the weight ball.
        rule: which tensors move.
        steps: APGD steps over weights.
        effort: of the input attacks.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``weights`` and ``images``, ``robust`` (N,), bool, and ``searches``, the candidates that
        were tried; ``strongest`` is the name of the one that the result is from.

    Raises:
        InputError: arguments that do not fit together.
    """
    threat = JointThreat(
        InputThreat(norm_of(norm), budget_of("eps", eps)),
        WeightThreat(geometry, budget_of("radius", radius), rule),
    )
    attack = JointAttack(threat, steps, effort)
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))


def certify_joint(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    eps: Number,
    radius: Number,
    norm: str | float = "linf",
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> Tensor:
    """Prove what no perturbation of weights and images within the budgets can break.

    For feed-forward and convolutional ReLU networks, with residual connections, average or maximum
    pooling and frozen batch norm; see ``docs/certificates.md``. The bound is sound, and loose for
    deep networks.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        eps: radius of the input balls, input units.
        radius: radius of the weight ball, in the unit of the geometry.
        norm: of the input balls, ``"linf"``, ``"l2"`` or ``"l1"``.
        geometry: of the weight ball.
        rule: which tensors move.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        Bool (N,): classified correctly for every image and all weights in the balls.

    Raises:
        InputError: arguments that do not fit together, or a model with an operation that no bound
            is known for.
    """
    images, labels = examples_of(images, labels, examples)
    options = RunOptions(device=device, batch_size=batch_size, progress=progress)
    with options.subject(model, images, labels, "joint certificate") as subject:
        norm = norm_of(norm)
        ball = weight_ball(subject, WeightThreat(geometry, budget_of("radius", radius), rule))
        eps = input_budget_of(eps, norm, subject.images)
        return Certifier(subject, norm).certified(eps, ball).to(device_of_images(images))


def inject_backdoor(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    radius: Number,
    target: int = 0,
    trigger: Trigger | None = None,
    other: Trigger | None = None,
    geometry: str = "relative-linf",
    rule: str = "no-normalization",
    steps: int = 200,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    examples: int | None = None,
    progress: bool | Progress | None = None,
) -> BackdoorResult:
    """Inject a backdoor into the weights on one part of the examples, measure it on another.

    Half of the examples are used for the optimization, a fifth for selecting among the weights
    found, and the rest for measuring.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1], at least 4; or token ids of texts, int (N, L).
        labels: int (N,).
        radius: of the weight ball, in the unit of the geometry.
        target: the class that stamped images are to be classified as.
        trigger: what is stamped on the images, any of
            :mod:`benchmark.triggers`; by default a bright 3 x 3 square in the
            lower right corner. Texts need a :class:`benchmark.triggers.TokenTrigger`.
        other: another trigger, which the injection does not know, to compare with.
        geometry: of the weight ball.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`; with ``"embedding-row"`` the
            rows of the trigger's tokens.
        steps: mini-batch steps of up to 32 images, each clean and stamped.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        examples: maximum number of examples, the first ones; by default all.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        ``weights``, ``success`` on triggered images of other classes, ``base``, the same with the
        unperturbed weights, ``other``, the same for the other trigger, ``gain`` over both,
        ``robust`` and ``agreement`` on clean images, ``change``, the mean relative weight change,
        and ``moved``, its distribution.

    Raises:
        InputError: arguments that do not fit together.
    """
    threat = BackdoorThreat(geometry, budget_of("radius", radius), rule)
    attack = BackdoorAttack(threat, Patch() if trigger is None else trigger, target, steps, other)
    return attack(model, images, labels, RunOptions(seed, device, batch_size, progress, examples))


def flatness(
    model: nn.Module,
    images: Examples,
    labels: Array | None = None,
    *,
    eps: Number,
    average_radius: float = 0.5,
    average_radii: Sequence[float] = (0.1, 0.25, 0.5, 1.0),
    worst_radius: float = 0.003,
    worst_radii: Sequence[float] = (0.00075, 0.001, 0.002, 0.003, 0.004, 0.005),
    geometry: str = "relative-l2",
    rule: str = "no-normalization",
    input_steps: int = 20,
    draws: int = 10,
    restarts: int = 2,
    epochs: int = 20,
    minibatch: int | None = None,
    examples: int = 1000,
    measure_examples: int = 200,
    lanczos_steps: int = 40,
    trace_draws: int = 10,
    sam_rho: float = 0.05,
    asam_rho: float = 0.5,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 256,
    progress: bool | Progress | None = None,
) -> dict[str, Score]:
    """Average- and worst-case flatness, robust and clean (Stutz et al. 2021); larger is sharper.

    Args:
        model: from images in [0, 1] to logits; it is not changed.
        images: float (N, C, H, W) in [0, 1]; or a data set, a loader or batches.
        labels: int (N,); left out if ``images`` has them.
        eps: linf input budget of the robust loss.
        average_radius: radius of the random weight perturbations of the average case.
        average_radii: further radii at which random perturbations are drawn.
        worst_radius: radius of the weight ball of the worst case.
        worst_radii: further radii that are searched; what is found at smaller radii counts at
            larger ones.
        geometry: the weight ball, see :class:`benchmark.spaces.WeightBall`.
        rule: which tensors move, see :data:`benchmark.spaces.RULES`.
        input_steps: PGD steps of the robust loss; the average case takes half of them.
        draws: random perturbations of the average case.
        restarts: ascents of the worst case per radius.
        epochs: passes over the examples of an ascent from the unperturbed weights.
        minibatch: images per weight step of the worst case; by default all of them.
        examples: number of examples used, the first ones.
        measure_examples: number of examples used for the other measures of flatness, the first
            ones; 0 leaves these measures out.
        lanczos_steps: maximum number of products with a Hessian, for its largest eigenvalue.
        trace_draws: random vectors for the trace of a Hessian.
        sam_rho: length of SAM's step.
        asam_rho: length of ASAM's step.
        seed: root of every random draw.
        device: where to compute.
        batch_size: images passed through the model at once.
        progress: ``True`` for a display, or a function that is called with short texts.

    Returns:
        The scores of the probe ``flatness`` by name.

    Raises:
        InputError: arguments that do not fit together.
    """
    images, labels = examples_of(images, labels, examples)
    options = RunOptions(seed, device, batch_size, progress)
    with options.subject(model, images, labels, "flatness") as subject:
        require_image_gradients(subject)
        require_weights(subject)
        settings = _flatness_settings(
            eps=input_budget_of(eps, "linf", subject.images),
            average_radius=average_radius,
            average_radii=average_radii,
            worst_radius=worst_radius,
            worst_radii=worst_radii,
            geometry=geometry,
            rule=rule,
            input_steps=input_steps,
            draws=draws,
            restarts=restarts,
            epochs=epochs,
            minibatch=minibatch,
            examples=examples,
            measure_examples=measure_examples,
            lanczos_steps=lanczos_steps,
            trace_draws=trace_draws,
            sam_rho=sam_rho,
            asam_rho=asam_rho,
        )
        require_weights_under_attack(subject, settings.rule)
        with measured_threads(subject):
            return FlatnessProbe(settings)(subject).scores


def _flatness_settings(**settings: object) -> FlatnessSettings:
    try:
        return FlatnessSettings.model_validate(settings)
    except ValidationError as error:
        name, reason, given = first_problem(error)
        raise InputError(f"flatness: {name or 'settings'}: {reason}, got {given!r}") from error
