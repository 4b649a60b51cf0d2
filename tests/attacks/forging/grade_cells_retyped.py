# tries: the grade cells turned into markdown that says full points
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade") and cell["cell_type"] == "code":
            cell["cell_type"], cell["source"] = "markdown", f"{mark['points']} points"
            cell.pop("outputs", None), cell.pop("execution_count", None)
