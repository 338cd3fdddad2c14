"""One op pair per recurrence of `dynamics`: scan and reverse-time scan, over the backends that can run it."""

from caudal.dynamics import cfc, cfc_wired, ctrnn, liquid_ssm, lrc, lstm, ltc, mixed
from caudal.kernels import backends
from caudal.kernels.recurrence import Call, define
from caudal.kernels.reference import own_dtype, reference

ltc_scan = define("ltc_scan", [backends.numba("ltc"), backends.triton("ltc", backends.crowded), reference(ltc)])


def no_compiled_form(call: Call) -> str | None:
    """Reason why the compiled loops of a CfC cannot run its activation, or None."""
    return "the exact gelu has no compiled form" if call.settings["activation"] == "gelu" else None


cfc_scan = define(
    "cfc_scan",
    [own_dtype(backends.numba("cfc", no_compiled_form)), own_dtype(backends.triton("cfc")), own_dtype(reference(cfc))],
)


cfc_wired_scan = define(
    "cfc_wired_scan",
    [
        own_dtype(backends.numba("cfc_wired")),
        own_dtype(backends.triton("cfc_wired", backends.crowded)),
        own_dtype(reference(cfc_wired)),
    ],
)


ctrnn_scan = define(
    "ctrnn_scan", [backends.numba("ctrnn"), backends.triton("ctrnn", backends.crowded), reference(ctrnn)]
)


lrc_scan = define("lrc_scan", [backends.numba("lrc"), backends.triton("lrc", backends.crowded), reference(lrc)])


liquid_ssm_scan = define("liquid_ssm_scan", [own_dtype(backends.numba("liquid_ssm")), own_dtype(reference(liquid_ssm))])


def _none_yet(call: Call) -> str | None:
    return "this recurrence has no Triton kernel"


_triton = backends.triton("mixed", _none_yet)
liquid_ssm_scan = define(
    "liquid_ssm_scan", [own_dtype(backends.numba("liquid_ssm")), _triton, own_dtype(reference(liquid_ssm))]
)
lstm_scan = define("lstm_scan", [own_dtype(backends.numba("lstm")), _triton, own_dtype(reference(lstm))])
mixed_scan = define(
    "mixed_scan", [own_dtype(backends.numba("mixed", no_compiled_form)), _triton, own_dtype(reference(mixed))]
)
