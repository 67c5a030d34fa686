"""Building blocks of an HTML page that needs no other file: text, tables that can be sorted, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

STYLE = """
:root { color-scheme: light; --line: #ddd; --soft: #666; }
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; max-width: 1180px; margin: 0 auto;
       padding: 0 24px 64px; }
h1 { font-size: 26px; margin: 28px 0 4px; }
h2 { font-size: 20px; margin: 44px 0 8px; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
h3 { font-size: 16px; margin: 24px 0 6px; }
p { max-width: 72ch; }
nav a { margin-right: 16px; }
a { color: #0b57a4; }
code { background: #f3f3f3; padding: 1px 4px; overflow-wrap: anywhere; }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; min-width: 110px; }
.card b { display: block; font-size: 22px; }
.card span, figcaption, .soft { color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0; }
th, td { padding: 3px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { background: #f6f6f6; position: sticky; top: 0; }
table.sortable th { cursor: pointer; }
table.sortable th::after { content: " \\2195"; color: #aaa; }
td.text, th.text { text-align: left; }
tr.total td { font-weight: 600; border-top: 2px solid #888; }
dl { display: grid; grid-template-columns: max-content auto; gap: 2px 16px; margin: 12px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.pictures { display: grid; gap: 14px; margin: 12px 0; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); }
.pictures.large { grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); }
figure { margin: 0; }
figure img { max-width: 100%; height: auto; display: block; }
.pictures figure img { width: 100%; object-fit: contain; background: #f6f6f6; aspect-ratio: 1; }
.pictures.large figure img { aspect-ratio: auto; max-height: 640px; }
figcaption { overflow-wrap: anywhere; margin-top: 3px; }
.key { white-space: nowrap; margin-right: 18px; }
.chip { display: inline-block; width: 12px; height: 12px; margin-right: 5px; border: 1px solid #8888; }
"""

SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("th").forEach((heading, column) => heading.addEventListener("click", () => {
    const rising = heading.dataset.rising !== "yes";
    heading.dataset.rising = rising ? "yes" : "no";
    const text = row => row.cells[column].textContent;
    const numeric = heading.className !== "text";
    const compare = (a, b) => numeric ? (parseFloat(text(a)) || 0) - (parseFloat(text(b)) || 0)
                                      : text(a).localeCompare(text(b));
    const rows = [...body.rows].sort((a, b) => rising ? compare(a, b) : compare(b, a));
    body.append(...rows);
  }));
}
"""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$title</title>
<style>$style</style>
</head>
<body>
$body
<script>$script</script>
</body>
</html>
""")
_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


def page(title: str, body: Iterable[str]) -> str:
    """A whole page of blocks of HTML."""
    return _PAGE.substitute(title=escape(title), style=STYLE, body="\n".join(body), script=SCRIPT)


def table(name: str, rows: Sequence[Sequence[str]], text_columns: Sequence[str] = (), total: bool = False) -> str:
    """Rows under their headings, which come first; `total`: the last one is that of all, and sorting leaves it.

    A click on a heading sorts, where there is more than one row.
    """
    headings, *others = rows
    kinds = [' class="text"' if heading in text_columns else "" for heading in headings]

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))

    foot = f'<tfoot><tr class="total">{line(others.pop(), "td")}</tr></tfoot>' if total else ""
    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in others)
    kind = ' class="sortable"' if len(others) > 1 else ""
    return (
        f'<div class="scroll"><table id="{name}"{kind}><thead><tr>{line(headings, "th")}</tr></thead>\n'
        f"<tbody>{body}</tbody>{foot}</table></div>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Headings and what belongs to them."""
    return f"<dl>{''.join(f'<dt>{escape(term)}</dt><dd>{escape(text)}</dd>' for term, text in pairs)}</dl>"


def cards(pairs: Iterable[tuple[str, str]]) -> str:
    """Figures in large letters and what they are."""
    each = (f'<div class="card"><b>{escape(value)}</b><span>{escape(what)}</span></div>' for what, value in pairs)
    return f'<div class="cards">{"".join(each)}</div>'


def picture(path: Path, caption: str, title: str = "") -> str:
    """The picture of a .png or .jpg file, which becomes part of the page. title: what a pointer on it is told."""
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure title="{escape(title)}"><img alt="{escape(caption)}" src="data:{_TYPES[path.suffix]};base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def pictures(blocks: Iterable[str], large: bool = False) -> str:
    """Pictures side by side."""
    return f'<div class="pictures{" large" if large else ""}">{"".join(blocks)}</div>'


def section(name: str, title: str, *blocks: str) -> str:
    """A part of the page that `#name` leads to."""
    return f'<section id="{name}"><h2>{escape(title)}</h2>\n{"".join(blocks)}</section>'


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"
