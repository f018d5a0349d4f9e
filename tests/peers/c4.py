"""C4: as the telephone of C1, but the server speaks first and the word is `q`.

Server: the next --say, the last one over and over, waiting for a message after each; --clients N, one after another. Client:
answers each with the next --say, then with `q`. --expect is what the other side says before `q`, in full; without it anything
goes. `q` by either side ends the talk, and both close.
"""

import itertools

import peer

END = b"q"


def serve(line, args):
    peer.telephone(line, peer.again(args.say), args.expect, END, first=True)


def dial(line, args):
    peer.telephone(line, itertools.chain(args.say, [END]), args.expect, END, first=False)


if __name__ == "__main__":
    expect = peer.texts("--expect", None, "what the other side says before `q`")
    lines = peer.texts("--say", [b"welcome", b"and then?"], "a message")
    say = peer.texts("--say", [b"hello"], "an answer")
    peer.run(__doc__, serve, dial, both=[expect], serving=[lines], dialling=[say])
