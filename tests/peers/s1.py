"""S1: the first example of socketserver; a thread for each client.

Client: anything. Server: `亲,学会了吗` (16 bytes), but no byte before the client's first; it closes. With --clients N the client
opens N connections, of which the last talks first.
"""

import peer

ANSWER = "亲,学会了吗".encode()


def serve(line, args):
    peer.Listed(args.expect).hear(line, b"")
    line.send(ANSWER)
    line.finish()


def dial(line, args):
    line.quiet()
    line.send(args.say[-1])
    line.expect(ANSWER)
    line.finish()


if __name__ == "__main__":
    say = peer.texts("--say", [b"hello"], "the message")
    peer.run(__doc__, serve, dial, threads=True, serving=[peer.texts("--expect", None, "the message")], dialling=[say])
