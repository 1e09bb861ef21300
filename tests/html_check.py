"""Is report.html well-formed and accessible? Elements nest, ids are unique, links lead somewhere, headings come in order, every drawing has a
text, nothing is loaded from elsewhere and nothing runs. Prints what is wrong; the status is 1 then."""
import html.parser
import sys

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "circle", "mspace"}


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.ids, self.links, self.levels, self.bad = [], set(), [], [], []
        self.drawings = self.titles = self.captions = self.figures = 0
        self.lang = False

    def start(self, tag, attrs):
        a = dict(attrs)
        if "id" in a:
            if a["id"] in self.ids:
                self.bad.append(f"id {a['id']} twice")
            self.ids.add(a["id"])
        for key in ("aria-labelledby",):
            if key in a:
                self.links.append(a[key])
        if tag == "a" and a.get("href", "").startswith("#"):
            self.links.append(a["href"][1:])
        for key in ("src", "href", "action", "data"):
            if a.get(key, "#")[:1] != "#" and a[key] != "data:,":
                self.bad.append(f"<{tag} {key}={a[key]}> leads out of the page")
        if tag in ("script", "iframe", "object", "embed", "form", "img") or any(k.startswith("on") for k in a):
            self.bad.append(f"<{tag} {attrs}> does not belong here")
        if tag in ("h1", "h2", "h3", "h4"):
            level = int(tag[1])
            if level > (self.levels[-1] if self.levels else 0) + 1:
                self.bad.append(f"heading {tag} after h{self.levels[-1] if self.levels else 0}")
            self.levels.append(level)
        if tag == "html":
            self.lang = bool(a.get("lang"))
        if tag == "svg":
            self.drawings += 1
            if a.get("role") != "img" or not a.get("aria-label"):
                self.bad.append("a drawing without a text")
        self.titles += tag == "title" and "svg" in self.stack
        self.figures += tag == "figure"
        self.captions += tag == "figcaption"

    def handle_starttag(self, tag, attrs):
        self.start(tag, attrs)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.start(tag, attrs)

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1] != tag:
            self.bad.append(f"</{tag}> at {self.getpos()} within {self.stack[-3:]}")
            return
        self.stack.pop()


page = open(sys.argv[1], encoding="utf-8").read()
c = Checker()
c.feed(page)
c.close()
c.bad += [f"#{x} leads nowhere" for x in c.links if x not in c.ids]
c.bad += [f"<{x}> is not closed" for x in c.stack]
if not page.startswith("<!DOCTYPE html>"):
    c.bad.append("no doctype")
if not c.lang:
    c.bad.append("no language")
if c.levels.count(1) != 1:
    c.bad.append("not one h1")
if not c.drawings or c.drawings != c.titles or c.figures != c.captions:
    c.bad.append(f"{c.drawings} drawings with {c.titles} titles, {c.figures} figures with {c.captions} captions")
if "http://" in page or "https://" in page or "@import" in page or "url(" in page:
    c.bad.append("the page refers to the network")
print("\n".join(c.bad[:20]))
sys.exit(bool(c.bad))
