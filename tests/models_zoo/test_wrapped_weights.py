"""Checkpoints as people save them: wrapped, with a normalization, with what frameworks add."""

import itertools

import pytest
import torch
from safetensors.torch import save_file

from models_zoo import InputError, build_architecture, load_file, load_model
from models_zoo.architectures import build_skeleton
from models_zoo.checkpoint import fit_weights
from models_zoo.checkpoint.fitting import MismatchError

CIFAR = (3, 32, 32)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    network = build_architecture("cifar-resnet8", classes=10, input_shape=CIFAR)
    return dict(network.state_dict())


def behind(prefix, weights):
    return {prefix + name: value for name, value in weights.items()}


def fitted(weights, architecture="cifar-resnet8", **options):
    network = build_skeleton(architecture, classes=10, input_shape=CIFAR)
    return network, fit_weights(network, weights, source="it", **options)


def assert_taken(found, weights):
    network, fit = fitted(found)
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
    return fit


def mean_and_std(names, shape):
    mean, std = (f"{parent}{name}" for parent, name in names)
    return {mean: torch.tensor(MEAN).view(shape), std: torch.tensor(STD).view(shape)}


WRAPPED = (
    "module.",
    "_orig_mod.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "model.module.",
    "_fsdp_wrapped_module.",
    "_fsdp_wrapped_module._orig_mod.",
    "model.",
    "net.",
    "network.",
    "encoder.",
    "student.",
    "backbone.",
    "classifier.",
    "model.backbone.",
    "module.encoder_q.",
    "base_model.model.",
    "1.",
    "1.module.",
    "module.1.",
    "attacker.model.",
    "module.attacker.model.",
    "my.own.odd-name.",
)


@pytest.mark.parametrize("prefix", WRAPPED)
def test_whatever_stands_in_front_of_every_name_is_stripped_and_named(weights, prefix):
    fit = assert_taken(behind(prefix, weights), weights)
    assert len(fit.notes) == 1
    assert fit.notes[0].startswith("stripped ")
    assert all(part in fit.notes[0] for part in prefix.split(".") if part not in ("", "module"))


def test_names_that_are_the_network_s_own_need_no_note(weights):
    assert assert_taken(weights, weights).notes == ()
    assert load_model("digits/mlp-standard").notes == ()


@pytest.mark.parametrize("inner", ["module", "_orig_mod", "_fsdp_wrapped_module"])
def test_wrappers_in_the_middle_of_names_are_taken_out(weights, inner):
    found = {
        name.replace("layer2.", f"layer2.{inner}.").replace(".0.conv", f".0.{inner}.conv"): value
        for name, value in weights.items()
    }
    assert inner in assert_taken(found, weights).notes[0]


PAIRS = (
    (("mean", "std")),
    (("mu", "sigma")),
    (("0.mean", "0.std")),
    (("module.0.mean", "module.0.std")),
    (("normalize.mean", "normalize.std")),
    (("normalizer.new_mean", "normalizer.new_std")),
    (("normalization.means", "normalization.stds")),
    (("norm_layer.image_mean", "norm_layer.image_std")),
    (("preprocess.pixel_mean", "preprocess.pixel_std")),
    (("_mean", "_std")),
    (("model.normalize._mean", "model.normalize._std")),
    (("attacker.normalize.new_mean", "attacker.normalize.new_std")),
    (("data_mean", "data_stddev")),
)


PLACES = list(
    itertools.product(("", "1.", "model.", "module.1.module."), ((3,), (1, 3, 1, 1), (3, 1, 1)))
)


@pytest.mark.parametrize(
    ("names", "prefix", "shape"),
    [
        (names, prefix, shape)
        for index, names in enumerate(PAIRS)
        for prefix, shape in list(
            itertools.product(
                ("", "1.", "model.", "module.1.module."), ((3,), (1, 3, 1, 1), (3, 1, 1))
            )
        )[index % 4 :: 4]
    ],
)
def test_a_normalization_beside_the_network_is_found(weights, names, prefix, shape):
    mean, std = names
    found = behind(prefix, weights)
    found |= {mean: torch.tensor(MEAN).view(shape), std: torch.tensor(STD).view(shape)}
    fit = assert_taken(found, weights)
    assert fit.normalization is not None
    assert (fit.normalization.mean, fit.normalization.std) == (MEAN, STD)
    assert "found its normalization" in fit.notes[-1]
    assert "0.4914,0.4822,0.4465" in fit.notes[-1]


def test_a_checkpoint_of_the_robustness_library_holds_everything_twice(weights):
    inner = behind("model.", weights) | behind("attacker.model.", weights)
    inner |= {
        f"{each}.new_mean": torch.tensor(MEAN) for each in ("normalizer", "attacker.normalize")
    }
    inner |= {f"{each}.new_std": torch.tensor(STD) for each in ("normalizer", "attacker.normalize")}
    fit = assert_taken(behind("module.", inner), weights)
    assert fit.normalization.std == STD
    assert any("second copy" in note for note in fit.notes)


@pytest.mark.parametrize(
    "extra",
    [
        {"n_averaged": torch.tensor(3)},
        {"ema.decay": torch.tensor(0.99), "ema.num_updates": torch.tensor(5)},
        {"total_ops": torch.zeros(1), "total_params": torch.zeros(1)},
        {"layer1.total_ops": torch.zeros(1), "layer1.0.conv1.total_params": torch.zeros(1)},
        {"criterion.weight": torch.ones(10)},
        {"loss_fn.weight": torch.ones(10)},
        {"train_acc.total": torch.tensor(3), "val_acc.correct": torch.tensor(3)},
        {"val_metrics.accuracy.tp": torch.tensor(3)},
        {"global_step": torch.tensor(3), "epoch": torch.tensor(3), "best_acc": torch.tensor(0.9)},
        {"num_batches_tracked": torch.tensor(3)},
    ],
    ids=lambda extra: next(iter(extra)),
)
@pytest.mark.parametrize("prefix", ["", "model."])
def test_what_frameworks_add_is_left_out_and_named(weights, prefix, extra):
    fit = assert_taken(
        behind(prefix, weights) | behind(prefix if len(extra) > 1 else "", extra), weights
    )
    assert "no prediction depends on it" in fit.notes[-1]
    assert next(iter(extra)).rpartition(".")[2] in fit.notes[-1]


@pytest.mark.parametrize(
    ("renamed", "note"),
    [
        ({"linear": "fc"}, "fc as linear"),
        ({"linear": "classifier"}, "classifier as linear"),
        ({"linear": "head"}, "head as linear"),
        ({"linear": "last_linear", "bn": "norm"}, "last_linear as linear"),
        ({"bn": "batch_norm"}, "batch_norm1 as bn1"),
        ({"conv": "conv_"}, "conv_1 as conv1"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_layers_with_another_of_their_usual_names_are_recognized(weights, prefix, renamed, note):
    found = {}
    for name, value in weights.items():
        for ours, theirs in renamed.items():
            name = name.replace(ours, theirs)
        found[prefix + name] = value
    assert note in " ".join(assert_taken(found, weights).notes)


def test_shortcuts_of_torchvision_and_its_descendants_are_recognized():
    torch.manual_seed(0)
    network = build_architecture("cifar-resnet8-b", classes=10, input_shape=CIFAR)
    weights = dict(network.state_dict())
    found = {
        name.replace("shortcut", "downsample").replace("linear", "fc"): value
        for name, value in weights.items()
    }
    taken, fit = fitted(found, "cifar-resnet8-b")
    assert all(torch.equal(value, weights[key]) for key, value in taken.state_dict().items())
    assert fit.notes == ("read downsample as shortcut, fc as linear",)


@pytest.mark.parametrize(
    ("names", "architecture"),
    [
        (("0", "2", "5", "7"), "cnn:16k4s2p1-32k4s2p1-fc100"),
        (("conv1", "conv2", "fc1", "fc2"), "cnn:16k4s2p1-32k4s2p1-fc100"),
        (("features.0", "features.2", "classifier.1", "classifier.4"), "cnn-a"),
        (("features.0", "features.10", "head.2", "head.10"), "cnn-a"),
        (("1.model.1", "1.model.3", "1.model.6", "1.model.8"), "cnn-a"),
    ],
)
def test_a_chain_of_layers_is_taken_in_its_order(names, architecture):
    torch.manual_seed(0)
    ours = build_architecture("cnn-a", classes=10, input_shape=CIFAR).eval()
    layers = ("0", "2", "5", "7")
    found = {
        f"{theirs}.{last}": ours.state_dict()[f"{layer}.{last}"]
        for layer, theirs in zip(layers, names, strict=True)
        for last in ("bias", "weight")
    }
    network, fit = fitted(dict(sorted(found.items())), architecture, ordered=True)
    images = torch.rand(3, *CIFAR)
    assert torch.equal(network(images), ours(images))
    assert "in their order" in fit.notes[-1]


def test_a_chain_that_fits_in_two_orders_is_refused():
    square = {
        f"{name}.{last}": torch.ones(256, 256)[0] if last == "bias" else torch.ones(256, 256)
        for name in ("c", "b")
        for last in ("weight", "bias")
    }
    first = {"a.weight": torch.ones(256, 3072), "a.bias": torch.ones(256)}
    last = {"zlast.weight": torch.ones(10, 256), "zlast.bias": torch.ones(10)}
    with pytest.raises(InputError, match="does not match"):
        fitted(first | square | last, "mlp:256-256-256", ordered=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: w | {"temperature": torch.tensor(2.0)}, "unexpected temperature"),
        (lambda w: w | {"decoder.weight": torch.ones(3)}, r"unexpected decoder\.weight"),
        (lambda w: behind("model.", w) | {"scale": torch.ones(3)}, "unexpected scale"),
        (lambda w: {k: v for k, v in w.items() if "bn1.bias" not in k}, r"lacks bn1\.bias"),
        (lambda w: w | {"x\x1b[31m\nx": torch.ones(3)}, r"x\\x1b\[31m\\nx"),
        (lambda w: w | {"n" * 200_000: torch.ones(3)}, r"unexpected nnn.*\.\.\."),
        (lambda w: w | {"linear.weight": torch.ones(7, 64)}, "7x64, should be 10x64"),
        (lambda w: behind("a.", w) | behind("b.", {k: v + 1 for k, v in w.items()}), "several net"),
        (lambda w: w | {"mean": torch.ones(64), "std": torch.ones(64)}, "unexpected mean"),
        (
            lambda w: w | {"a.mean": torch.zeros(3), "b.mean": torch.ones(3)},
            "two normalizations",
        ),
        (
            lambda w: (
                behind("base_model.model.", w)
                | {"base_model.model.linear.lora_A.default.weight": torch.ones(3)}
            ),
            r"merge_and_unload\(\)",
        ),
        (lambda w: {"lora_A.weight": torch.ones(3)}, r"merge_and_unload\(\)"),
        (lambda w: {}, "lacks"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(weights, change, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        fitted(change(dict(weights)))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 700


def test_a_mismatch_is_told_from_other_errors(weights):
    with pytest.raises(MismatchError):
        fitted(weights | {"other": torch.ones(3)})


def test_trades_networks_bring_a_block_that_they_never_call():
    torch.manual_seed(0)
    network = build_architecture("wrn-10-1", classes=10, input_shape=CIFAR)
    weights = dict(network.state_dict())
    unused = {k.replace("block1", "sub_block1"): v for k, v in weights.items() if "block1" in k}
    _, fit = fitted(behind("module.", weights | unused), "wrn-10-1")
    assert "sub_block1" in fit.notes[-1]


@pytest.fixture
def saved(weights, tmp_path):
    def save(mean, std, prefix="1."):
        path = tmp_path / "net.safetensors"
        save_file(
            behind(prefix, weights) | {"0.mean": torch.tensor(mean), "0.std": torch.tensor(std)},
            path,
        )
        return path

    return save


def load(path, **given):
    return load_file(
        path, architecture="cifar-resnet8", dataset="cifar10", input_shape=CIFAR, **given
    )


def test_the_normalization_of_a_checkpoint_is_used_where_none_is_given(saved, weights):
    model = load(saved(MEAN, STD))
    assert (model.card.mean, model.card.std) == (MEAN, STD)
    assert any("0.4914" in note for note in model.notes)
    plain = build_architecture("cifar-resnet8", classes=10, input_shape=CIFAR).eval()
    plain.load_state_dict(weights)
    images = torch.rand(2, *CIFAR)
    normal = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        assert torch.allclose(model(images), plain(normal), atol=1e-5)


def test_it_is_not_applied_twice_where_the_same_is_given(saved):
    path = saved(MEAN, STD)
    given = load(path, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262))
    assert given.card.mean == (0.491, 0.482, 0.447)
    images = torch.rand(2, *CIFAR)
    assert torch.allclose(given(images), load(path)(images), atol=0.05)


@pytest.mark.parametrize(
    "given",
    [
        {"mean": (0.5,), "std": (0.5,)},
        {"mean": (0.0,), "std": (1.0,)},
        {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        {"mean": MEAN},
    ],
)
def test_what_contradicts_it_is_refused_with_both(saved, given):
    with pytest.raises(InputError, match=r"holds its own normalization .*0\.4914.* was given"):
        load(saved(MEAN, STD), **given)


GREY_MEAN, GREY_STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (GREY_MEAN, GREY_STD),
        ((125.3,), (63.0,)),
        ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
        ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
        ((0.4914, 0.4822, 0.4465), (63.0, 62.1, 66.7)),
        ((125.3, 123.0, 113.9), (0.2471, 0.2435, 0.2616)),
        ((-125.3,), (1.0,)),
        ((2.5,), (1.0,)),
    ],
)
def test_units_of_0_to_255_are_refused_wherever_they_are(saved, weights, tmp_path, mean, std):
    plain = tmp_path / "plain.safetensors"
    save_file(weights, plain)
    with pytest.raises(InputError, match="did you mean") as refusal:
        load(plain, mean=mean, std=std)
    assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match=r"units of 0 to 255.*did you mean --mean"):
        load(saved(mean, std))
    mean, std = (",".join(map(str, each)) for each in (mean, std))
    name = f"{plain}?architecture=cifar-resnet8&dataset=cifar10&mean={mean}&std={std}"
    with pytest.raises(InputError, match="did you mean"):
        load_model(name)


def test_units_are_settled_by_giving_what_is_meant(saved):
    given = {"mean": (0.4914, 0.4824, 0.4467), "std": (0.2471, 0.2435, 0.2616)}
    assert load(saved(GREY_MEAN, GREY_STD), **given).card.mean == given["mean"]


@pytest.mark.parametrize("dataset", ["cifar10"])
def test_names_with_options_find_the_normalization_too(saved, dataset):
    path = saved(MEAN, STD)
    model = load_model(f"{path}?architecture=cifar-resnet8&dataset={dataset}")
    assert model.card.mean == MEAN
    with pytest.raises(InputError, match="holds its own normalization"):
        load_model(f"{path}?architecture=cifar-resnet8&dataset={dataset}&mean=0.5&std=0.5")
