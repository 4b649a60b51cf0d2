# tries: files written outside of the working folder, the host's canary among them
# place: top

import os

for path in (
    "{CANARY}",
    "/etc/passwd",
    "/usr/bin/python3",
    "../escaped",
    "/srv/escaped",
    os.path.expanduser("~/escaped"),
):
    try:
        with open(path, "a") as file:
            file.write("escaped")
        print("wrote", path)
    except OSError as error:
        print(path, error)
