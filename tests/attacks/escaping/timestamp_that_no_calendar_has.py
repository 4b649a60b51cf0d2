# tries: timestamps on which parsers of dates fail in ways of their own
# place: notebook
# told: graded
def damage(notebook, folder):
    (folder / "timestamp.txt").write_text("9" * 200)
