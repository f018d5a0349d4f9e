"""F2: two sends that may arrive as one.

Client: `hi` and `meinv`, in two sends at once; then it closes. Server: reads ten bytes at a time until the end and gets
`himeinv`, in one piece or two; which, nobody can promise. It closes, nothing said.
"""

import peer

FIRST, SECOND = b"hi", b"meinv"


def serve(line, args):
    got = b""
    while piece := line.recv(10):
        line.tell(f"got {peer.show(piece)}")
        got += piece
    if got != FIRST + SECOND:
        raise peer.Wrong(FIRST + SECOND, got)
    line.finish()


def dial(line, args):
    line.send(FIRST)
    line.send(SECOND)
    line.finish()


if __name__ == "__main__":
    peer.run(__doc__, serve, dial)
