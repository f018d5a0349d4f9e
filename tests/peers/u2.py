"""U2: hello and hi by UDP, once.

Client: a datagram `hello`. Server: a datagram `hi`, to its sender.
"""

import peer

GREETING, ANSWER = b"hello", b"hi"


def serve(post, args):
    _, sender = post.expect(GREETING)
    post.send(ANSWER, sender)


def dial(post, args):
    post.send(GREETING)
    post.expect(ANSWER)


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, udp=True)
