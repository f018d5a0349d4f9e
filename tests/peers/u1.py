"""U1: a server that takes five bytes of each datagram.

Client: a datagram for each --say, waiting for the answer; an empty line ends it and sends nothing. Server: reads five bytes
(the rest of the datagram is lost) and answers each with the 18 bytes of `收到你的消息`. Six bytes of `你好`, cut to five, are
no UTF-8, and no reason to stop.
"""

import peer

SIZE, ANSWER = 5, "收到你的消息".encode()


def serve(post, args):
    for text in peer.datagrams(args):
        _, sender = post.expect(text, SIZE)
        post.send(ANSWER, sender)


def dial(post, args):
    for text in args.say:
        if not text:
            break
        post.send(text)
        post.expect(ANSWER)


if __name__ == "__main__":
    lines = [b"hello", "你好".encode()]
    expect = peer.texts("--expect", lines, "the datagrams that have to come, before the cut; the last ends the talk")
    say = peer.texts("--say", lines, "a datagram")
    peer.run(__doc__, serve, dial, udp=True, serving=[expect, peer.ANY_COUNT], dialling=[say])
