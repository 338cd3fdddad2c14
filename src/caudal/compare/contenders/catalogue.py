"""The contenders that come with caudal: what each is, its usual settings, and what tuning may choose."""

from caudal.compare.contenders.network import Network
from caudal.compare.contenders.registry import (
    CONTENDERS,
    OWN,
    Between,
    Entry,
    Estimator,
    OneOf,
    Plan,
    Range,
    Settings,
    number,
    register,
    register_own,
)
from caudal.compare.record import Family, Scalar
from caudal.nn.pairing import PAIRINGS

# Attention reads so many steps back at most.
_CONTEXT = 1024
# The circuit of the papers.
_NEURONS, _COMMAND = 19, 6


def usual_of_networks(**more: Scalar) -> dict[str, Scalar]:
    """Usual settings of a network, and others on top of them."""
    shared: dict[str, Scalar] = {"lr": 0.01, "batch_size": 128, "weight_decay": 0.0, "dropout": 0.0, "pool": "last"}
    return {**shared, "dt": "raw", "pace": 1.0, **more}


def _usual_of_liquid(**more: Scalar) -> dict[str, Scalar]:
    """The same of a liquid network."""
    return usual_of_networks(pairing="hold", **more)


# Six dimensions at most on a regular clock, and the same training settings for every network: none is tuned with more
# care.
TRAINING: dict[str, Range] = {
    "lr": Between(0.001, 0.05, log=True),
    "batch_size": OneOf((32, 64, 128)),
    "dropout": OneOf((0.0, 0.1, 0.3)),
    "pool": OneOf(("last", "mean")),
}
CLOCK: dict[str, Range] = {"dt": OneOf(("raw", "log"))}
# Of cells whose rates start in one unit of time the pace is searched; it stays a factor, so time constants have a unit.
_PACE: dict[str, Range] = {"pace": OneOf((0.1, 0.3, 1.0, 3.0))}
_DENSITY: dict[str, Range] = {"density": OneOf((0.3, 0.5, 0.7))}
_BACKBONE: dict[str, Range] = {"backbone": OneOf((1.0, 1.5, 3.0))}
# When an input acts is a fact of the data; it is searched where times are irregular.
_LIQUID: dict[str, Range] = {"pairing": OneOf(PAIRINGS)}
_LAYERS: dict[str, Range] = {"layers": OneOf((1, 2))}


def _paper(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    """One motor neuron for one number or two classes, else one for each output, at most 8."""
    del units, steps
    motor = 1 if outputs <= 2 else min(outputs, 8)
    return {"command": _COMMAND, "motor": motor, "substeps": int(number(chosen["substeps"]))}


def _backbone(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del outputs, steps
    return {"backbone_units": max(2, round(number(chosen["backbone"]) * units))}


def _circuit(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del units, outputs, steps
    substeps = {"substeps": int(number(chosen["substeps"]))} if "substeps" in chosen else {}
    return {"density": number(chosen["density"]), **substeps}


def _attention(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del units, outputs
    return {"layers": chosen["layers"], "heads": chosen["heads"], "context": max(2, min(_CONTEXT, steps))}


def _states(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del outputs, steps
    fastest = number(chosen["fastest"])
    return {"layers": chosen["layers"], "states": units, "step": (fastest / 100, fastest)}


def _one_block(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del units, outputs, steps
    return {"layers": 1, "target": chosen["target"]}


def _two_blocks(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    return {**_one_block(chosen, units, outputs, steps), "layers": 2}


def _trees(plan: Plan, chosen: Settings) -> Estimator:
    from caudal.estimators import BoostedTrees

    return BoostedTrees(**chosen, seed=plan.seed, augment=dict(plan.expect) or None)  # type: ignore[arg-type]


def _summary(plan: Plan, chosen: Settings) -> Estimator:
    from caudal.estimators import SummaryModel

    del chosen
    return SummaryModel(seed=plan.seed, augment=dict(plan.expect) or None)


def _trivial(plan: Plan, chosen: Settings) -> Estimator:
    from caudal.estimators import TrivialModel

    del chosen
    return TrivialModel(seed=plan.seed)


register(
    Entry(
        "ltc-ncp",
        "LTC-NCP",
        "liquid",
        "Liquid time-constant neurons (fused solver) wired as a neural circuit policy.",
        "network",
        Network("ltc-ncp", _circuit, least=4),
        uses_dt=True,
        wired=True,
        settings=_usual_of_liquid(lr=0.02, pace=0.3, substeps=6, density=0.5),
        space={**TRAINING, **_PACE, **_DENSITY, **_LIQUID},
    )
)
register(
    Entry(
        "ltc-ncp-19",
        "LTC-NCP, 19 neurons",
        "liquid",
        "The 19-neuron circuit of the papers (12 inter, 6 command, 1 motor); its size is not matched to the others.",
        "network",
        Network("ltc-ncp", _paper, units=_NEURONS),
        uses_dt=True,
        matched=False,
        wired=True,
        settings=_usual_of_liquid(lr=0.02, pace=0.3, substeps=6),
        space={**TRAINING, **_PACE, **_LIQUID},
    )
)
register(
    Entry(
        "cfc",
        "CfC",
        "liquid",
        "Closed-form continuous-time network: one dense backbone, gates conditioned on elapsed time.",
        "network",
        Network("cfc", _backbone),
        uses_dt=True,
        settings=_usual_of_liquid(backbone=1.5),
        space={**TRAINING, **CLOCK, **_BACKBONE, **_LIQUID},
    )
)
register(
    Entry(
        "cfc-ncp",
        "CfC-NCP",
        "liquid",
        "Closed-form continuous-time neurons that obey the wiring of a neural circuit policy.",
        "network",
        Network("cfc-ncp", _circuit, least=4),
        uses_dt=True,
        wired=True,
        settings=_usual_of_liquid(lr=0.02, density=0.5),
        space={**TRAINING, **CLOCK, **_DENSITY, **_LIQUID},
    )
)
register(
    Entry(
        "mixed",
        "CfC with memory",
        "liquid",
        "Closed-form continuous-time network with the memory cell of an LSTM (mixed memory).",
        "network",
        Network("mixed", _backbone),
        uses_dt=True,
        settings=_usual_of_liquid(lr=0.005, backbone=1.5),
        space={**TRAINING, **CLOCK, **_BACKBONE, **_LIQUID},
    )
)
register(
    Entry(
        "liquid-ssm",
        "Liquid SSM",
        "liquid",
        "Liquid state space: time constants moved by the inputs only, solved exactly over each gap; one block.",
        "network",
        Network("liquid-ssm", _one_block),
        uses_dt=True,
        settings=_usual_of_liquid(target="tanh", pool="mean"),
        space={**TRAINING, **_LIQUID},
    )
)
register(
    Entry(
        "liquid-ssm-2",
        "Liquid SSM, two blocks",
        "liquid",
        "Two blocks of the liquid state space, joined by a residual and a mixing product.",
        "network",
        Network("liquid-ssm", _two_blocks),
        uses_dt=True,
        settings=_usual_of_liquid(target="tanh", pool="mean"),
        space={**TRAINING, **_LIQUID},
    )
)
register(
    Entry(
        "d-linoss",
        "D-LinOSS",
        "liquid",
        "Damped linear oscillators with learnt frequency and damping, solved exactly over each gap.",
        "network",
        Network("d-linoss"),
        uses_dt=True,
        settings=_usual_of_liquid(pool="mean"),
        space={**TRAINING, **_LIQUID},
    )
)
register(
    Entry(
        "lstm",
        "LSTM",
        "traditional",
        "Long short-term memory; the elapsed time is a further input.",
        "network",
        Network("lstm"),
        settings=usual_of_networks(dt="log"),
        space={**TRAINING, **CLOCK},
    )
)
register(
    Entry(
        "gru",
        "GRU",
        "traditional",
        "Gated recurrent unit; the elapsed time is a further input.",
        "network",
        Network("gru"),
        settings=usual_of_networks(dt="log"),
        space={**TRAINING, **CLOCK},
    )
)
register(
    Entry(
        "min-gru",
        "minGRU",
        "traditional",
        "Gated unit whose gates read the inputs only; the elapsed time is a further input.",
        "network",
        Network("min-gru"),
        settings=usual_of_networks(dt="log"),
        space={**TRAINING, **CLOCK},
    )
)
register(
    Entry(
        "gru-d",
        "GRU-D",
        "traditional",
        "Gated recurrent unit whose inputs and state decay with the time since each value was observed.",
        "network",
        Network("gru-d"),
        uses_dt=True,
        settings=usual_of_networks(),
        space={**TRAINING, **CLOCK},
    )
)
register(
    Entry(
        "transformer",
        "Transformer",
        "traditional",
        "Causal transformer encoder with an encoding of continuous time.",
        "network",
        Network("transformer", _attention, even=True),
        settings=usual_of_networks(lr=0.003, layers=1, heads=2),
        space={**TRAINING, **_LAYERS},
    )
)
register(
    Entry(
        "ssm",
        "Diagonal SSM",
        "traditional",
        "Diagonal linear state space in the style of S5, discretised with the true elapsed time.",
        "network",
        Network("ssm", _states),
        uses_dt=True,
        settings=usual_of_networks(layers=1, fastest=1.0),
        space={**TRAINING, **_LAYERS, "fastest": OneOf((0.1, 1.0))},
    )
)
register(
    Entry(
        "trees",
        "Gradient boosting",
        "traditional",
        "Gradient-boosted trees on summary features of the series so far.",
        "trees",
        _trees,
        matched=False,
        settings={"learning_rate": 0.1, "leaves": 15, "l2": 1.0, "least": 20, "rounds": 150},
        space={
            "learning_rate": Between(0.02, 0.3, log=True),
            "leaves": OneOf((4, 8, 15, 31)),
            "l2": Between(0.01, 10.0, log=True),
            "least": OneOf((5, 20, 50)),
        },
    )
)
register(
    Entry(
        "summary",
        "Summary model",
        "traditional",
        "Logistic or ridge regression on mean, deviation, first, last, change and gaps of each channel.",
        "summary",
        _summary,
        matched=False,
    )
)
register(
    Entry(
        "trivial",
        "Trivial",
        "trivial",
        "The best guess that needs no model: class shares, the mean, or the last value.",
        "trivial",
        _trivial,
        matched=False,
    )
)

# Layers that no usual study takes: each costs as much as the others, and says little beside them.
_ON_REQUEST: tuple[tuple[str, str, Family, str, bool], ...] = (
    ("ltc", "LTC", "liquid", "Liquid time-constant neurons (fused solver), each joined to all.", True),
    ("lrc", "LRC", "liquid", "Liquid-resistance liquid-capacitance neurons, each joined to all.", True),
    ("ctrnn", "CT-RNN", "liquid", "Continuous-time recurrent network, each neuron joined to all.", True),
    ("lrc-ssm", "LrcSSM", "liquid", "Liquid-resistance neurons that read the inputs and themselves alone.", True),
    ("liquid-s4", "Liquid-S4, exact", "liquid", "Diagonal state space whose rates its own drive moves.", True),
    ("mlp", "MLP", "traditional", "Layers without a memory, on each step and its elapsed time.", False),
    ("ode-rnn", "ODE-RNN", "traditional", "Gated unit whose state flows by an equation of its own in each gap.", True),
    ("phased-lstm", "Phased LSTM", "traditional", "Long short-term memory whose units open and close in time.", True),
)
for _name, _label, _family, _text, _uses_dt in _ON_REQUEST:
    register_own(
        Entry(
            _name,
            _label,
            _family,
            _text,
            "network",
            Network(_name),
            uses_dt=_uses_dt,
            wired=_name in ("ltc", "lrc", "ctrnn"),
            settings=_usual_of_liquid() if _family == "liquid" else usual_of_networks(),
            space={
                **TRAINING,
                **({} if _name == "liquid-s4" else CLOCK if _name == "mlp" else _PACE),
                **(_LIQUID if _family == "liquid" else {}),
            },
        )
    )
OWN.update(CONTENDERS)
