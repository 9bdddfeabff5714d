# SPDX-License-Identifier: Apache-2.0
"""check_chart.py FILE CURVES TEXT...: a chart of mote, alone or in a page, is as it should be."""
import html.parser
import pathlib
import re
import sys
import xml.etree.ElementTree as tree

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "style", "rect", "line", "text", "path", "circle"}


class Page(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def check_picture(root, curves):
    assert {element.tag.replace(SVG, "") for element in root.iter()} <= ELEMENTS
    _, _, width, height = map(float, root.get("viewBox").split())
    for text in root.iter(SVG + "text"):
        if text.get("x"):
            assert 0 <= float(text.get("x")) <= width and 0 <= float(text.get("y")) <= height
    drawn = [path.get("d") for path in root.iter(SVG + "path")]
    assert len(drawn) == 2 * curves  # with those of the legend
    for path in drawn:
        assert re.fullmatch(r"M[-\d. ]+(h30|([HV][\d.]+)+)", path), path
        assert all(0 <= float(x) <= width for x in re.findall(r"H([\d.]+)", path))
        assert all(0 <= float(y) <= height for y in re.findall(r"V([\d.]+)", path))
    return "\n".join(root.itertext())


def check_page(source):
    page = Page()
    page.feed(source)
    allowed = ELEMENTS | {"html", "head", "meta", "body", "div", "table", "tr", "th", "td", "p"}
    assert set(page.tags) <= allowed, set(page.tags) - allowed
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    return page.text


def main(path, curves, *texts):
    source = pathlib.Path(path).read_text(encoding="utf-8")
    picture = re.search(r"<svg .*</svg>", source, re.DOTALL)[0]
    told = check_picture(tree.fromstring(picture), int(curves))
    if path.endswith(".html"):
        told += check_page(source)
    else:
        tree.fromstring(source.encode())
    assert "url(" not in source and "@import" not in source and source.count("://") == 1  # the namespace
    for text in texts:
        assert text in told, text


main(*sys.argv[1:])
