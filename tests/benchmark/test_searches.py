"""The final wrapper: whatever a search says, only what was measured and classified counts."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

import benchmark.attacks.inputs as package
from benchmark import attack_inputs, attack_weights
from benchmark.attacks.inputs.apgd_search import APGD
from benchmark.attacks.inputs.boundary_apgd import BoundaryAPGD
from benchmark.attacks.inputs.cascade import Scheduler
from benchmark.attacks.inputs.efforts import EFFORTS
from benchmark.attacks.inputs.fab import FAB
from benchmark.attacks.inputs.larger_ball import LargerBallRestarts, LargerBallScreening
from benchmark.attacks.inputs.minimum_norm import Descent
from benchmark.attacks.inputs.outside_descents import OutsideDescents
from benchmark.attacks.inputs.search import Candidates, CostlySearch, DetectsMasking, Search
from benchmark.attacks.inputs.smoothed_gradient import SmoothedGradientAPGD
from benchmark.attacks.inputs.square_attack import SquareAttack
from benchmark.attacks.inputs.staged_restarts import Stage, StagedRestarts
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targeted_apgd import EliminationRound, TargetedAPGD
from benchmark.attacks.inputs.targets import ranked_targets
from benchmark.attacks.inputs.transfer import TransferAPGD
from benchmark.draws import image_keys
from benchmark.spaces import InputBall
from benchmark.spaces.inside import ORDERS
from models_zoo.errors import InputError

BUDGETS = {"linf": 0.12, "l2": 0.6, "l1": 3.0}
SEARCHES: dict[str, Search] = {
    "APGD": APGD("probability margin", steps=10),
    "APGD from random points": APGD("cross-entropy", steps=10, restarts=2),
    "APGD from the boundary": BoundaryAPGD("probability margin", steps=10),
    "larger-ball screening": LargerBallScreening(steps_outside=5, steps_inside=10),
    "larger-ball screening on two objectives": LargerBallScreening(5, 10, steps_again=5),
    "larger-ball restarts": LargerBallRestarts(),
    "larger-ball restarts, the best ones longer": LargerBallRestarts(
        (1.5, 2.0, 3.0), steps_outside=5, steps_inside=5, kept=1, steps_kept=10
    ),
    "targeted APGD": TargetedAPGD(
        (
            EliminationRound(classes=9, min_progress=0.0, steps=2, steps_outside=2),
            EliminationRound(classes=2, min_progress=0.0, steps=8),
        )
    ),
    "targeted APGD from random points": TargetedAPGD(
        (EliminationRound(classes=3, min_progress=0.0, steps=8, restarts=2),)
    ),
    "staged restarts": StagedRestarts("margin", (Stage(4, steps=4), Stage(1, steps=8)), classes=2),
    "targeted APGD on DLR": TargetedAPGD(
        (EliminationRound(classes=9, min_progress=0.0, steps=10),), objective="DLR"
    ),
    "descents from outside": OutsideDescents(
        (
            Descent(steps=25, outside=3.0, start="inverse"),
            Descent(steps=25, outside=3.0, start="random"),
            Descent(steps=10, start="nearest"),
        )
    ),
    "FAB": FAB(steps=10),
    "Square attack": SquareAttack(queries=60),
    "Square attack, several at once": SquareAttack(queries=80, runs=2, at_once=8),
    "Square attack inside the ball": SquareAttack(queries=80, runs=2, inside_share=0.25),
    "smoothed-gradient APGD": SmoothedGradientAPGD(steps=8, noise_pairs=1, classes=1),
}


def state_of(subject, norm, eps):
    """A state with targets in which every search runs."""
    state = AttackState.of(subject, InputBall(subject.images, norm, eps))
    state.gradients_masked[:] = True
    state.targets, state.target_progress = ranked_targets(state)
    return state


def run(search, state):
    """Run one search on a state."""
    return Scheduler(state, ("test",)).run_one(search)


def assert_proven(state, norm, eps):
    """Broken examples have a misclassified image, robust ones the clean image."""
    subject, robust = state.subject, state.robust
    moved = (state.images.double() - subject.images.double()).flatten(1)
    assert float(torch.linalg.vector_norm(moved, ord=ORDERS[norm], dim=1).max()) <= eps + 1e-6
    assert float(state.images.min()) >= 0
    assert float(state.images.max()) <= 1
    assert state.images.dtype == torch.float32
    with torch.no_grad():
        wrong = subject.model(state.images).argmax(1) != subject.labels
    assert torch.equal(wrong, ~robust)
    assert torch.equal(state.images[robust], subject.images[robust])


def subclasses(cls):
    """All subclasses, direct or not."""
    return {each for direct in cls.__subclasses__() for each in (direct, *subclasses(direct))}


def test_the_table_contains_every_search():
    written = {cls for cls in subclasses(Search) if cls.__module__.startswith(package.__name__)}
    with_a_file_of_its_own = {TransferAPGD}  # test_surrogates.py
    written -= {CostlySearch, DetectsMasking} | with_a_file_of_its_own
    assert written == {type(search) for search in SEARCHES.values()}
    assert {type(search) for searches in EFFORTS.values() for search in searches} <= written


@pytest.mark.parametrize("norm", BUDGETS)
@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_finds_proofs_inside_the_ball(subject, name, norm):
    search, eps = SEARCHES[name], BUDGETS[norm]
    state = state_of(subject(count=30), norm, eps)
    before = state.robust.clone()
    report = run(search, state)
    assert report.search == search.name
    assert report.uses_gradients == search.uses_gradients
    assert (report.backwards > 0) == search.uses_gradients
    assert report.forwards > 0
    assert torch.equal(report.attacked, before)
    assert report.broken.any(), "nothing was broken, so nothing was shown"
    assert torch.equal(report.broken, before & ~state.robust)
    assert_proven(state, norm, eps)


@pytest.mark.parametrize("norm", BUDGETS)
@pytest.mark.parametrize("name", SEARCHES)
def test_no_search_depends_on_the_batches(subject, name, norm):
    robust = []
    for batch_size in (256, 7):
        state = state_of(subject(count=12, batch_size=batch_size), norm, BUDGETS[norm])
        run(SEARCHES[name], state)
        robust.append(state.robust)
    assert torch.equal(*robust)


def contents(state):
    """Copies of everything a state holds."""
    return {
        name: value.clone() if isinstance(value, Tensor) else value
        for name, value in vars(state).items()
        if name not in {"subject", "ball"}
    }


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_changes_nothing_in_the_state(subject, name):
    """Selecting and searching return what they found; the scheduler alone acts on it."""
    state = state_of(subject(count=12), "l2", BUDGETS["l2"])
    before, images = contents(state), state.subject.images.clone()
    SEARCHES[name].select(state)
    found = SEARCHES[name](state, torch.arange(12))
    assert found.images.shape == images.shape
    assert torch.equal(state.subject.images, images)
    for key, value in contents(state).items():
        if isinstance(value, Tensor):
            torch.testing.assert_close(value, before[key], rtol=0, atol=0, equal_nan=True)
        else:
            assert value == before[key], key


@dataclass(frozen=True)
class Claims(Search):
    """Returns the images it was made with, for the first examples of the test set."""

    candidates: Tensor
    images: Tensor

    @property
    def name(self):
        return "claims"

    def find(self, batch):
        known = image_keys(self.images)
        rows = [known.tolist().index(key) for key in batch.keys.tolist()]
        return Candidates(self.candidates[rows])


@pytest.mark.parametrize("norm", BUDGETS)
def test_candidates_outside_are_projected_and_classified_again(subject, norm):
    attacked, eps = subject(count=30), 0.25 * BUDGETS[norm]
    noise = torch.randn(attacked.images.shape, generator=attacked.generator("far"))
    far = attacked.images + 5 * noise
    assert (attacked.logits(far.clamp(0, 1)).argmax(1) != attacked.labels).any()
    state = state_of(attacked, norm, eps)
    run(Claims(far, attacked.images), state)
    assert_proven(state, norm, eps)
    assert state.robust.any()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_candidates_that_are_not_finite_break_nothing(subject, value):
    state = state_of(subject(count=20), "linf", 0.2)
    before = state.robust.clone()
    run(Claims(torch.full_like(state.images, value), state.images), state)
    assert torch.equal(state.robust, before)
    assert_proven(state, "linf", 0.2)


def test_candidates_that_are_classified_correctly_break_nothing(subject):
    state = state_of(subject(count=20), "linf", 0.2)
    before = state.robust.clone()
    report = run(Claims(state.images.clone(), state.images), state)
    assert not report.broken.any()
    assert torch.equal(state.robust, before)


def test_candidates_of_another_precision_are_classified_in_float32(subject):
    state = state_of(subject(count=20), "linf", 0.3)
    noise = torch.rand(state.images.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    run(Claims((state.images + noise).double(), state.images), state)
    assert_proven(state, "linf", 0.3)
    assert not state.robust.all()


@pytest.mark.parametrize("shape", [(1, 8, 7), (1, 1, 8, 8), (8, 8), (3, 8, 8)])
def test_candidates_of_another_shape_are_refused(subject, shape):
    state = state_of(subject(count=5), "linf", 0.2)
    with pytest.raises(RuntimeError, match=r"claims returned .* for images of shape"):
        run(Claims(torch.zeros(5, *shape), state.images), state)


def test_fewer_candidates_than_examples_are_refused(subject):
    class Fewer(Claims):
        def find(self, batch):
            return Candidates(super().find(batch).images[:4])

    state = state_of(subject(count=5), "linf", 0.2)
    with pytest.raises(RuntimeError, match=r"claims returned \(4, 1, 8, 8\)"):
        run(Fewer(state.images, state.images), state)


def test_a_search_cannot_declare_examples_broken(subject):
    class Liar(Claims):
        def find(self, batch):
            batch.robust[:] = False
            batch.margins[:] = 100.0
            batch.subject.labels[:] = 0
            found = super().find(batch)
            batch.subject.images[:] = 0
            return found

    state = state_of(subject(count=20), "linf", 0.2)
    robust, margins = state.robust.clone(), state.margins.clone()
    labels = state.subject.labels.clone()
    liar = Liar(state.images.clone(), state.images.clone())
    assert not run(liar, state).broken.any()
    assert torch.equal(state.robust, robust)
    assert torch.equal(state.subject.labels, labels)
    torch.testing.assert_close(state.margins, margins)


def test_a_subclass_cannot_replace_the_wrapper():
    with pytest.raises(TypeError, match=r"Rogue replaces Search.__call__"):

        class Rogue(Search):
            def __call__(self, state, rows):
                return None

    with pytest.raises(TypeError, match=r"Later replaces Search.__call__"):

        class Later(SquareAttack):
            __call__ = Search.__call__


def test_a_search_that_switches_the_model_s_mode_is_found_out(zoo, digits, monkeypatch):
    class Switch(Claims):
        def find(self, batch):
            batch.subject.model.train()
            return super().find(batch)

    data = digits.head(5)
    monkeypatch.setitem(EFFORTS, "quick", (Switch(data.images, data.images),))
    with pytest.raises(RuntimeError, match=r"claims switched the model"):
        attack_inputs(zoo("digits/mlp-standard"), data.images, data.labels, eps=0.1, effort="quick")
    assert not zoo("digits/mlp-standard").training


def normalised_model(classes=10):
    """Batch norm and dropout, as they come out of training: in train mode."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(256, classes),
    ).train()


def test_a_search_that_changes_weights_gets_no_result(digits, monkeypatch):
    class Meddler(Claims):
        def find(self, batch):
            batch.subject.model[5].bias.add_(1.0)
            return super().find(batch)

    data = digits.head(5)
    model = normalised_model().eval()
    data_labels = model(data.images).argmax(1)
    monkeypatch.setitem(EFFORTS, "quick", (Meddler(data.images, data.images),))
    with pytest.raises(InputError, match=r"its tensor '5\.bias' changes"):
        attack_inputs(model, data.images, data_labels, eps=0.1, effort="quick")


@pytest.mark.parametrize("norm", BUDGETS)
def test_weights_buffers_and_train_mode_survive_an_attack(digits, norm):
    data, model = digits.head(10), normalised_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        labels = model.eval()(data.images).argmax(1)
    model.train()
    found = attack_inputs(model, data.images, labels, norm=norm, eps=BUDGETS[norm])
    assert not found.robust.all()
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    with torch.no_grad():
        predicted = model.eval()(found.images).argmax(1)
    assert torch.equal(predicted == labels, found.robust)


@pytest.mark.parametrize(
    ("norm", "classes", "effort"),
    [
        *((norm, 2, "standard") for norm in BUDGETS),
        ("linf", 3, "standard"),
        *(("linf", 2, effort) for effort in EFFORTS if effort != "standard"),
    ],
)
def test_models_with_few_classes_are_attacked(digits, classes, norm, effort):
    """AutoAttack's targeted loss needs four."""
    torch.manual_seed(classes)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes))
    images = digits.head(8).images
    with torch.no_grad():
        labels = model(images).argmax(1)
    found = attack_inputs(model, images, labels, norm=norm, eps=BUDGETS[norm], effort=effort)
    assert not found.robust.all()
    with torch.no_grad():
        assert torch.equal(model(found.images).argmax(1) == labels, found.robust)


class Closed(nn.Module):
    """Lets no gradient through to its images, or only zeros to its weights."""

    def __init__(self, model, how):
        super().__init__()
        self.model, self.how = model, how
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        if self.how == "no_grad":
            with torch.no_grad():
                return self.model(images)
        if self.how == "decisions":
            logits = self.model(images)
            return logits * 0 + nn.functional.one_hot(logits.argmax(1), logits.shape[1])
        if self.how == "saturated":
            return (self.model(images) * 1e4).softmax(1)
        logits = self.model(images.detach())
        return logits + self.offset.detach().requires_grad_() if self.how == "unused" else logits


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_models_without_gradients_are_attacked_by_their_scores(zoo, digits, norm):
    data, eps = digits.head(12), BUDGETS[norm]
    opened = zoo("digits/mlp-standard")
    closed = Closed(opened, "detached")
    found = attack_inputs(closed, data.images, data.labels, norm=norm, eps=eps)
    reference = attack_inputs(opened, data.images, data.labels, norm=norm, eps=eps)
    broken, possible = int((~found.robust).sum()), int((~reference.robust).sum())
    assert possible >= 6
    assert broken >= 0.8 * possible
    with torch.no_grad():
        assert torch.equal(opened(found.images).argmax(1) == data.labels, found.robust)


@pytest.mark.parametrize("how", ["detached", "no_grad", "unused"])
def test_a_quick_attack_on_a_model_without_gradients_is_refused(zoo, digits, how):
    """It has no search without gradients, and had called such models robust."""
    data = digits.head(10)
    model = Closed(zoo("digits/mlp-standard"), how)
    with pytest.raises(InputError, match=r"no gradient flows .* access='scores'"):
        attack_inputs(model, data.images, data.labels, eps=0.1, effort="quick")


@pytest.mark.parametrize("how", ["no_grad", "decisions", "saturated"])
def test_an_attack_on_weights_without_gradients_is_refused(zoo, digits, how):
    data = digits.head(10)
    model = Closed(zoo("digits/mlp-standard"), how)
    with pytest.raises(InputError, match=r"no gradient flows .* to its weights"):
        attack_weights(model, data.images, data.labels, radius=0.1)


def test_unknown_efforts_and_norms_are_refused(subject):
    with pytest.raises(InputError, match=r"unknown norm 'l3'"):
        package.attack_subject(subject(count=2), "l3", 0.1)
    with pytest.raises(InputError, match=r"unknown effort"):
        package.attack_subject(subject(count=2), "l2", 0.1, "none")


@pytest.mark.parametrize("min_margin_closed", [0.0, 0.2])
def test_screening_drops_what_is_far_and_nothing_whose_margin_is_not_finite(
    subject, min_margin_closed
):
    attacked = subject("digits/mlp-pgd-at", 12)
    state = AttackState.of(attacked, InputBall(attacked.images, "linf", 1e-5))
    state.clean_margins[0] = state.margins[0] = -torch.inf
    screening = LargerBallScreening(min_margin_closed=min_margin_closed)
    selected = screening.select(state)
    assert selected[0]
    assert bool(selected[1:].all()) == (min_margin_closed == 0), "no margin has been closed yet"
    assert state.reachable.all(), "selecting changes nothing"
    robust = state.robust.clone()
    report = run(screening, state)
    assert torch.equal(report.attacked, robust & selected)
    assert not state.reachable.any(), "nothing can be broken at twice so small a budget"
    later = run(APGD("probability margin", steps=1), state)
    assert not later.attacked.any()


def test_a_search_for_masked_gradients_runs_only_where_they_are(subject):
    state = state_of(subject("digits/mlp-pgd-at", 12), "linf", 0.1)
    state.gradients_masked[:] = False
    smoothed = SmoothedGradientAPGD(steps=1, noise_pairs=1, only_if_inexact=True)
    assert not run(smoothed, state).attacked.any()
    assert torch.equal(state.gradient_errors.isnan(), ~state.robust), "gradients were tested"
    state.gradient_errors[state.robust.nonzero()[2]] = 0.9
    assert run(smoothed, state).attacked.nonzero().tolist() == state.robust.nonzero()[2:3].tolist()
    square = run(SquareAttack(queries=1, only_if_masked=True), state)
    assert not square.attacked.any()
    assert square.forwards == 0
    masked = state.robust & (torch.arange(12) % 2 == 0)
    state.gradients_masked = masked.clone()
    report = run(SquareAttack(queries=1, only_if_masked=True), state)
    assert torch.equal(report.attacked, masked)
    state.gradient_errors[:] = torch.arange(12) / 10
    costly = SquareAttack(queries=1, only_if_masked=True, min_gradient_error=0.5)
    assert torch.equal(run(costly, state).attacked, masked & (torch.arange(12) >= 5))
    state.gradient_errors[0] = torch.nan
    assert costly.select(state)[0] == masked[0], "an error that is not finite is no reason to skip"


def test_a_toy_search_needs_nothing_but_select_and_find(zoo, digits, monkeypatch):
    @dataclass(frozen=True)
    class Noise(Search):
        """Uniform noise."""

        uses_gradients = False

        @property
        def name(self):
            return "noise"

        def find(self, batch):
            return Candidates(batch.random_starts())

    data, model = digits.head(20), zoo("digits/mlp-standard")
    monkeypatch.setitem(EFFORTS, "quick", (Noise(),))
    found = attack_inputs(model, data.images, data.labels, eps=0.5, effort="quick")
    assert [report.search for report in found.searches] == ["noise"]
    assert not found.searches[0].uses_gradients
    assert not found.robust.all()
