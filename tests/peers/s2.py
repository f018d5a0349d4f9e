"""S2: the complete example of socketserver; a thread for each client.

Client: a text and a line end. Server: that, stripped, in upper case (ASCII letters only), without a line end; it closes. With
--clients N the client opens N connections, of which the last talks first.
"""

import peer


def serve(line, args):
    text = peer.Listed(args.expect and [text + b"\n" for text in args.expect]).hear(line, b"")
    line.tell(f"{line.sock.getpeername()[0]} wrote:")
    line.send(text.strip().upper())
    line.finish()


def dial(line, args):
    line.quiet()
    line.send(args.say[-1] + b"\n")
    line.expect(args.say[-1].strip().upper())
    line.finish()


if __name__ == "__main__":
    say = peer.texts("--say", [b"hello"], "the text")
    expect = peer.texts("--expect", None, "the text, without its line end")
    peer.run(__doc__, serve, dial, threads=True, serving=[expect], dialling=[say])
