"""T5: a welcome, then a hello for each name, each after a second; a thread for each client.

Server: `Welcome!`; to each message X, --delay seconds later, `Hello, X!`; `exit` or the end of the stream: it closes, after
the same delay. Client: the names (--say), each after the answer before, then `exit`; an answer before the delay is wrong.
With --clients N the client's connections are all welcomed before the last of them, and only then the others, talk.
"""

import time

import peer

WELCOME, END = b"Welcome!", b"exit"
NAMES = [b"Rose", b"Think", b"Babala"]


def serve(line, args):
    line.send(WELCOME)
    names = [] if args.any else list(args.expect)
    while True:
        due = names.pop(0) if names else None
        text = line.expect(due) if due else line.message(or_end=True)
        time.sleep(args.delay)
        if text in (END, b""):
            break
        if not due and not args.any:
            raise peer.Wrong(END, text)
        line.send(b"Hello, " + text + b"!")
    line.finish()


def dial(line, args):
    line.expect(WELCOME)
    for text in [*args.say, END]:
        start = time.monotonic()
        line.send(text)
        line.expect_end() if text == END else line.expect(b"Hello, " + text + b"!")
        waited = time.monotonic() - start
        if waited < args.delay - 0.01:
            raise peer.Wrong(f"a delay of {args.delay:g} s", f"{waited:.3f} s")


if __name__ == "__main__":
    delay = peer.option("--delay", type=float, default=1, metavar="SECONDS", help="before each answer (default: 1)")
    expect = peer.texts("--expect", NAMES, "the names that have to come, before the end")
    anything = peer.option("--any", action="store_true", help="any names instead of --expect")
    say = peer.texts("--say", NAMES, "a name")
    peer.run(__doc__, serve, dial, threads=True, both=[delay], serving=[expect, anything], dialling=[say])
