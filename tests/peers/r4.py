"""R4: a remote command by UDP, with the roles swapped: who is bound commands.

Server: learns its partner from a first datagram, whatever it says; then sends each --say as a command and takes the output,
one datagram, of which it reads --most bytes. `q` ends and sends nothing. Client: sends the first datagram (--first), then
runs what comes and sends its output, stderr and then stdout, as one datagram, an empty one if there is none. Nothing on the
wire tells it that the talk is over: it leaves after the commands of --expect, or after --any N.
"""

import command
import peer


def serve(post, args):
    _, post.to = post.receive()
    for asked in args.say:
        if asked == b"q":
            break
        post.send(asked)
        answer, _ = post.expect(command.expected(asked, joined=True), args.most)
        post.tell(f"{len(answer)} bytes")


def dial(post, args):
    post.send(args.first)
    for text in peer.datagrams(args):
        asked, _ = post.expect(text)
        if asked == b"q":
            raise peer.Wrong("a command (`q` sends nothing)", asked)
        post.send(command.output(asked, joined=True))


if __name__ == "__main__":
    commands = [command.HELLO, command.BOTH, command.NONE]
    most = peer.option("--most", type=int, default=1032, help="bytes read of an output (default: 1032)")
    first = peer.option("--first", type=str.encode, default=b"hi", metavar="TEXT", help="the first datagram (default: hi)")
    expect = peer.texts("--expect", commands, "the commands that have to come; the last ends the talk")
    say = peer.texts("--say", commands, "a command")
    peer.run(__doc__, serve, dial, udp=True, serving=[say, most], dialling=[first, expect, peer.ANY_COUNT])
