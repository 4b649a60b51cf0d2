# tries: command lines, working folders and memory of other processes
# place: top

import glob
import os

for path in sorted(glob.glob("/proc/[0-9]*")):
    try:
        print(path, open(path + "/cmdline").read(), os.readlink(path + "/cwd"), os.listdir(path + "/root"))
        with open(path + "/mem", "rb") as memory:
            memory.seek(int(open(path + "/maps").readline().split("-")[0], 16))
            print(memory.read(64))
    except OSError as error:
        print(path, error)
