# tries: the environment of this process and of every other, for secrets and paths
# place: top

import glob
import os

print(dict(os.environ))
for path in glob.glob("/proc/*/environ"):
    try:
        print(path, open(path).read())
    except OSError as error:
        print(path, error)
