# tries: a timestamp.txt that is a link to /dev/zero, so that its reader takes all memory
# place: notebook
# told: repaired
def damage(notebook, folder):
    (folder / "timestamp.txt").symlink_to("/dev/zero")
