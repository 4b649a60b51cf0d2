# tries: a folder that is a link to the folder of a neighbour who has everything right
# place: notebook
# told: not readable
# may: it is refused as a whole
def damage(notebook, folder):
    folder.rmdir()
    folder.symlink_to(folder.parents[1] / "a-honest-neighbour" / folder.name)
    return b""
