"""Whether HTML is well made, read tag by tag: what a browser would mend in silence is told here."""

from html.parser import HTMLParser

VOID = {"br", "hr", "input", "link", "meta", "img"}
# An element that is closed by the start of another must be closed by hand here; these may not hold each other.
NOT_IN_P = {"p", "div", "table", "ul", "ol", "dl", "h1", "h2", "h3", "h4", "section", "figure", "details", "pre"}


class Structure(HTMLParser):
    """What a page is made of.

    Attributes:
        faults: what is wrong, in words.
        elements: `(tag, attributes, tags around it)` of each element, in order.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.faults, self.elements, self.texts, self._open = [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag, _ in self._open]
        self._check()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if len(found) != len(attributes):
            self.faults.append(f"<{tag}> names an attribute twice")
        around = [name for name, _ in self._open]
        if "p" in around and tag in NOT_IN_P and "svg" not in around:
            self.faults.append(f"<{tag}> stands in <p>")
        self.elements.append((tag, found, tuple(around)))
        if tag not in VOID:
            self._open.append((tag, found))

    def handle_endtag(self, tag):
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:] or 'nothing'}")
            return
        self._open.pop()

    def handle_data(self, data):
        self.texts.append((data, tuple(name for name, _ in self._open)))

    def named(self, tag):
        """Attributes of all elements of a kind."""
        return [found for name, found, _ in self.elements if name == tag]

    def _check(self):
        every = [(tag, found) for tag, found, _ in self.elements]
        ids = [found["id"] for _, found in every if "id" in found]
        self.faults += [f"id {one!r} stands twice" for one in set(ids) if ids.count(one) > 1]
        for tag, found in every:
            refers = [found[key] for key in ("aria-labelledby", "aria-controls", "for") if key in found]
            refers += [found["href"][1:]] if found.get("href", "").startswith("#") else []
            self.faults += [f"<{tag}> refers to {one!r}, which is not there" for one in refers if one not in ids]
            self.faults += [f"<{tag}> has a handler in its text" for key in found if key.startswith("on")]
        levels = [int(tag[1]) for tag, _ in every if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]
        if levels.count(1) != 1:
            self.faults.append(f"{levels.count(1)} headings of the first level")
        self._check_tables()
        self._check_drawings()

    def _check_tables(self):
        tables, captions = len(self.named("table")), len(self.named("caption"))
        if tables != captions:
            self.faults.append(f"{tables} tables with {captions} captions")
        self.faults += ["<th> without scope" for found in self.named("th") if "scope" not in found]

    def _check_drawings(self):
        """A drawing says what it shows, or is hidden from those who cannot see it."""
        for tag, found, around in self.elements:
            if tag != "svg" or "svg" in around or "g" in around:
                continue
            if found.get("aria-hidden") != "true" and not (found.get("role") and found.get("aria-label")):
                self.faults.append(f"<svg> says nothing: {found}")
