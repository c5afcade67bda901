"""A port for rank 0 to listen on. No torch."""

import random
import socket


def free_port() -> int:
    """Of this machine, below those that Linux hands out by itself (32768 and up): between this look and the moment when
    rank 0 listens, seconds later, no connection of anybody takes it by chance."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
