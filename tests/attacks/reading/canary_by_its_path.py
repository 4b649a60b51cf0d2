# tries: a file of the host whose path is known
# place: top

import os
import pathlib

print(os.listdir(pathlib.Path("{CANARY}").parent) if os.path.exists("{CANARY}") else "nothing there")
print(open("{CANARY}").read())
