# tries: the grade cells moved in front of everything, where nothing is defined
# place: notebook


def damage(notebook, folder):
    grade = [
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code"
    ]
    notebook["cells"] = grade + [cell for cell in notebook["cells"] if cell not in grade]
