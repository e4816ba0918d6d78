"""A page as a browser would read it, for tests."""

import re
from html.parser import HTMLParser

_ADDRESSED = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "style"}
_FETCHING = {"link", "img", "iframe", "object", "image", "base"}


class Page(HTMLParser):
    """Its elements and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def addresses_outside(html: str) -> list[str]:
    """Whatever would make a browser fetch something."""
    elements = Page(html).elements
    addresses = [
        value or ""
        for _, attributes in elements
        for name, value in attributes.items()
        if name in _ADDRESSED and re.search(r"//|url\((?!#)|^[^#]*\.(css|js|png|svg)$", value or "")
    ]
    tags = [tag for tag, _ in elements if tag in _FETCHING]
    return addresses + tags + re.findall(r"https?:|@import", html)
