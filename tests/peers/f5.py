"""F5: a remote command, framed by a length and a word.

Client: a command. Server: the length of its output in decimal (`0` for none). Client: `recv_ready`, exactly. Server: the
output: stderr if there is any, else stdout. If the word is another one, there is no answer, and the next message is a command.
Nothing tells that the word after a `0` was read, and the next command may follow it in one segment: this server takes them
apart; for the sake of others this client asks for the command without output last.
--unready: in the end, in place of a command without output, the client says a wrong word to a length that is not 0, and must
get nothing for it; the server takes such a word for no fault.
"""

import command
import peer

READY, UNREADY = b"recv_ready", b"recv_ready!"


def ready(line, args, answer):
    """Whether the client's word is the right one; after a `0` the next command may be right behind it."""
    return line.message() == READY if args.unready and answer else line.expect(READY) == READY


def serve(line, args):
    for asked in command.heard(line, args):
        answer = command.output(asked, joined=False)
        line.send(b"%d" % len(answer))
        if ready(line, args, answer) and answer:
            line.send(answer)
    line.finish()


def dial(line, args):
    for asked, answer in command.asked(args, joined=False):
        if args.unready and not answer:
            break
        line.send(asked)
        line.expect(b"%d" % len(answer))
        line.send(READY)
        line.expect(answer)
    if args.unready:
        line.send(command.HELLO)
        line.expect(b"6")
        line.send(UNREADY)
    line.finish()


if __name__ == "__main__":
    unready = peer.option("--unready", action="store_true", help="a wrong word in the end")
    says = command.says(command.HELLO, command.BOTH, command.NONE)
    peer.run(__doc__, serve, dial, both=[unready], serving=[command.EXPECT], dialling=[says])
