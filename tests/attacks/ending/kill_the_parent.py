# tries: the parent and process 1 killed
# place: top

import os
import signal

for pid in (os.getppid(), 1):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(pid, number)
        except OSError as error:
            print(pid, error)
