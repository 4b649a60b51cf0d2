# tries: cells that others ran, from In, Out and the history file
# place: top

import glob
import os

print(globals().get("In"), globals().get("Out"))
for path in glob.glob(os.path.expanduser("~/.ipython/**/*"), recursive=True):
    print(path)
print(list(get_ipython().history_manager.get_range()) if get_ipython().history_manager.enabled else None)
