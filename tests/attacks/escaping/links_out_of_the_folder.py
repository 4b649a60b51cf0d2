# tries: symbolic and hard links to files of the host
# place: top

import os

for number, path in enumerate(("{CANARY}", "/etc/shadow", "{CLASS}")):
    try:
        os.symlink(path, f"link{number}")
        print(open(f"link{number}").read())
        os.link(path, f"hard{number}")
    except OSError as error:
        print(error)
