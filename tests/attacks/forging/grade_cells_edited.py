# tries: the grade cells' text replaced by full points
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade") and cell["cell_type"] == "code":
            cell["source"] = str(mark["points"])
