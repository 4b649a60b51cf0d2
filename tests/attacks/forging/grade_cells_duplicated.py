# tries: each grade cell twice, the second with a cell id of its own and full points as its text
# place: notebook

import copy


def damage(notebook, folder):
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade") and cell["cell_type"] == "code":
            twin = copy.deepcopy(cell)
            twin["id"], twin["source"] = cell["id"][:40] + "-twin", str(mark["points"])
            cells.append(twin)
    notebook["cells"] = cells
