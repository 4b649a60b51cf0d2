# tries: devices of the host
# place: top

import os

for name in ("/dev/mem", "/dev/kmem", "/dev/sda", "/dev/vda", "/dev/kmsg", "/dev/nvidia0", "/dev/fuse", "/dev/kvm"):
    try:
        print(name, os.open(name, os.O_RDWR))
    except OSError as error:
        print(name, error)
print(sorted(os.listdir("/dev")))
