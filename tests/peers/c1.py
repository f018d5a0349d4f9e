"""C1 to C3: telephone, in strict turns, the client first; `bye` by either side ends the talk, and both close.

Client: each --say, waiting for an answer to it, then `bye`. Server: answers each message with the next --say, the last one
over and over. --expect is what the other side says before `bye`, in full; without it anything goes.
C2 is a server with one client, C3 one that takes --clients N, one after another. The client's --second opens a second
connection that says `hello` while the first one talks: it must hear nothing (c2: nothing ever; c3: an answer after the
first one's `bye`; then it says `bye`).
"""

import peer

END = b"bye"


def serve(line, args):
    peer.telephone(line, peer.again(args.say), args.expect, END, first=False)


def dial(line, args):
    second = args.second and peer.connect(args, "second: ")
    if second:
        second.send(b"hello")

    def says():
        yield from (text for text in args.say if text != END)
        if second:
            second.quiet()
        yield END

    peer.telephone(line, says(), args.expect, END, first=True)
    if args.second == "c2":
        second.ending()
    elif args.second == "c3":
        second.message()
        second.send(END)
        second.finish()
    if second:
        second.sock.close()


if __name__ == "__main__":
    expect = peer.texts("--expect", None, "what the other side says before `bye`")
    answers = peer.texts("--say", [b"I hear you"], "an answer")
    say = peer.texts("--say", [b"hello"], "a message")
    second = peer.option("--second", choices=["c2", "c3"], help="a second client meanwhile")
    peer.run(__doc__, serve, dial, both=[expect], serving=[answers], dialling=[say, second])
