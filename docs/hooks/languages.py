"""English and Spanish as two sites in one build: navigation, words of the theme, switch and search of each its own.

Pages below `es/` are Spanish. Also writes `llms.txt`, a map of each site for programs that read it.
"""

import json
import re
from pathlib import Path

from mkdocs.structure.nav import Link, Navigation, Page, Section

SPANISH = "es/"
HOMES = {"en": "index.html", "es": "es/index.html"}
NAMES = {"en": "English", "es": "Español"}
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
SHIM = "assets/iframe-worker/shim.js"
BASE = re.compile(r'("base":\s*)"\.\."')


def language(url):
    """Language of a page by its address in the site."""
    return "es" if url.startswith(SPANISH) else "en"


def of_language(items, lang):
    """Entries of the navigation whose pages are of one language; sections that lose all of them go."""
    fitting = []
    for item in items:
        if isinstance(item, Section):
            inside = of_language(item.children, lang)
            if inside:
                section = Section(item.title, inside)
                section.parent = item.parent
                if item.active:  # a False would be handed up to the parent
                    section.active = True
                fitting.append(section)
        elif language(item.url) == lang:
            fitting.append(item)
    return fitting


def twin_urls(name):
    """Address of the page, and of the same page in the other language, by language; homes where there is no twin."""
    from docs.hooks.generate import TWINS

    here = name.removesuffix(".md")
    english = {f"es/{there}": page for page, there in TWINS.items()}
    if here in english:
        return {"en": f"{english[here]}.html", "es": f"{here}.html"}
    if here in TWINS:
        return {"en": f"{here}.html", "es": f"es/{TWINS[here]}.html"}
    return HOMES


def on_page_context(context, page, config, nav):
    lang = language(page.url)
    urls = twin_urls(page.file.src_uri)
    config.theme["language"] = lang
    config.extra["homepage"] = HOMES[lang]
    config.extra["alternate"] = [{"name": NAMES[key], "link": urls[key], "lang": key} for key in NAMES]
    items = of_language(nav.items, lang)
    context["nav"] = Navigation(items, [one for one in nav.pages if language(one.url) == lang])
    context["nav"].homepage = next(one for one in nav.pages if one.url == HOMES[lang])
    return context


def on_post_page(output, page, config):
    # Search from disk runs in a frame; what makes it so comes with the site instead of from a host.
    output = output.replace(SHIM_ELSEWHERE, f"{page.url.count('/') * '../'}{SHIM}")
    # The search of a Spanish page reads the index beside the Spanish home.
    return BASE.sub(r'\1"."', output) if language(page.url) == "es" else output


def on_post_build(config):
    site = Path(config.site_dir)
    lost = site / "404.html"
    lost.write_text(lost.read_text(encoding="utf-8").replace(SHIM_ELSEWHERE, f"/{SHIM}"), encoding="utf-8")
    kept = site / "search" / "search_index.json"
    index = json.loads(kept.read_text(encoding="utf-8"))
    for lang in NAMES:
        docs = [
            {**entry, "location": entry["location"].removeprefix(SPANISH if lang == "es" else "")}
            for entry in index["docs"]
            if language(entry["location"]) == lang
        ]
        part = {**index, "config": {**index["config"], "lang": [lang]}, "docs": docs}
        text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
        folder = site / ("es" if lang == "es" else "") / "search"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "search_index.json").write_text(text, encoding="utf-8")
        (folder / "search_index.js").write_text(f"var __index = {text}", encoding="utf-8")
    for lang, intro in INTROS.items():
        pages = config.extra.pop(f"pages-{lang}")
        (site / Path(HOMES[lang]).parent / "llms.txt").write_text(llms(intro, pages), encoding="utf-8")


INTROS = {
    "en": "Liquid neural networks you can trust with a decision: a Python library and the command `caudal`.",
    "es": "Redes neuronales líquidas a las que se puede confiar una decisión: biblioteca de Python y orden `caudal`.",
}


def on_nav(nav, config, files):
    for lang in NAMES:
        config.extra[f"pages-{lang}"] = listed(of_language(nav.items, lang), "")
    return nav


def listed(items, section):
    """Section, title and address of each page, in the order of the navigation."""
    rows = []
    for item in items:
        if isinstance(item, Section):
            rows += listed(item.children, f"{section} / {item.title}".strip(" /"))
        elif isinstance(item, Page | Link):
            rows.append((section, item.title or "caudal", item.url.removeprefix(SPANISH)))
    return rows


def llms(intro, pages):
    """The map of one site as Markdown, as llmstxt.org describes it."""
    lines, before = ["# caudal", "", f"> {intro}"], None
    for section, title, url in pages:
        if section != before:
            lines += ["", f"## {section or 'caudal'}", ""]
            before = section
        lines.append(f"- [{title}]({url})")
    return "\n".join(lines) + "\n"
