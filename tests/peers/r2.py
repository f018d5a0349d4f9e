"""R2: a remote command without framing.

Client: each --say is a command, waiting for its output, which it knows. Server: runs it; all of stderr, then all of stdout,
and nothing else: no byte for a command without output, so such a command can only be the last (the client leaves after it).
The end of the stream ends the talk.
"""

import command
import peer


def serve(line, args):
    for asked in command.heard(line, args):
        if asked == b"quit":
            raise peer.Wrong("a command (`quit` stays with the client)", asked)
        answer = command.output(asked, joined=True)
        if answer:
            line.send(answer)
    line.finish()


def dial(line, args):
    for asked, answer in command.asked(args, joined=True):
        line.send(asked)
        line.expect(answer)
        if not answer:
            break
    line.finish()


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, serving=[command.EXPECT], dialling=[command.says(command.HELLO, command.BOTH)])
