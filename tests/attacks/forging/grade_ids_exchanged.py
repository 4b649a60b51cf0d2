# tries: the grade_id of the missing answer exchanged with that of an answer that is right
# place: notebook


def damage(notebook, folder):
    exchange = {"scaled_dot_product": "norms", "norms": "scaled_dot_product"}
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade_id") in exchange:
            mark["grade_id"] = exchange[mark["grade_id"]]
