# tries: the tag that makes stock graders skip a cell, on every grade cell
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["tags"] = ["skip-execution", "remove_cell", "look"]
