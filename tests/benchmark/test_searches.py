"""The final wrapper: whatever a search says, only what was measured and classified counts."""

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

import benchmark.attacks.inputs as package
from benchmark import attack_inputs, attack_weights
from benchmark.attacks.inputs.boundary import Boundary
from benchmark.attacks.inputs.climbing import Climb
from benchmark.attacks.inputs.efforts import EFFORTS
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.overshoot import Overshoot, Reach
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.smoothing import Smoothed
from benchmark.attacks.inputs.squares import Squares
from benchmark.attacks.inputs.targets import find_targets
from benchmark.attacks.inputs.tournament import Round, Tournament
from benchmark.spaces import InputBall
from benchmark.spaces.inside import ORDERS
from models_zoo.errors import InputError

BUDGETS = {"linf": 0.12, "l2": 0.6, "l1": 3.0}
SEARCHES: dict[str, Search] = {
    "climb": Climb("probability margin", 10),
    "climb from random points": Climb("cross-entropy", 10, starts=2),
    "reach": Reach(out=5, back=10),
    "overshoot": Overshoot(above=0.0, share=1.0),
    "tournament": Tournament((Round(9, 0.0, 2, out=2), Round(2, 0.0, 8))),
    "tournament from random points": Tournament((Round(3, 0.0, 8, random=True, lanes=100),)),
    "boundary": Boundary(10),
    "squares": Squares(60),
    "squares inside the ball": Squares(40, runs=2, inside=0.25),
    "smoothed": Smoothed(8, pairs=1, classes=1),
}


def field_of(subject, norm, eps):
    """A field with targets in which every search is wanted."""
    state = Field.of(subject, InputBall(subject.images, norm, eps))
    state.masked = True
    find_targets(state)
    return state


def assert_proven(state, norm, eps):
    """What fell is proven by an image; what stands is as it was."""
    subject, stands = state.subject, state.standing
    moved = (state.images.double() - subject.images.double()).flatten(1)
    assert float(torch.linalg.vector_norm(moved, ord=ORDERS[norm], dim=1).max()) <= eps + 1e-6
    assert float(state.images.min()) >= 0
    assert float(state.images.max()) <= 1
    assert state.images.dtype == torch.float32
    with torch.no_grad():
        wrong = subject.model(state.images).argmax(1) != subject.labels
    assert torch.equal(wrong, ~stands)
    assert torch.equal(state.images[stands], subject.images[stands])


def test_the_table_holds_every_search():
    written = {
        cls for cls in Search.__subclasses__() if cls.__module__.startswith(package.__name__)
    }
    assert written == {type(search) for search in SEARCHES.values()}
    assert {type(search) for searches in EFFORTS.values() for search in searches} <= written


@pytest.mark.parametrize("norm", BUDGETS)
@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_finds_proofs_inside_the_ball(subject, name, norm):
    search, eps = SEARCHES[name], BUDGETS[norm]
    state = field_of(subject(count=30), norm, eps)
    before = state.standing.clone()
    found = search(state)
    assert found.search == search.name
    assert found.forwards > 0
    assert torch.equal(found.attacked, before)
    assert found.fell.any(), "nothing fell, so nothing was shown"
    assert torch.equal(found.fell, before & ~state.standing)
    assert_proven(state, norm, eps)


@pytest.mark.parametrize("norm", BUDGETS)
@pytest.mark.parametrize("name", SEARCHES)
def test_no_search_depends_on_the_batches(subject, name, norm):
    fell = []
    for batch_size in (256, 7):
        state = field_of(subject(count=20, batch_size=batch_size), norm, BUDGETS[norm])
        SEARCHES[name](state)
        fell.append(state.standing)
    assert torch.equal(*fell)


@dataclass(frozen=True)
class Claims(Search):
    """Says whatever it was made to say."""

    candidates: Tensor
    asked: list[Field] = field(default_factory=list)

    @property
    def name(self):
        return "claims"

    def find(self, field):
        self.asked.append(field)
        return self.candidates[field.rows]


@pytest.mark.parametrize("norm", BUDGETS)
def test_candidates_outside_are_brought_back_and_judged_where_they_land(subject, norm):
    asked, eps = subject(count=30), 0.25 * BUDGETS[norm]
    far = asked.images + 5 * torch.randn(asked.images.shape, generator=asked.generator("far"))
    assert (asked.logits(far.clamp(0, 1)).argmax(1) != asked.labels).any()
    state = field_of(asked, norm, eps)
    Claims(far)(state)
    assert_proven(state, norm, eps)
    assert state.standing.any()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_candidates_that_are_no_numbers_break_nothing(subject, value):
    state = field_of(subject(count=20), "linf", 0.2)
    before = state.standing.clone()
    Claims(torch.full_like(state.images, value))(state)
    assert torch.equal(state.standing, before)
    assert_proven(state, "linf", 0.2)


def test_candidates_that_are_still_recognised_break_nothing(subject):
    state = field_of(subject(count=20), "linf", 0.2)
    before = state.standing.clone()
    found = Claims(state.images.clone())(state)
    assert not found.fell.any()
    assert torch.equal(state.standing, before)


def test_candidates_of_another_precision_are_judged_in_float32(subject):
    state = field_of(subject(count=20), "linf", 0.3)
    noise = torch.rand(state.images.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    Claims((state.images + noise).double())(state)
    assert_proven(state, "linf", 0.3)
    assert not state.standing.all()


@pytest.mark.parametrize("shape", [(1, 8, 7), (1, 1, 8, 8), (8, 8), (3, 8, 8)])
def test_candidates_of_another_shape_are_refused(subject, shape):
    state = field_of(subject(count=5), "linf", 0.2)
    with pytest.raises(RuntimeError, match=r"claims returned .* for images of shape"):
        Claims(torch.zeros(5, *shape))(state)


def test_fewer_candidates_than_examples_are_refused(subject):
    class Fewer(Claims):
        def find(self, field):
            return super().find(field)[:4]

    state = field_of(subject(count=5), "linf", 0.2)
    with pytest.raises(RuntimeError, match=r"claims returned \(4, 1, 8, 8\)"):
        Fewer(state.images)(state)


def test_a_search_cannot_say_that_examples_fell(subject):
    class Liar(Claims):
        def find(self, field):
            field.standing[:] = False
            field.margins[:] = 100.0
            field.subject.labels[:] = 0
            field.subject.images[:] = 0
            return super().find(field)

    state = field_of(subject(count=20), "linf", 0.2)
    standing, margins = state.standing.clone(), state.margins.clone()
    labels = state.subject.labels.clone()
    assert not Liar(state.images.clone())(state).fell.any()
    assert torch.equal(state.standing, standing)
    assert torch.equal(state.subject.labels, labels)
    torch.testing.assert_close(state.margins, margins)


def test_a_subclass_cannot_replace_the_wrapper():
    with pytest.raises(TypeError, match=r"Rogue replaces Search.__call__"):

        class Rogue(Search):
            def __call__(self, field):
                return None

    with pytest.raises(TypeError, match=r"Later replaces Search.__call__"):

        class Later(Squares):
            __call__ = Search.__call__


def test_a_search_that_switches_the_model_s_mode_is_found_out(zoo, digits, monkeypatch):
    class Switch(Claims):
        def find(self, field):
            field.subject.model.train()
            return super().find(field)

    data = digits.head(5)
    monkeypatch.setitem(EFFORTS, "quick", (Switch(data.images),))
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
        def find(self, field):
            field.subject.model[5].bias.add_(1.0)
            return super().find(field)

    data = digits.head(5)
    model = normalised_model().eval()
    data_labels = model(data.images).argmax(1)
    monkeypatch.setitem(EFFORTS, "quick", (Meddler(data.images),))
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


@pytest.mark.parametrize(("classes", "effort"), [*((2, each) for each in EFFORTS), (3, "standard")])
@pytest.mark.parametrize("norm", BUDGETS)
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
    """Lets no gradient through to its images, or only zeros."""

    def __init__(self, model, how):
        super().__init__()
        self.model, self.how = model, how
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        if self.how == "no_grad":
            with torch.no_grad():
                return self.model(images)
        if self.how == "rounded":
            return self.model((images * 7).round() / 7)
        if self.how == "decisions":
            logits = self.model(images)
            return logits * 0 + nn.functional.one_hot(logits.argmax(1), logits.shape[1])
        if self.how == "saturated":
            return (self.model(images) * 1e4).softmax(1)
        logits = self.model(images.detach())
        return logits + self.offset.detach().requires_grad_() if self.how == "unused" else logits


@pytest.mark.parametrize("norm", BUDGETS)
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


@pytest.mark.parametrize(
    "how", ["detached", "no_grad", "unused", "rounded", "decisions", "saturated"]
)
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


@pytest.mark.parametrize("above", [0.0, 0.2])
def test_reach_gives_up_what_is_far_and_nothing_whose_margin_is_not_finite(subject, above):
    asked = subject("digits/mlp-pgd-at", 12)
    state = Field.of(asked, InputBall(asked.images, "linf", 0.1))
    state.clean[0] = state.margins[0] = -torch.inf
    wanted = Reach(above=above).wants(state)
    assert wanted[0]
    assert bool(wanted[1:].all()) == (above == 0), "no search has closed any margin yet"
    assert torch.equal(wanted, state.reachable)
