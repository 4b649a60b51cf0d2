# tries: the network: names, addresses, the host's own services, raw packets
# place: top

import socket

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 22)),
    (socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 80)),
    (socket.AF_INET, socket.SOCK_RAW, ("127.0.0.1", 1)),
):
    try:
        made = socket.socket(family, kind, 1 if kind == socket.SOCK_RAW else 0)
        made.settimeout(1)
        made.connect(address)
        print("connected", address)
    except OSError as error:
        print(address, error)
try:
    print(socket.getaddrinfo("example.org", 80))
except OSError as error:
    print(error)
