# tries: points of a thousand in the metadata of the cells that are right
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            mark["points"] = 1000
            mark["locked"] = False
            mark["checksum"] = "0" * 32
