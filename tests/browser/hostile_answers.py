"""What students may write to call home from the page of whoever reads it, or to lay something over their score.

`{url}` stands for an address that counts its calls.
"""

from __future__ import annotations

from collections.abc import Callable

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
COVER = "left:0;top:0;width:9999px;height:9999px;background-color:white;z-index:2147483647"
ACT = "window.acted=1;document.title='acted'"

STYLES = {
    "image-set of a list": "list-style: image-set('{url}' 1x)",
    "image-set with a prefix": "list-style-image: -webkit-image-set('{url}' 1x)",
    "image of a list": "list-style: url({url})",
    "background": "background: url('{url}')",
    "background in escapes": "background: u\\72l('{url}')",
    "background behind a comment": "background: red/**/url('{url}')",
    "image-set in a background": "background-image: image-set('{url}' 2x, '{url}' 1x)",
    "border image": "border: 9px solid; border-image: url('{url}') 30",
    "cursor": "cursor: url('{url}'), auto",
    "content": "content: url('{url}')",
    "mask": "mask-image: url('{url}'); -webkit-mask-image: url('{url}')",
    "filter": "filter: url('{url}#f')",
    "clip path": "clip-path: url('{url}#c')",
    "shape": "float: left; shape-outside: url('{url}')",
    "cross-fade": "background-image: -webkit-cross-fade(url('{url}'), url('{url}'), 50%)",
    "variable": "--a: url('{url}'); background: var(--a)",
    "expression": "width: expression(alert(1)); behavior: url({url})",
    "upper case": "BACKGROUND-IMAGE: URL('{url}')",
    "unclosed string": "color: red; background: url({url}",
    "important": "color: red !important; background: url({url}) !important",
    "fixed": f"position: fixed; {COVER}",
    "absolute": f"position: absolute; {COVER}",
    "sticky": f"position: sticky; {COVER}",
    "relative": "position: relative; top: -3000px; height: 9000px; background-color: white",
    "fixed in escapes": f"posi\\74ion: fixed; {COVER}",
    "negative margin": "margin-top: -4000px; padding-bottom: 9000px; background-color: white",
    "negative margin of all sides": "margin: -900px; padding: 900px; background-color: white",
    "transform": "transform: translateY(-2000px) scale(50); background-color: white",
    "translate": "translate: 0 -2000px; scale: 50; background-color: white",
    "offset path": "offset-path: path('M0 -500 L 0 -500'); background-color: white; height: 2000px",
    "outline": "outline: 3000px solid white",
    "shadow": "box-shadow: 0 0 0 3000px white; position: relative",
    "border": "border: 3000px solid white; margin: -3000px",
    "huge letters": "font-size: 3000px; line-height: 0; background-color: white",
    "indented text": "text-indent: -900px; letter-spacing: 300px; line-height: 0",
    "zoom": "zoom: 60; background-color: white",
    "upright": "writing-mode: vertical-rl; height: 9000px; margin-top: -4000px; background-color: white",
    "top layer": f"inset: 0; position: fixed; {COVER}; pointer-events: none",
    "animation": f"animation: x 1s; transition: all 1s; position: fixed; {COVER}",
}

ELEMENTS = {
    "image": "<img src='{url}'>",
    "image of a set": "<img srcset='{url} 1x' src='{url}'>",
    "picture": "<picture><source srcset='{url}'><img src=x></picture>",
    "lazy image": "<img loading=eager src=//{host}>",
    "poster": "<video poster='{url}' src='{url}' autoplay></video>",
    "audio": "<audio src='{url}' autoplay preload=auto></audio>",
    "track": "<video autoplay><source src='{url}'><track default src='{url}'></video>",
    "embed": "<embed src='{url}'>",
    "object": "<object data='{url}'></object>",
    "frame": "<iframe src='{url}'></iframe>",
    "frame with a document": "<iframe srcdoc=\"<img src='{url}'>\"></iframe>",
    "style sheet": "<link rel=stylesheet href='{url}'>",
    "prefetch": "<link rel=prefetch href='{url}'><link rel=preload as=image href='{url}'>",
    "preconnect": "<link rel=preconnect href='{url}'><link rel=dns-prefetch href='{url}'>",
    "icon": "<link rel=icon href='{url}'>",
    "manifest": "<link rel=manifest href='{url}'>",
    "refresh": "<meta http-equiv=refresh content='0;url={url}'>",
    "base": "<base href='{url}'><img src=x>",
    "import": "<style>@import '{url}';</style>",
    "rules": "<style>* {background: url('{url}') !important} .panel-heading {display: none}</style>",
    "font": "<style>@font-face {font-family: a; src: url('{url}')} * {font-family: a}</style>",
    "unclosed rules": "<style>.panel-heading {display: none} body {background: url('{url}')}",
    "form": f"<form action='{{url}}'><input name=a autofocus onfocus=\"{ACT}\"><button>ok</button></form>",
    "image button": "<input type=image src='{url}'>",
    "background of a table": "<table background='{url}'><tr><td background='{url}'>x</td></tr></table>",
    "background of the page": "</div></div></div><body background='{url}'>",
    "image in SVG": "<svg><image xlink:href='{url}' href='{url}' width=9 height=9 /></svg>",
    "use in SVG": "<svg><use xlink:href='{url}#a' href='{url}#a' /></svg>",
    "page in SVG": f"<svg width=999 height=999><foreignObject><img src='{{url}}' onerror=\"{ACT}\">",
    "filter in SVG": "<svg><filter id=f><feImage href='{url}' /></filter><rect filter='url(#f)' width=9 /></svg>",
    "style in SVG": "<svg><style>* {background: url('{url}')}</style></svg>",
    "animation in SVG": f'<svg><animate onbegin="{ACT}" attributeName=x dur=1s>',
    "link in MathML": "<math><mrow href='{url}' xlink:href='{url}'><mi>x</mi></mrow></math>",
    "style in MathML": f"<math><mtext></p><style><img src='{{url}}' onerror=\"{ACT}\"></style></mtext></math>",
    "nested name spaces": f"<svg></p><style><a title=\"</style><img src='{{url}}' onerror={ACT}>\">",
    "noscript": f'<noscript><p title="</noscript><img src={{url}} onerror={ACT}>">',
    "comment": f"<!--><img src='{{url}}' onerror=\"{ACT}\">-->",
    "CDATA": f"<svg><![CDATA[><img src='{{url}}' onerror=\"{ACT}\">]]>",
    "text area": f"<textarea></textarea><img src='{{url}}' onerror=\"{ACT}\">",
    "plain text": "<plaintext>",
    "script": f"<script>{ACT}</script><script src='{{url}}'></script>",
    "script in halves": f"<scr<script></script>ipt>{ACT}</script>",
    "handlers": f'<details open ontoggle="{ACT}">x</details><marquee onstart="{ACT}">y</marquee>',
    "dialog": f"<dialog open style='{COVER};position:fixed'>x</dialog>",
    "template": "<div><template shadowrootmode=open><img src='{url}'><style>:host{top:0}</style></template></div>",
    "link over the page": f"<a href='{{url}}' style='position:fixed;{COVER}'>x</a>",
    "link that pings": "<a ping='{url}' href='https://example.org' attributionsrc='{url}'>x</a>",
    "bar over the page": "<div class='navbar navbar-fixed-top modal in' style='background-color:white'>x</div>",
    "row": "<div class='row'><div class='btn btn-block pull-right affix' style='background-color:white'>x</div></div>",
    "letters that grow": "<h1><div>" * 14 + "<sup>" * 6 + "<mark>covered</mark>",
    "letters that pile up": "a" + "\u0310\u0489\u20dd" * 400,
    "field of the page": "<input class='score' id='essay'><div id='essay' class='score tabbable' data-link='x'>5</div>",
    "image in Markdown": "![x]({url})",
    "image by reference": "![x][1]\n\n[1]: {url} 'title'",
    "image out of its quotes": f'![x](y" onerror="{ACT}" z="){{url}}',
    "script in a link": f"[x](javascript:{ACT}) <a href='java\tscript:{ACT}'>y</a>",
    "fence": f"```mermaid\n</pre><img src='{{url}}' onerror=\"{ACT}\">\n```",
    "formula": f"$<img src='{{url}}' onerror={ACT}>$ \\(</span><img src='{{url}}'>\\)",
    "formula with a link": f"$\\href{{javascript:{ACT}}}{{x}} \\style{{position:fixed;background:url({{url}})}}{{x}}$",
    "escape sequences": f"\x1b[31m<img src='{{url}}' onerror=\"{ACT}\">\x1b]8;;{{url}}\x07x\x1b[0m",
}


def texts(url: str) -> dict[str, str]:
    """Payload → text for a cell, an output or a comment, with its own address below `url`."""
    found = {name: f'<ul style="{style}"><li style="{style}">x</li></ul>' for name, style in STYLES.items()} | ELEMENTS
    host = url.removeprefix("http://")
    return {
        name: text.replace("{url}", f"{url}{place}").replace("{host}", f"{host}{place}")
        for place, (name, text) in enumerate(found.items())
    }


def display(data: dict[str, object], **more: object) -> NotebookNode:
    output = new_output("display_data", data={})
    output.data = NotebookNode(data)
    output.update(more)
    return output


def _outputs(*outputs: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[2].outputs.extend(outputs)


def _of_cell(index: int, **fields: object) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[index].update(fields)


def shapes(url: str) -> dict[str, Callable[[NotebookNode], None]]:
    """Payload → what it does to a notebook: fields and types that nbformat does not know and reads all the same."""
    image = f"<img src='{url}shape' onerror=\"{ACT}\">"
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{image}"}}
    vega = {"application/vnd.vegalite.v5+json": {"data": {"url": f"{url}vega"}}, "text/plain": "x"}
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}svg'/><script>{ACT}</script></svg>"
    bar = ["x navbar navbar-fixed-top"]

    def metadata(notebook: NotebookNode) -> None:
        notebook.metadata.update(title=image, widgets={"application/vnd.jupyter.widget-state+json": {"a": image}})
        notebook.metadata.language_info = NotebookNode(name="x navbar-fixed-top", pygments_lexer="x navbar-fixed-top")

    return {
        "count that is HTML": _of_cell(2, execution_count=f"{image}<div style='position:fixed;{COVER}'>x</div>"),
        "tags that are classes": lambda notebook: notebook.cells[2].metadata.update(tags=bar),
        "metadata": metadata,
        "name of a drawing": _outputs(display({"image/svg+xml": drawing}, svg_filename=f"{url}name")),
        "names of images": _outputs(
            display({"image/png": PNG}, metadata={"filenames": {"image/png": f"{url}png"}}),
            display({"image/jpeg": PNG}, metadata={"image/jpeg": {"width": f"1 onload={ACT}", "alt": image}}),
        ),
        "isolated": _outputs(display({"text/html": image}, metadata={"text/html": {"isolated": True}})),
        "drawing": _outputs(display({"image/svg+xml": drawing})),
        "image out of its quotes": _outputs(display({"image/png": f"x' onerror={ACT} \">{image}"})),
        "image of another type": _outputs(display({"image/png": [1, {"a": image}]})),
        "script": _outputs(display({"application/javascript": ACT, "text/plain": "x"})),
        "widget": _outputs(display(widget), display(vega)),
        "diagram": _outputs(display({"text/vnd.mermaid": f"graph LR\n a[{image}]"})),
        "attachment": _of_cell(1, attachments={"a.png": {f"image/png;{image}": PNG}}),
        "raw cell": lambda notebook: notebook.cells.append(NotebookNode(cell_type="raw", metadata={}, source=image)),
    }


def notebook(text: str = "") -> NotebookNode:
    """A notebook with a text cell, a written answer, an answer in code and its grade cell, `text` in all of them."""

    def marked(cell: NotebookNode, grade_id: str, grade: bool, solution: bool) -> NotebookNode:
        marks = {"grade": grade, "solution": solution, "grade_id": grade_id, "points": 2, "schema_version": 3}
        cell.metadata["nbgrader"] = {**marks, "locked": False, "task": False}
        return cell

    answer = marked(new_code_cell("x = 1", execution_count=1), "norms_answer", grade=False, solution=True)
    if text:
        kinds = ("text/html", "text/markdown", "text/latex", "text/plain", "image/svg+xml", "application/javascript")
        answer.outputs = [display({kind: text}) for kind in kinds]
        answer.outputs.append(new_output("stream", text=text))
        answer.outputs.append(new_output("error", ename="E", evalue=text, traceback=[text]))
    return new_notebook(
        cells=[
            new_markdown_cell(text or "Text."),
            marked(new_markdown_cell(text or "Answer."), "essay", grade=True, solution=True),
            answer,
            marked(new_code_cell("check(x)"), "norms", grade=True, solution=False),
        ]
    )
