"""The recipes, the loop and the adversary that training uses."""

import pytest
import torch

from benchmark.datasets import load_dataset
from models_zoo import InputError, fingerprint, list_architectures, load_card
from models_zoo.training import USUAL_EPS, Epoch, list_recipes, load_recipe, train
from models_zoo.training.augmentation import flipped, noisy, shifted
from models_zoo.training.descent import seeded
from models_zoo.training.pgd import pgd


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", "train")


def run(digits, recipe="standard", architecture="mlp", seed=0, progress=None, **values):
    settings = load_recipe(recipe).configure({"epochs": 2, "eps": 0.2} | values)
    return train(
        recipe,
        architecture,
        digits.images,
        digits.labels,
        classes=10,
        settings=settings,
        seed=seed,
        dataset="digits",
        progress=progress,
    )


def few_steps(recipe):
    known = load_recipe(recipe).settings.model_fields
    return {"steps": 2, "step_size": 0.5} if "steps" in known else {}


def generator():
    return torch.Generator().manual_seed(0)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(digits):
    first, again, other = (
        run(digits, "pgd-at", seed=seed, shift=1, flip=True) for seed in (1, 1, 2)
    )
    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(first) != fingerprint(other)


def test_reporting_progress_changes_nothing(digits):
    silent = run(digits)
    assert fingerprint(run(digits, progress=lambda _: None)) == fingerprint(silent)


def test_reports_on_a_random_network_do_not_change_its_training(digits):
    noise = "noise-0.665:mlp"
    silent, reported = (run(digits, "standard", noise, progress=each) for each in (None, print))
    assert fingerprint(silent) == fingerprint(reported)


def test_training_leaves_the_caller_s_random_state_alone(digits):
    before = torch.get_rng_state()
    run(digits, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_held_out_images_are_never_trained_on(digits):
    """Held-out labels are wrong, and still nothing about the weights changes."""
    order = torch.randperm(len(digits), generator=seeded(0, "holdout"))
    held = order[: round(0.1 * len(digits))]
    spoiled = digits.labels.clone()
    spoiled[held] = (spoiled[held] + 1) % 10
    settings = load_recipe("standard").configure({"epochs": 1})
    models = [
        train("standard", "mlp", digits.images, labels, classes=10, settings=settings)
        for labels in (digits.labels, spoiled)
    ]
    assert fingerprint(models[0]) == fingerprint(models[1])


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_learns(digits, recipe):
    epochs: list[Epoch] = []
    run(digits, recipe, epochs=4, learning_rate=0.003, progress=epochs.append, **few_steps(recipe))
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[-1].clean > 0.5


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "constant"])
def test_every_way_of_descending_learns(digits, optimizer, schedule):
    epochs: list[Epoch] = []
    rate = 0.003 if optimizer == "adam" else 0.05
    model = run(
        digits,
        epochs=4,
        optimizer=optimizer,
        schedule=schedule,
        learning_rate=rate,
        progress=epochs.append,
    )
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[-1].clean > 0.5
    assert all(epoch.robust is not None and 0 <= epoch.robust <= epoch.clean for epoch in epochs)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_the_card_says_how_it_was_trained(digits):
    card = run(digits, "pgd-at", seed=5, steps=3).card
    assert card.training is not None
    assert (card.training.recipe, card.training.seed) == ("pgd-at", 5)
    assert card.training.settings["steps"] == 3
    assert card.training.settings["eps"] == 0.2
    assert card.input_shape == (1, 8, 8)


@pytest.mark.parametrize("recipe", [name for name in list_recipes() if name != "awp"])
def test_the_defaults_are_those_of_the_bundled_zoo(recipe):
    card = load_card(f"digits/mlp-{recipe}")
    assert card.training is not None
    settings = load_recipe(recipe).configure({"eps": USUAL_EPS["digits"]})
    assert settings.model_dump() == card.training.settings


def test_training_needs_every_parameter_to_move(digits):
    for architecture in ("mlp", "cnn"):
        assert architecture in list_architectures()
        start = run(digits, architecture=architecture, epochs=1, learning_rate=1e-12)
        end = run(digits, architecture=architecture, epochs=1)
        for name, value in end.state_dict().items():
            assert not torch.allclose(value, start.state_dict()[name], atol=1e-6), name


@pytest.mark.parametrize("eps", [0.0, 0.05, 0.3])
def test_pgd_stays_in_the_ball_and_in_the_box_and_lowers_the_margin(digits, eps):
    model = run(digits, epochs=5)
    images, labels = digits.images[:200], digits.labels[:200]
    adversarial = pgd(model, images, labels, eps=eps, step=eps / 4, steps=10, generator=generator())
    assert float((adversarial - images).abs().max()) <= eps + 1e-6
    assert float(adversarial.min()) >= 0
    assert float(adversarial.max()) <= 1
    loss = torch.nn.CrossEntropyLoss()
    clean, worst = loss(model(images), labels), loss(model(adversarial), labels)
    if eps == 0:
        assert torch.equal(adversarial, images)
    else:
        assert worst > clean * 1.5


def test_shifted_moves_whole_images_and_fills_with_black():
    images = torch.rand(50, 2, 6, 7, generator=generator()) + 0.1
    moved = shifted(images, 1, generator())
    assert moved.shape == images.shape
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    windows = padded.unfold(2, 6, 1).unfold(3, 7, 1)  # (N, C, 3, 3, 6, 7)
    match = (windows == moved[:, :, None, None]).all(dim=(1, 4, 5))
    assert (match.flatten(1).sum(1) == 1).all()
    assert len(match.flatten(1).int().argmax(1).unique()) == 9


def test_flipped_mirrors_about_half_of_the_images():
    images = torch.rand(200, 1, 3, 4, generator=generator())
    result = flipped(images, generator())
    mirrored = (result == images.flip(3)).all(dim=(1, 2, 3))
    kept = (result == images).all(dim=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 70 < int(mirrored.sum()) < 130


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"epocs": 3}, "did you mean 'epochs'"),
        ({"epochs": 0}, "epochs=0: "),
        ({"epochs": "many"}, "epochs='many': "),
        ({"eps": "8/0"}, "eps='8/0': '8/0' is not a fraction such as '8/255'"),
        ({"eps": "a/b"}, "eps='a/b': "),
        ({"eps": 8}, "eps=8: "),
        ({"optimizer": "lion"}, "optimizer='lion': "),
        ({"learning_rate": "nan"}, "learning_rate='nan': "),
    ],
)
def test_settings_that_will_not_do_are_named(values, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        load_recipe("pgd-at").configure(values)
    assert "\n" not in str(refusal.value)


def test_budgets_may_be_written_as_fractions():
    assert load_recipe("pgd-at").configure({"eps": "8/255"}).eps == 8 / 255


def test_an_unknown_recipe_suggests_the_nearest(digits):
    with pytest.raises(InputError, match="did you mean 'pgd-at'"):
        train("pgdat", "mlp", digits.images, digits.labels, classes=10)


def test_too_few_images_and_divergence_are_said(digits):
    with pytest.raises(InputError, match="give more images"):
        train("standard", "mlp", digits.images[:3], digits.labels[:3], classes=10)
    with pytest.raises(InputError, match="diverged in epoch 1; lower learning_rate"):
        run(digits, optimizer="sgd", schedule="constant", learning_rate=1e12)


def test_noise_differs_in_size_between_images_and_stays_in_the_box():
    images = torch.full((300, 1, 8, 8), 0.5)
    spread = (noisy(images, 0.1, generator()) - images).flatten(1).std(1)
    assert float(spread.max()) < 0.13
    assert float(spread.min()) < 0.02
    assert 0.04 < float(spread.mean()) < 0.06
    ends = noisy(torch.cat([images * 0, images * 2]), 1.0, generator())
    assert float(ends.min()) == 0
    assert float(ends.max()) == 1


def test_clipped_gradients_slow_the_descent(digits):
    """With plain SGD no weight moves further in an epoch than its steps times rate times clip."""
    quick = {"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.1, "weight_decay": 0.0}
    start = run(digits, epochs=1, **quick | {"learning_rate": 1e-12})
    end = run(digits, epochs=1, clip=1e-4, **quick)
    moved = [
        float((a - b).norm()) for a, b in zip(end.parameters(), start.parameters(), strict=True)
    ]
    assert 0 < max(moved) < 17 * 0.1 * 1e-4 * 10.01  # 17 steps; momentum adds up to 10 of them


def test_mixed_precision_needs_a_gpu(digits):
    with pytest.raises(InputError, match="precision=bfloat16 needs a GPU"):
        run(digits, precision="bfloat16")
