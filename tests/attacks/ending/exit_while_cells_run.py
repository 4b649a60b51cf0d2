# tries: the process ended by a cell, with a friendly exit code
# place: top
# told: crashed

import os

os._exit(0)
