"""W1 and W2: the time by UDP.

Client: a datagram for each --say, stripped: a format of strftime, UTF-8, at most 1024 bytes; an empty one means
`%Y-%m-%d %X`. Server: its local time in that format. The client checks the answer against its own clock and zone, at
the second of the request, of the answer, or between.
"""

import time

import peer

DEFAULT, MOST = "%Y-%m-%d %X", 1024
ASKED = [b"%Y-%m-%d", b"", b"%H:%M:%S", b" %A %d %B %Y, %j\n"]


def written(request, default, at):
    return time.strftime(request.decode() or default, time.localtime(at)).encode()


def serve(post, args, default=DEFAULT):
    for text in peer.datagrams(args):
        request, sender = post.expect(text if text is None else text.strip())
        if len(request) > MOST:
            raise peer.Wrong(f"at most {MOST} bytes", request)
        try:
            answer = written(request, default, time.time())
        except ValueError:
            raise peer.Wrong("a format in UTF-8", request) from None
        post.send(answer, sender)


def dial(post, args, default=DEFAULT):
    for request in map(bytes.strip, args.say):
        start = time.time() - 0.05  # some clocks are read coarsely
        post.send(request)
        answer, _ = post.receive()
        right = [written(request, default, at) for at in range(int(start), int(time.time()) + 1)]
        if answer not in right:
            raise peer.Wrong(" or ".join(map(peer.show, dict.fromkeys(right))), answer)


def options(asked):
    expect = peer.texts("--expect", asked, "the requests that have to come; the last ends the talk")
    say = peer.texts("--say", asked, "a format")
    return {"serving": [expect, peer.ANY_COUNT], "dialling": [say]}


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, udp=True, **options(ASKED))
