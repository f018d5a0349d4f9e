"""T2 and T3: hello and hi, once.

Client: `hello!`. Server: `hi`, and closes; so does the client. T3 is --reuse: the server may have its port again at once.
"""

import peer

GREETING, ANSWER = b"hello!", b"hi"


def serve(line, args):
    line.expect(GREETING)
    line.send(ANSWER)
    line.finish()


def dial(line, args):
    line.send(GREETING)
    line.expect(ANSWER)
    line.finish()


def prepare(sock, args):
    if args.reuse:
        peer.reuse(sock, args)


if __name__ == "__main__":
    reuse = peer.option("--reuse", action="store_true", help="T3: the server's socket has SO_REUSEADDR")
    peer.run(__doc__, serve, dial, both=[reuse], prepare=prepare)
