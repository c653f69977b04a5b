"""What a written page says: its tables by section, its texts in pictures, and what it refers to."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """`tables` has the rows (class, cells) of every section by id; `texts` all of pictures; `links` attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[tuple[str, list[str]]]] = {}
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._section = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "action", "data", "srcset")]
        if tag == "section":
            self._section = found.get("id") or found.get("class") or ""
        if tag == "tr":
            self.tables.setdefault(self._section, []).append((found.get("class") or "", []))
        if tag in ("td", "th"):
            self.tables[self._section][-1][1].append("")
        if tag == "text":
            self.texts.append("")
        if tag in ("td", "th", "text"):
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "text":
            self.texts[-1] += data
        elif self._open:
            self.tables[self._section][-1][1][-1] += " ".join(data.split())

    def cells(self, section: str) -> list[list[str]]:
        """The rows of a section without their classes."""
        return [row for _, row in self.tables[section]]
