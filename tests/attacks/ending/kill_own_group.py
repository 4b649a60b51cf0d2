# tries: every process of the group and every process at all sent SIGKILL
# place: top
# told: graded

import os
import signal

for target in (0, -1):
    try:
        os.kill(target, signal.SIGKILL)
    except OSError as error:
        print(error)
