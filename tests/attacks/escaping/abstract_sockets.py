# tries: the abstract Unix sockets of the host
# place: top

import socket

for name in ("{SOCKET}", "/tmp/.X11-unix/X0", "dbus"):
    try:
        made = socket.socket(socket.AF_UNIX)
        made.connect("\0" + name)
        made.sendall(b"escaped")
        print("connected", name)
    except OSError as error:
        print(name, error)
