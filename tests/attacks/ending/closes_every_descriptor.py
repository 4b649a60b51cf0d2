# tries: every open descriptor closed
# place: top
# told: crashed

import os

os.closerange(0, 1024)
