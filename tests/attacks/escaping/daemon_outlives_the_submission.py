# tries: a daemon, started twice removed, that goes on after the submission
# place: top

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ["MARK"] = "outlives-the-submission"
        while True:
            time.sleep(0.2)
            try:
                open("{CANARY}", "a").write("escaped")
            except OSError:
                pass
    os._exit(0)
