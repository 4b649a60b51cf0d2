# tries: the grade cell marked as a written answer with a score of its own
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade_id") == "scaled_dot_product":
            mark.update(solution=True, score=6.0, manual_score=6.0, needs_manual_grade=False)
