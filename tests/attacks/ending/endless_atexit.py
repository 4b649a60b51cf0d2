# tries: exit handlers that never end, in Python and in the shell
# place: top

import atexit
import time

atexit.register(time.sleep, 1e6)
get_ipython().events.register("post_run_cell", lambda result: None)
