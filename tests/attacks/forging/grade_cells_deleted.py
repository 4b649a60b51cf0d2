# tries: the grade cells deleted, so that nothing can fail
# place: notebook


def damage(notebook, folder):
    notebook["cells"] = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] != "code" or not cell["metadata"].get("nbgrader", {}).get("grade")
    ]
