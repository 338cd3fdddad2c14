"""What came of a cut, in words."""

from typing import TYPE_CHECKING

from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.fair.mitigate.circuit.cut import AttributeCut

_TEXTS = {
    "en": {
        "good": "The group was taken out of what the decision reads.",
        "bad": "This failed: {why}.",
        "told": "a new probe still tells it, {after:.1f} points above chance",
        "dear": "it cost {cost:.1f} points of accuracy, and 2 were allowed",
        "both": " and ",
        "figures": "A new linear probe is {after:+.1f} points from chance (before: {before:+.1f}); "
        "accuracy went from {old:.1%} to {new:.1%}.",
        "records": "Accuracy is counted by the classes as they are written down.",
        "cut": "Synapses cut: {count} ({names}).",
        "inside": "Inside the layer the group can still be told ({inside:+.1f} points, before {inside_before:+.1f}); "
        "the decision does not read it there.",
        "clean": "The states of all neurons tell it no better ({inside:+.1f} points, before {inside_before:+.1f}).",
        "curved": "A probe that is not linear is {curved:+.1f} points from chance: a readout other than a linear one "
        "could use it.",
        "uncertain": "With so few people a probe is uncertain: {low:+.1f} to {high:+.1f} points.",
    },
    "es": {
        "good": "El grupo ya no está en lo que la decisión lee.",
        "bad": "No se consiguió: {why}.",
        "told": "una sonda nueva aún lo distingue, {after:.1f} puntos por encima del azar",
        "dear": "costó {cost:.1f} puntos de exactitud, y se permitían 2",
        "both": " y ",
        "figures": "Una sonda lineal nueva queda a {after:+.1f} puntos del azar (antes: {before:+.1f}); "
        "la exactitud pasó de {old:.1%} a {new:.1%}.",
        "records": "La exactitud se cuenta según las clases tal como están escritas.",
        "cut": "Sinapsis cortadas: {count} ({names}).",
        "inside": "Dentro de la capa el grupo aún se distingue ({inside:+.1f} puntos, antes {inside_before:+.1f}); "
        "la decisión no lo lee ahí.",
        "clean": "Los estados de todas las neuronas tampoco lo distinguen ({inside:+.1f} puntos, "
        "antes {inside_before:+.1f}).",
        "curved": "Una sonda no lineal queda a {curved:+.1f} puntos del azar: una salida que no fuera lineal podría "
        "usarlo.",
        "uncertain": "Con tan pocas personas la sonda es incierta: de {low:+.1f} a {high:+.1f} puntos.",
    },
}


def cut_words(cut: "AttributeCut", language: str = "en") -> str:
    """Sentences about a cut.

    Arguments:
        cut: what was done.
        language: `"en"` or `"es"`.

    Raises:
        InputError: the language is another.
    """
    if language not in _TEXTS:
        raise InputError("AttributeCut.words", "language", f"is {language!r}", 'Pass "en" or "es".')
    texts = _TEXTS[language]
    probed = cut.after.told
    facts = {
        "after": cut.after.points,
        "before": cut.before.points,
        "inside": cut.inside.points,
        "inside_before": cut.inside_before.points,
        "curved": cut.curved.points,
        "cost": cut.cost,
        "old": cut.accuracy_before,
        "new": cut.accuracy,
        "count": len(cut.synapses),
        "names": ", ".join(cut.synapses[:5]) + (", ..." if len(cut.synapses) > 5 else ""),
        "low": 100 * (probed.low - cut.after.chance),
        "high": 100 * (probed.high - cut.after.chance),
    }
    whys = [key for key, holds in (("told", abs(cut.after.points) > 2), ("dear", cut.cost > 2)) if holds]
    why = texts["both"].join(texts[key].format(**facts) for key in whys)
    keys = ["good" if cut.succeeded else "bad", "figures", "records"]
    keys += ["cut"] if cut.synapses else []
    keys += ["clean" if abs(cut.inside.points) <= 2 else "inside"]
    keys += ["curved"] if abs(cut.curved.points) > 2 else []
    keys += ["uncertain"] if probed.high - probed.low > 0.08 else []
    return " ".join(texts[key].format(**facts, why=why) for key in keys)
