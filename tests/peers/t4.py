"""T4: the server greets first.

Server: `hello`. Client: `byebye!`. Both close.
"""

import peer

GREETING, ANSWER = b"hello", b"byebye!"


def serve(line, args):
    line.send(GREETING)
    line.expect(ANSWER)
    line.finish()


def dial(line, args):
    line.expect(GREETING)
    line.send(ANSWER)
    line.finish()


if __name__ == "__main__":
    peer.run(__doc__, serve, dial)
