"""D6: half-close. The client has no more to say, and gets everything all the same.

Client: --say, then it shuts its writing side. Server: reads to that end, then sends --size bytes, of which byte i is i modulo 251,
and closes. The client gets them all, and the end after them.
"""

import peer


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def serve(line, args):
    line.expect(args.say[-1])
    line.expect_end()
    line.send(pattern(args.size))
    line.finish()


def dial(line, args):
    line.send(args.say[-1])
    line.shut()
    line.expect(pattern(args.size))
    line.expect_end()


if __name__ == "__main__":
    say = peer.texts("--say", [b"that is all"], "what the client says")
    size = peer.option("--size", type=int, default=1 << 20, metavar="BYTES", help="default: 1 MiB")
    peer.run(__doc__, serve, dial, both=[say, size])
