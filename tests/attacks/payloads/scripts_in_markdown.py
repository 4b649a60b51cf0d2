# tries: scripts and javascript links in markdown, and in a written answer
# place: notebook

PAGE = '<script>alert(1)</script> [see](javascript:alert(1)) <a href="data:text/html,x" onclick="alert(1)">x</a>'


def damage(notebook, folder):
    notebook["cells"].append({"cell_type": "markdown", "id": "page", "metadata": {}, "source": PAGE})
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "no_scale":
            cell["source"] = PAGE
