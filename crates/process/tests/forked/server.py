"""A server whose forks become the commands that guards order: the product's own keepers and words, and
no code of anybody's that would have to be loaded.

Arguments: the folder with the product's Python package, the socket, and what it does with an order:
`keep`, `refuse`, `leave` (it goes before there is a keeper) or `stay` (it never answers).
"""

import os
import signal
import socket
import sys

package, path, manner = sys.argv[1:]
sys.path.insert(0, package)

from pointsman.dagster.forks import receive_order, tell  # noqa: E402
from pointsman.dagster.keeper import HANDLED, keep  # noqa: E402


def become(order):
    files = order.files
    for given, standard in ((files.request, 0), (files.out, 1), (files.err, 2)):
        os.dup2(given, standard)
        os.close(given)
    for kept in (files.lock, files.answer):
        os.set_inheritable(kept, True)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    os.chdir(order.folder)
    command = [*order.command, b"--answer-fd", str(files.answer).encode()]
    os.execve(command[0], command, order.environment)


listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
listener.listen(16)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        if manner == "stay":
            connection.recv(1)
            continue
        if manner == "refuse":
            tell(connection, "refused", why="told to")
            continue
        tell(connection, "ready")
        order = receive_order(connection)
        if order is None:
            continue
        if manner == "keep" and os.fork() == 0:
            keep(connection, order.files, [listener.fileno()], lambda: become(order))
        order.close()
