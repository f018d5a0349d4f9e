"""M1: chat by UDP, sending and receiving at once: nobody waits for a turn.

Client: all of --say, a datagram each, without waiting; it gets all of --expect. Server: the same, once the first datagram has
told it its partner. Each side's texts have to come in their order (or, with --any N, N datagrams).
"""

import peer

CLIENT, SERVER = [b"hello", b"are you there?", b"hello!"], [b"yes", b"I am"]


def chat(post, args, left):
    for text in args.say:
        post.send(text)
    for text in left:
        post.expect(text)


def serve(post, args):
    first, *left = peer.datagrams(args)
    _, sender = post.expect(first)
    chat(peer.Post(post.sock, sender, post.name), args, left)


def dial(post, args):
    chat(post, args, peer.datagrams(args))


def options(say, expect):
    return [peer.texts("--say", say, "a datagram"), peer.texts("--expect", expect, "a datagram that has to come"), peer.ANY_COUNT]


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, udp=True, serving=options(SERVER, CLIENT), dialling=options(CLIENT, SERVER))
