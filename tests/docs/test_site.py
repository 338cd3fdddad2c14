"""The site builds without a warning and loads nothing from elsewhere when it is read."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]+src=[\"'](?:https?:)?//|<link[^>]+href=[\"'](?:https?:)?//")
IMPORTED = re.compile(r"@import\s+(?:url\()?[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return place


def test_the_site_builds_strictly_and_needs_no_network(site):
    foreign = [p.name for p in site.rglob("*.html") if LOADED.search(p.read_text())]
    foreign += [p.name for p in site.rglob("*.css") if IMPORTED.search(p.read_text())]
    assert not foreign
    assert (site / "reference" / "nn.html").exists()


def test_each_language_has_its_own_pages_search_and_map(site):
    """Navigation, words of the theme, switch, search index and llms.txt of a Spanish page are Spanish."""
    start, inicio = ((site / name).read_text(encoding="utf-8") for name in ("start.html", "es/inicio.html"))
    tabs = [re.findall(r'md-tabs__link">\s*([^<]*?)\s*</a', page) for page in (start, inicio)]
    assert tabs == [["Home", "Learn", "Guides", "Examples", "Reference"], ["Inicio", "Aprender", "Guías", "Ejemplos"]]
    assert '<html lang="en"' in start and '<html lang="es"' in inicio
    assert re.search(r'href="\S*es/inicio.html" hreflang="es"', start)
    assert re.search(r'href="\.\./start.html" hreflang="en"', inicio)
    for folder, lang, page in (("", "en", "start.html"), ("es/", "es", "inicio.html")):
        index = json.loads((site / folder / "search/search_index.json").read_text(encoding="utf-8"))
        assert index["config"]["lang"] == [lang]
        places = {entry["location"].partition("#")[0] for entry in index["docs"]}
        assert page in places and all((site / folder / place).is_file() for place in places)
        assert (site / folder / "search/search_index.js").read_text(encoding="utf-8").startswith("var __index = {")
        assert f"]({page})" in (site / folder / "llms.txt").read_text(encoding="utf-8")


def test_maths_is_set_and_what_layers_repeat_stands_once(site):
    page = (site / "cells/ltc.html").read_text(encoding="utf-8")
    assert 'class="arithmatex"' in page and "assets/katex/katex.min.js" in page
    assert (site / "assets/katex/fonts/KaTeX_Main-Regular.woff2").is_file()
    reference = (site / "reference/nn.html").read_text(encoding="utf-8")
    repeated = set(re.findall(r'id="caudal\.nn\.\w+\.(\w+)\.(?:scan|tick|arguments)"', reference))
    assert repeated == {"Layer"}
