"""The papers behind the layers, as BibTeX."""

from collections.abc import Sequence

from caudal._version import __version__
from caudal.errors import InputError

# Key -> (kind of entry, fields).
PAPERS: dict[str, dict[str, str]] = {
    "caudal": {
        "kind": "software",
        "title": "caudal: liquid neural networks you can trust with a decision",
        "author": "{The caudal engineers}",
        "year": "2026",
        "version": __version__,
    },
    "hasani2021ltc": {
        "kind": "inproceedings",
        "title": "Liquid Time-constant Networks",
        "author": "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Rus, Daniela and Grosu, Radu",
        "booktitle": "Proceedings of the AAAI Conference on Artificial Intelligence",
        "volume": "35",
        "year": "2021",
        "eprint": "2006.04439",
    },
    "lechner2020ncp": {
        "kind": "article",
        "title": "Neural circuit policies enabling auditable autonomy",
        "author": "Lechner, Mathias and Hasani, Ramin and Amini, Alexander and Henzinger, Thomas A. and Rus, Daniela "
        "and Grosu, Radu",
        "journal": "Nature Machine Intelligence",
        "volume": "2",
        "year": "2020",
    },
    "hasani2022cfc": {
        "kind": "article",
        "title": "Closed-form continuous-time neural networks",
        "author": "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Liebenwein, Lucas and Ray, Aaron and "
        "Tschaikowski, Max and Teschl, Gerald and Rus, Daniela",
        "journal": "Nature Machine Intelligence",
        "volume": "4",
        "year": "2022",
        "eprint": "2106.13898",
    },
    "lechner2020mixed": {
        "kind": "misc",
        "title": "Learning Long-Term Dependencies in Irregularly-Sampled Time Series",
        "author": "Lechner, Mathias and Hasani, Ramin",
        "year": "2020",
        "eprint": "2006.04418",
    },
    "farsang2024lrc": {
        "kind": "misc",
        "title": "Liquid Resistance Liquid Capacitance Networks",
        "author": "Farsang, M{\\'o}nika and Neubauer, Sophie A. and Grosu, Radu",
        "year": "2024",
        "eprint": "2403.08791",
    },
    "funahashi1993ctrnn": {
        "kind": "article",
        "title": "Approximation of dynamical systems by continuous time recurrent neural networks",
        "author": "Funahashi, Ken-ichi and Nakamura, Yuichi",
        "journal": "Neural Networks",
        "volume": "6",
        "year": "1993",
    },
}
SOURCES: dict[str, tuple[str, ...]] = {
    "LTC": ("hasani2021ltc", "lechner2020ncp"),
    "CfC": ("hasani2022cfc",),
    "WiredCfC": ("hasani2022cfc", "lechner2020ncp"),
    "MixedMemory": ("hasani2022cfc", "lechner2020mixed"),
    "LRC": ("farsang2024lrc",),
    "CTRNN": ("funahashi1993ctrnn",),
}


def bibtex(cells: Sequence[str] = ()) -> dict[str, str]:
    """Entries of caudal and of the sources of some layers, of all when none is named; by key.

    Raises:
        InputError: a name is not a layer with sources.

    Example:
        >>> list(bibtex(["CfC"]))
        ['caudal', 'hasani2022cfc']
    """
    for cell in cells:
        if cell not in SOURCES:
            raise InputError("cite", "cell", f"is {cell!r}", f"Name some of {', '.join(SOURCES)}.")
    keys = dict.fromkeys(["caudal", *(key for cell in cells or SOURCES for key in SOURCES[cell])])
    return {key: _entry(key, PAPERS[key]) for key in keys}


def _entry(key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if name != "kind"]
    if "eprint" in fields:
        lines.append("  archiveprefix = {arXiv},")
    return "\n".join([f"@{fields['kind']}{{{key},", *lines, "}"])
