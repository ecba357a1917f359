"""What results stored before revision 0004 are about: the threats behind the names of outcomes.

Earlier versions stored outcomes under names alone, such as ``linf@0.05``. The names that each probe
gave are built again here from the settings of the stored battery, with the threats that they meant.
Nothing of the benchmark is used, so that the migration does the same when the benchmark changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PICTURES = ("curves", "surfaces", "bars")
"""Parts of a result that are charts."""

BUDGETS = ("eps", "radius", "rate", "flips", "size")
"""Fields of threats that are budgets, written as texts."""


@dataclass(frozen=True)
class Meaning:
    """What the outcomes and pictures of a result are about.

    Attributes:
        kinds: role and threat of each outcome, by its name, in the order of the probe.
        share_of: scores that are the share of examples in an outcome.
        headline: the threats of the scores.
        drawn: unit, role and threat of a curve, surface or bars.
    """

    kinds: Json = field(default_factory=dict)
    share_of: Mapping[str, str] = field(default_factory=dict)
    headline: Sequence[Json] = ()
    drawn: Callable[[Json], tuple[str, str | None, Json | None]] = lambda _: ("", None, None)


def meaning_of(probe: str, payload: Json, battery: Json) -> Meaning | None:
    """What a result is about; ``None`` if earlier versions did not have its probe or settings."""
    if payload.get("left_out") is not None:
        return Meaning()
    try:
        meaning = PROBES[probe](battery["probes"])
        for picture in (each for name in PICTURES for each in payload.get(name, [])):
            meaning.drawn(picture)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    return meaning


def number_of(text: str) -> float:
    """The number that a budget was written as."""
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(above)


def _usual(value: float) -> str:
    plain, levels = f"{value:g}", value * 255
    if len(plain) > 5 and 1 <= round(levels) <= 255 and abs(levels - round(levels)) < 1e-6:
        return f"{round(levels)}/255"
    return plain


def text_of(written: str) -> str:
    """The text that people see for a budget that is stored with all digits."""
    return written if "/" in written else _usual(float(written))


def _written(value: float) -> str:
    """A budget's usual text, or all digits where that is another number."""
    text = _usual(float(value))
    return text if number_of(text) == float(value) else repr(float(value))


def _input(norm: str, eps: float) -> Json:
    return {"norm": norm, "eps": _written(eps), "kind": "input"}


def _ball(settings: Json, radius: float, kind: str = "weight", geometry: str = "") -> Json:
    given = settings.get("geometry", "relative-l2" if kind == "weight" else "relative-linf")
    return {
        "geometry": geometry or given,
        "radius": _written(radius),
        "rule": settings.get("rule", "no-normalization"),
        **({"trigger": None, "target": None} if kind == "backdoor" else {}),
        "kind": kind,
    }


def _joint(inputs: Json, weights: Json) -> Json:
    return {"inputs": inputs, "weights": weights, "kind": "joint"}


def _is(role: str, threat: Json | None = None) -> Json:
    return {"role": role, "threat": threat}


def _nothing(picture: Json) -> tuple[str, str | None, Json | None]:
    raise KeyError(picture["picture"])


def _clean(probes: Json) -> Meaning:
    return Meaning({"headline": _is("headline")}, {"accuracy": "headline"}, drawn=_nothing)


def _checks(probes: Json) -> Meaning:
    return Meaning(drawn=_nothing)


def _autoattack(probes: Json) -> Meaning:
    settings = probes["input-autoattack"]
    threat = _input(settings.get("norm", "linf"), settings["eps"])
    kinds = {"headline": _is("reference", threat)}
    return Meaning(kinds, {"robust_accuracy": "headline"}, [threat], _nothing)


def _inputs(probes: Json) -> Meaning:
    settings = probes["input"]
    main = settings.get("headline_norm", "linf")
    other = "l2" if main == "linf" else "linf"
    headline = {norm: settings[f"headline_{norm}"] for norm in (main, other)}
    kinds = {"headline": _is("headline", _input(main, headline[main]))}
    for norm in ("linf", "l2"):
        for eps in settings[norm]:
            kinds[f"{norm}@{eps:.6g}"] = _is("budget", _input(norm, eps))
    return Meaning(
        kinds,
        {
            "robust_accuracy": "headline",
            f"robust_accuracy_{other}": f"{other}@{headline[other]:.6g}",
        },
        [_input(norm, eps) for norm, eps in headline.items()],
        lambda curve: ("share", "budget", _input(curve["series"], settings[curve["series"]][-1])),
    )


def _distance(probes: Json) -> Meaning:
    settings = probes["distance"]
    norm = settings.get("headline_norm", "linf")
    headline = _input(norm, settings[f"headline_{norm}"])
    ends = {norm: settings[norm] for norm in ("linf", "l2")}
    kinds = {"headline": _is("headline", headline)} | {
        f"{norm}@{eps:.6g}": _is("budget", _input(norm, eps)) for norm, eps in ends.items()
    }
    return Meaning(
        kinds,
        headline=[headline],
        drawn=lambda curve: ("share", "budget", _input(curve["series"], ends[curve["series"]])),
    )


def _weight(probes: Json) -> Meaning:
    settings = probes["weight"]
    main = _ball(settings, settings["headline"])
    kinds = {"headline": _is("headline", main)}
    ends = {}
    balls = {main["geometry"]: settings["radii"]} | {
        geometry: ball["radii"] for geometry, ball in settings.get("also", {}).items()
    }
    for geometry, radii in balls.items():
        prefix = "" if geometry == main["geometry"] else f"{geometry}@"
        for radius in radii:
            threat = _ball(settings, radius, geometry=geometry)
            kinds[f"{prefix}{radius:.6g}"] = _is("budget", threat)
            ends[f"{geometry} radius"] = threat

    def drawn(picture: Json) -> tuple[str, str | None, Json | None]:
        if picture["picture"] == "layer_sensitivity":
            return "share", "budget", main
        role = "budget" if picture["series"] == "worst found" else "control"
        unit = "share" if picture["picture"] == "weight_accuracy" else "nats"
        return unit, role, ends[picture["x_label"]]

    return Meaning(kinds, {"robust_accuracy": "headline"}, [main], drawn)


def _joints(probes: Json) -> Meaning:
    settings, weights = probes["joint"], probes["weight"]
    norm = settings.get("headline_norm", "linf")
    budgets, radii = [0.0, *settings[norm]], [0.0, *settings["radii"]]
    eps, radius = settings[f"headline_{norm}"], settings["headline_radius"]

    def threat(eps: float, radius: float) -> Json:
        return _joint(_input(norm, eps), _ball(weights, radius))

    headline, at = threat(eps, radius), "" if norm == "linf" else f"{norm}@"
    kinds = {"headline": _is("headline", headline)}
    for prefix, role in (("", "budget"), ("certified ", "certificate")):
        for each in budgets:
            for other in radii:
                name = f"{prefix}{at}{each:.6g}x{other:.6g}"
                kinds[name] = _is(role, threat(each, other))
    sides = {"attacked": "envelope", "certified": "certificate"}
    for side, role in sides.items():
        for share in (0.0, *settings.get("shares", (0.02, 0.05, 0.1, 0.2, 0.5)), 1.0):
            scaled = threat(share * eps, share * radius)
            kinds[f"{side} {share:g} of the headline"] = _is(role, scaled)

    def drawn(picture: Json) -> tuple[str, str | None, Json | None]:
        if picture["picture"] == "joint_envelopes":
            return "share", sides[picture["series"]], headline
        role = {"joint_accuracy": "budget", "joint_certified": "certificate"}[picture["picture"]]
        return "share", role, threat(budgets[-1], radii[-1])

    return Meaning(kinds, {"robust_accuracy": "headline"}, [headline], drawn)


def _backdoor(probes: Json) -> Meaning:
    settings = probes["backdoor"]
    headline = _ball(settings, settings["headline"], "backdoor")
    last = _ball(settings, settings["budgets"][-1], "backdoor")

    def drawn(each: Json) -> tuple[str, str | None, Json | None]:
        if each["picture"] != "backdoor":
            return "share", None, headline
        return "share", "success" if each["series"] == "success" else None, last

    return Meaning(
        {"held_out_robust": _is("control", headline)},
        {"clean_accuracy": "held_out_robust"},
        [headline],
        drawn,
    )


def _flatness(probes: Json) -> Meaning:
    settings = probes["flatness"]

    def drawn(curve: Json) -> tuple[str, str | None, Json | None]:
        case, what = curve["picture"].split("_case_")
        role = {"average": "control", "worst": "budget"}[case]
        return {"loss": "nats", "error": "share"}[what], role, _ball(settings, curve["x"][-1])

    radii = settings.get("average_radius", 0.5), settings.get("worst_radius", 0.003)
    headline = [_input("linf", settings["eps"]), *(_ball(settings, radius) for radius in radii)]
    return Meaning(headline=headline, drawn=drawn)


def _intrinsic(probes: Json) -> Meaning:
    settings = probes["intrinsic"]
    units = {"divergence": "nats", "changed_predictions": "share"}
    last = _input("linf", settings["linf"][-1])
    return Meaning(
        headline=[_input("linf", settings["headline"])],
        drawn=lambda curve: (units[curve["picture"]], None, last),
    )


def _bits(probes: Json) -> Meaning:
    settings = probes["bits"]

    def errors(rate: float) -> Json:
        return {"rate": _written(rate), "rule": "kernels", "kind": "bit-errors"}

    def flips(count: int) -> Json:
        return {"flips": _written(count), "rule": "kernels", "kind": "bit-flips"}

    headline = flips(settings.get("headline_flips", 10))
    rates = settings.get("rates", (0.0001, 0.001, 0.005, 0.01, 0.025))

    def drawn(curve: Json) -> tuple[str, str | None, Json | None]:
        if curve["picture"] == "bit_errors":
            return "share", "budget", errors(rates[-1])
        role = "budget" if curve["series"] == "progressive search" else "control"
        return "share", role, flips(settings.get("flips", 50))

    return Meaning(
        {"headline": _is("headline", headline), "quantized": _is("control")},
        {"accuracy_quantized": "quantized", "attacked_accuracy": "headline"},
        [errors(settings.get("headline_rate", 0.01)), headline],
        drawn,
    )


def _regional(probes: Json) -> Meaning:
    settings = probes["regional"]
    sizes = {
        "centre": settings.get("centre_edges", ()),
        "frame": settings.get("frame_widths", ()),
        "random": settings.get("random_pixels", ()),
        "saliency": settings.get("saliency_pixels", ()),
    }
    regions = [("full", 0), *((kind, size) for kind, each in sizes.items() for size in each)]
    kinds = {}
    for region, size in regions:
        for transferred, access in ((False, "white-box"), (True, "transfer")):
            threat = {"region": region, "size": _written(size), "transferred": transferred}
            name = f"{access}@{region}-{size}" if size else f"{access}@{region}"
            kinds[name] = _is("budget", threat | {"kind": "region"})
    return Meaning(
        kinds,
        drawn=lambda curve: ("share" if curve["picture"].startswith("regional_") else "", *NONE),
    )


NONE = (None, None)

PROBES: dict[str, Callable[[Json], Meaning]] = {
    "clean": _clean,
    "checks": _checks,
    "input-autoattack": _autoattack,
    "input": _inputs,
    "distance": _distance,
    "weight": _weight,
    "joint": _joints,
    "backdoor": _backdoor,
    "flatness": _flatness,
    "intrinsic": _intrinsic,
    "bits": _bits,
    "regional": _regional,
}
