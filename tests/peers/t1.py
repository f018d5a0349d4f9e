"""T1: each message is acknowledged, `##` ends.

Client: each --say, waiting for the 20 bytes `Receive your message` after it; then `##`. Server: acknowledges what comes;
to `##` it answers nothing. Then both close.
"""

import peer

ANSWER, END = b"Receive your message", b"##"


def serve(line, args):
    listed = peer.Listed(args.expect)
    while listed.hear(line, END) != END:
        line.send(ANSWER)
    listed.done()
    line.finish()


def dial(line, args):
    for text in args.say:
        line.send(text)
        line.expect(ANSWER)
    line.send(END)
    line.finish()


if __name__ == "__main__":
    say = peer.texts("--say", [b"hello", b"can you hear me?"], "a message")
    peer.run(__doc__, serve, dial, dialling=[say], serving=[peer.texts("--expect", None, "the messages before `##`")])
