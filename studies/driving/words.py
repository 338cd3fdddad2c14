"""What the page and the verdict say, in English and Spanish."""

from collections.abc import Mapping

from caudal.errors import InputError

NAMES = {
    "ltc-ncp": "LTC-NCP", "cfc-ncp": "CfC-NCP", "lstm": "LSTM", "gru": "GRU", "mlp": "MLP",
}  # fmt: skip
_EN = {
    "expert": "expert",
    "title": "Who drives best when things go wrong?",
    "lead": "Five small networks learnt to drive from a scripted expert and then raced on {episodes} tracks that "
    "none of them had seen, under {conditions}. Liquid networks are LTC-NCP and CfC-NCP. Everything is simulated: "
    "CarRacing-v3 with a preview of the road instead of pixels.",
    "conditions.one": "one condition",
    "conditions.many": "{n} conditions",
    "verdict": "Verdict",
    "film": "A lap",
    "film.text": "{model} on a track of the study, seen from above; beside it its circuit: inputs, inter, command and "
    "motor neurons, blue above and orange below their usual value.",
    "returns": "Return",
    "returns.text": "Mean return with its 95 % interval. The expert, whose best race made {most}, sees the true state "
    "and is an upper mark, not a rival.",
    "offs": "Off the road",
    "offs.text": "How often the middle of the car left the road, per km, all races together; less is better.",
    "completion": "Completion",
    "completion.text": "Mean share of the track's tiles visited, and in brackets the share of races whose lap was "
    "finished in time.",
    "duels": "Liquid against the others",
    "duels.text": "Difference of return on the same tracks, liquid less rival. ▲ the liquid network is better, ▼ it "
    "is worse, ≈ alike (within {margin} points), · undecided, all at 95 %. Of {count} comparisons a few come out ▲ "
    "or ▼ by chance, up to about {chance} if no two networks differed.",
    "kept": "Who holds up better",
    "kept.text": "What the rival lost by the disturbance less what the liquid network lost: ▲ the liquid network "
    "kept more of its own clean return, whatever that was.",
    "trained": "What was trained",
    "trained.text": "The same {laps} episodes of the expert, the same {epochs} passes and the same step sizes to try "
    "({rates}) for all; sizes matched by trainable parameters to the LTC.",
    "limits": "Limits",
    "limits.list": "One simulator, one car, one expert, {seeds}: intervals over so few seeds are rough.|"
    "The expert sees the track itself, the networks 15 numbers of it; what those do not show cannot be imitated.|"
    "A lap must end within {frames} frames (20 s at 1,000); slow and safe loses return, and may miss the lap.|"
    "The inputs hold the full state, so a network without memory can do well when nothing goes wrong.|"
    "Strengths of the disturbances were set by how the expert fares, before any network raced.",
    "repeat": "Do it again",
    "repeat.text": "Equal options give equal numbers on one machine. Versions: {versions}.",
    "model": "driver",
    "disturbance": "condition",
    "parameters": "parameters",
    "units": "units",
    "synapses": "synapses",
    "rate": "step size",
    "pass": "best pass",
    "loss": "validation error",
    "by_seed": "return by seed",
    "input": "inputs",
    "inter": "inter",
    "command": "command",
    "motor": "motor",
    "steer": "steering",
    "throttle": "gas / brake",
    "film.label": "{model}: {units} neurons, {synapses} synapses",
    "better": "better",
    "worse": "worse",
    "alike": "alike",
    "undecided": "undecided",
    "seed.one": "one seed",
    "seed.many": "{n} seeds",
    "v.clean": "Undisturbed return: {means}; the expert {expert}.",
    "v.duel": "{name} against LSTM, GRU and MLP in return: better {better}, worse {worse}, alike {alike}, undecided "
    "{undecided} of {count} paired comparisons.",
    "v.kept": "Return lost to a disturbance: less {better}, more {worse}, alike {alike}, undecided {undecided} of "
    "{count}.",
    "v.where": "Highest mean return, of {count} conditions: {where}; many are first by less than the intervals are "
    "wide.",
    "v.advice": "Advice: {advice}",
    "advice.lose": "for this task take {best}; a liquid network buys nothing in return here.",
    "advice.win": "take {best}: it is ahead when nothing goes wrong and when something does.",
    "advice.mixed": "{best} has the best mean over all conditions ({value}); take another only for a condition of "
    "yours where the table shows it ahead.",
}
_ES = {
    "expert": "experto",
    "title": "¿Quién conduce mejor cuando algo falla?",
    "lead": "Cinco redes pequeñas aprendieron a conducir de un experto programado y corrieron después en {episodes} "
    "circuitos que ninguna había visto, en {conditions}. Las redes líquidas son LTC-NCP y CfC-NCP. Todo es simulado: "
    "CarRacing-v3 con una vista previa de la carretera en lugar de píxeles.",
    "conditions.one": "una condición",
    "conditions.many": "{n} condiciones",
    "verdict": "Veredicto",
    "film": "Una vuelta",
    "film.text": "{model} en un circuito del estudio, visto desde arriba; al lado, su circuito neuronal: entradas, "
    "interneuronas, neuronas de mando y motoras, en azul por encima y en naranja por debajo de su valor habitual.",
    "returns": "Retorno",
    "returns.text": "Retorno medio con su intervalo del 95 %. El experto, cuya mejor carrera dio {most}, ve el "
    "estado verdadero: es una cota superior, no un rival.",
    "offs": "Salidas de la carretera",
    "offs.text": "Cuántas veces por km salió de la carretera el centro del coche, con todas las carreras juntas; "
    "cuantas menos, mejor.",
    "completion": "Recorrido",
    "completion.text": "Proporción media de losetas del circuito visitadas y, entre paréntesis, proporción de carreras "
    "con la vuelta acabada a tiempo.",
    "duels": "Las líquidas contra las demás",
    "duels.text": "Diferencia de retorno en los mismos circuitos, líquida menos rival. ▲ la red líquida es mejor, ▼ "
    "es peor, ≈ iguales (a menos de {margin} puntos), · sin decidir, todo al 95 %. De {count} comparaciones, "
    "algunas salen ▲ o ▼ por azar, hasta unas {chance} si no hubiera diferencias.",
    "kept": "Quién aguanta mejor",
    "kept.text": "Lo que perdió el rival por la perturbación menos lo que perdió la red líquida: ▲ la red líquida "
    "conservó más de su propio retorno sin perturbaciones, fuera el que fuera.",
    "trained": "Qué se entrenó",
    "trained.text": "Los mismos {laps} episodios del experto, las mismas {epochs} pasadas y los mismos tamaños de paso "
    "por probar ({rates}) para todas; tamaños igualados a la LTC por parámetros entrenables.",
    "limits": "Límites",
    "limits.list": "Un simulador, un coche, un experto, {seeds}: con tan pocas semillas los intervalos son toscos.|"
    "El experto ve el circuito mismo y las redes, 15 números de él; lo que esos no muestran no se puede imitar.|"
    "La vuelta debe acabar en {frames} fotogramas (20 s si son 1000); ir lento y seguro pierde retorno y puede dejarla "
    "a medias.|"
    "Las entradas contienen el estado completo, así que una red sin memoria puede ir bien cuando nada falla.|"
    "La fuerza de las perturbaciones se fijó por cómo le va al experto, antes de que corriera ninguna red.",
    "repeat": "Cómo repetirlo",
    "repeat.text": "Las mismas opciones dan los mismos números en una misma máquina. Versiones: {versions}.",
    "model": "conductor", "disturbance": "condición", "parameters": "parámetros", "units": "unidades",
    "synapses": "sinapsis", "rate": "tamaño de paso", "pass": "mejor pasada", "loss": "error de validación",
    "by_seed": "retorno por semilla",
    "input": "entradas", "inter": "inter", "command": "mando", "motor": "motoras",
    "steer": "volante", "throttle": "gas / freno",
    "film.label": "{model}: {units} neuronas, {synapses} sinapsis",
    "better": "mejor", "worse": "peor", "alike": "igual", "undecided": "sin decidir", "seed.one": "una semilla",
    "seed.many": "{n} semillas",
    "v.clean": "Retorno sin perturbaciones: {means}; el experto, {expert}.",
    "v.duel": "{name} contra LSTM, GRU y MLP en retorno: mejor {better}, peor {worse}, igual {alike}, sin decidir "
    "{undecided} de {count} comparaciones pareadas.",
    "v.kept": "Retorno perdido por una perturbación: menos {better}, más {worse}, igual {alike}, sin decidir "
    "{undecided} de {count}.",
    "v.where": "Retorno medio más alto, de {count} condiciones: {where}; en muchas, por menos de lo que miden los "
    "intervalos.",
    "v.advice": "Consejo: {advice}",
    "advice.lose": "para esta tarea, {best}; una red líquida no aporta aquí nada en retorno.",
    "advice.win": "{best}: va por delante cuando nada falla y cuando algo falla.",
    "advice.mixed": "{best} tiene la mejor media de todas las condiciones ({value}); otra, solo para una condición "
    "propia en la que la tabla la muestre por delante.",
}  # fmt: skip
_CONDITIONS = {
    "clean": ("nothing wrong", "sin perturbaciones"),
    "noise-0.2": ("sensor noise, 0.2 spreads", "ruido en los sensores, 0,2 desviaciones"),
    "noise-0.5": ("sensor noise, 0.5 spreads", "ruido en los sensores, 0,5 desviaciones"),
    "held-25": ("25 % of frames lost, last one shown", "25 % de fotogramas perdidos, se repite el último"),
    "held-50": ("50 % of frames lost, last one shown", "50 % de fotogramas perdidos, se repite el último"),
    "missing-25": ("25 % of frames lost, dt grows", "25 % de fotogramas perdidos, crece dt"),
    "missing-50": ("50 % of frames lost, dt grows", "50 % de fotogramas perdidos, crece dt"),
    "late-3": ("actions 3 frames late", "acciones 3 fotogramas tarde"),
    "late-5": ("actions 5 frames late", "acciones 5 fotogramas tarde"),
    "irregular-4": ("every 1 to 4 frames", "cada 1 a 4 fotogramas"),
    "irregular-8": ("every 1 to 8 frames", "cada 1 a 8 fotogramas"),
}
LANGUAGES = ("en", "es")


def words(lang: str) -> Mapping[str, str]:
    """Texts by key; conditions as `c.<name>`.

    Raises:
        InputError: the language is not one of `LANGUAGES`.

    Example:
        >>> words("es")["c.late-3"], words("en").keys() == words("es").keys()
        ('acciones 3 fotogramas tarde', True)
    """
    if lang not in LANGUAGES:
        raise InputError("drive", "lang", f"is {lang!r}; expected en or es", "Pass one of them.")
    column = LANGUAGES.index(lang)
    conditions = {f"c.{name}": texts[column] for name, texts in _CONDITIONS.items()}
    return {**(_EN, _ES)[column], **NAMES, **conditions}


def number(value: float, lang: str, digits: int = 0) -> str:
    """A number as the language writes it, with a true minus sign.

    Example:
        >>> number(-1234.56, "es", 1), number(-1234.56, "en", 1), number(-0.04, "en", 1)
        ('−1234,6', '−1,234.6', '0.0')
    """
    text = f"{abs(value):,.{digits}f}"
    if lang == "es":
        whole, _, part = text.partition(".")
        whole = whole.replace(",", "" if len(whole) < 6 else "\u202f")
        text = f"{whole},{part}" if part else whole
    is_zero = not any(c in "123456789" for c in text)
    return f"−{text}" if value < 0 and not is_zero else text
