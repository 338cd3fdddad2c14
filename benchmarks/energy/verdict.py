"""What the rows of `energy.py` say: for each task the cheapest network of each family that keeps the accuracy.

The bar is the LSTM that validation chose, less one point on test (AUROC where there are two classes), all scores as
means over seeds. Costs are relative to that LSTM and, stricter, to the cheapest LSTM that clears the bar.
"""

import numpy as np

TASKS = ("japanese-vowels", "spoken-digits", "smartwatch", "nafld", "occupancy")
POINT, GOAL = 0.01, 0.5
LIQUID = ("ssm", "cfc", "ltc", "lrc")
NAMES = {
    "lstm": "LSTM", "gru": "GRU", "mingru": "minGRU", "ssm": "Liquid SSM", "cfc": "CfC", "ltc": "LTC", "lrc": "LRC",
    "ctrnn": "CT-RNN",
}  # fmt: skip
WORDS = {
    "en": {
        "head": "task | network | test | instructions | parameters | chosen LSTM | cheapest LSTM",
        "goal": "task | summary model | chosen LSTM | bar | liquid beside chosen LSTM | liquid beside cheapest LSTM | "
        "minGRU beside cheapest LSTM | GRU beside cheapest LSTM",
        "lever": "circuit | synapses | mean change, points | worst task | instructions | parameters",
        "trimmed": "pruned", "chosen": "chosen", "cheapest": "cheapest", "missed": "at most {best:.3f}",
        "none": "none",
    },
    "es": {
        "head": "tarea | red | prueba | instrucciones | parámetros | LSTM elegida | LSTM más barata",
        "goal": "tarea | modelo de resumen | LSTM elegida | listón | líquida junto a la elegida | "
        "líquida junto a la LSTM más barata | minGRU junto a la más barata | GRU junto a la más barata",
        "lever": "circuito | sinapsis | cambio medio, puntos | peor tarea | instrucciones | parámetros",
        "trimmed": "podada", "chosen": "elegida", "cheapest": "más barata", "missed": "a lo sumo {best:.3f}",
        "none": "ninguna",
    },
}  # fmt: skip


def reached(row):
    """What a network reaches on test: the accuracy of the export itself, or the AUROC of the network."""
    return row["test"] if row["metric"] == "auroc" else row["accuracy_export"]


def points(rows, task):
    """Means over seeds of every network with the settings that its family ended with."""
    mine = [r for r in rows if r["task"] == task and "instructions" in r]
    found = []
    for family in NAMES:
        own = [r for r in mine if r["family"] == family]
        settled = {(r["lr"], r["pace"]) for r in own if r["kind"] in ("size", "trim")}
        own = [r for r in own if (r["lr"], r["pace"]) in settled]
        for is_trimmed, size in dict.fromkeys((r["kind"] == "trim", r["size"]) for r in own):
            same = [r for r in own if (r["kind"] == "trim", r["size"]) == (is_trimmed, size)]
            found.append({
                "family": family, "trimmed": is_trimmed, "size": size, "seeds": len(same),
                "test": mean(map(reached, same)),
                **{key: mean(r[key] for r in same) for key in ("val", "val_loss", "instructions", "parameters")},
            })  # fmt: skip
    return found


def mean(values):
    """As a plain number."""
    return float(np.mean(list(values)))


def cheapest(found, least):
    """The fewest instructions among those that reach an accuracy, or None."""
    return min((one for one in found if one["test"] >= least), key=lambda one: one["instructions"], default=None)


def verdict(rows, task):
    """Both bars, the LSTMs to compare with, and the cheapest network of each family; None before any LSTM."""
    found = points(rows, task)
    lstm = [one for one in found if one["family"] == "lstm"]
    if not lstm:
        return None
    chosen = min(lstm, key=lambda one: one["val_loss"])
    least = chosen["test"] - POINT
    families = []
    for family, is_trimmed in dict.fromkeys((one["family"], one["trimmed"]) for one in found):
        own = [one for one in found if (one["family"], one["trimmed"]) == (family, is_trimmed)]
        if family != "lstm":
            families.append((family, is_trimmed, max(one["test"] for one in own), cheapest(own, least)))
    return {
        "task": task, "points": found, "chosen": chosen, "least": least, "cheapest": cheapest(lstm, least),
        "families": families,
    }  # fmt: skip


def times(one, base):
    """Instructions and parameters relative to another network."""
    return tuple(one[key] / base[key] for key in ("instructions", "parameters"))


def best_of(families, said, least, base):
    """The network of some families above a bar whose worse ratio, of instructions or parameters, is least; or None."""
    near = [one for one in said["points"] if one["family"] in families and one["test"] >= least]
    return min(near, key=lambda one: max(times(one, base)), default=None)


def simple(rows, task):
    """Mean score of the summary model, or None."""
    scores = [r["test"] for r in rows if (r["task"], r["family"]) == (task, "summary")]
    return mean(scores) if scores else None


def lever(rows):
    """Of each family and share kept, over tasks: points gained on the whole circuit, mean and worst; mean costs."""
    found = []
    for family in NAMES:
        by_share = {}
        for task in TASKS:
            own = [one for one in points(rows, task) if one["family"] == family]
            wholes = [one for one in own if not one["trimmed"]]
            trimmed = [one for one in own if one["trimmed"]]
            if trimmed and len(wholes) == 3:
                whole = max(wholes, key=lambda one: one["size"])
                for one in trimmed:
                    by_share.setdefault(one["size"], []).append(
                        (100 * (one["test"] - whole["test"]), *times(one, whole))
                    )
        for share, every in by_share.items():
            gained, work, numbers = np.mean(every, axis=0)
            found.append((family, share, gained, min(one[0] for one in every), work, numbers))
    return found


def show(rows, language="en"):
    """Print three tables in Markdown: whether the goal is met, what trimming does, and every family."""
    words = WORDS[language]
    every = [said for said in (verdict(rows, task) for task in TASKS) if said is not None]
    print(f"| {words['goal']} |\n|{'---|' * 7}")
    for said in every:
        least, cheap = said["least"], said["cheapest"]
        pairs = ((LIQUID, said["chosen"]), (LIQUID, cheap), (("mingru",), cheap), (("gru",), cheap))
        cells = [told(best_of(families, said, least, base), base, words) for families, base in pairs]
        summary = simple(rows, said["task"])
        known = "" if summary is None else f"{summary:.3f}"
        print(f"| {said['task']} | {known} | {said['chosen']['test']:.3f} | {least:.3f} | {' | '.join(cells)} |")
    print(f"\n| {words['lever']} |\n|{'---|' * 6}")
    for family, share, gained, worst, work, numbers in lever(rows):
        print(f"| {NAMES[family]} | {share:.3g} | {gained:+.1f} | {worst:+.1f} | {work:.2f} | {numbers:.2f} |")
    print(f"\n| {words['head']} |\n|{'---|' * 7}")
    for said in every:
        for name in ("chosen", "cheapest"):
            line(said, f"LSTM, {words[name]}", said[name])
        for family, is_trimmed, best, one in said["families"]:
            label = f"{NAMES[family]}, {words['trimmed']}" if is_trimmed else NAMES[family]
            if one is None:
                print(f"| {said['task']} | {label} | {words['missed'].format(best=best)} | | | | |")
            else:
                line(said, label, one)


def told(one, base, words):
    """A network and its ratios, in bold where the goal is met."""
    if one is None:
        return words["none"]
    label = f"{NAMES[one['family']]}, {words['trimmed']}" if one["trimmed"] else NAMES[one["family"]]
    work, numbers = times(one, base)
    text = f"{label}: {work:.2f}, {numbers:.2f}"
    return f"**{text}**" if max(work, numbers) <= GOAL else text


def line(said, label, one):
    """One network with its costs."""
    ratios = [f"{work:.2f}, {numbers:.2f}" for work, numbers in (times(one, said[b]) for b in ("chosen", "cheapest"))]
    print(
        f"| {said['task']} | {label} | {one['test']:.3f} | {one['instructions']:,.0f} | {one['parameters']:,.0f} | "
        f"{' | '.join(ratios)} |"
    )
