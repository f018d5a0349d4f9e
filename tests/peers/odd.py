"""Peers that misbehave, or seem to; for any server or client on TCP.

What is said and waited for are steps, in the order given: --say TEXT, --hex BYTES, --await N (read N bytes). After them the
peer reads to the end and prints how it came, `end: fin` or `end: reset`; either is fine, unless --end says which. --expect is
all that has to be received, after --await as well. --mode is one of
  slow       a receive buffer of a few kB, read a byte at a time
  dribble    sends byte by byte, each in a segment of its own (--say hello)
  halfclose  shuts its writing side after the steps (--say hello)
  killed     sends half of the last --say or --hex, then resets the connection and is gone (--say hello)
  malformed  sends bytes that are nothing (--hex), then shuts its writing side
  silent     says nothing and waits for the end
--shut yes or no overrules what the mode does after the steps.
"""

import argparse
import hashlib
import os
import socket
import struct

import peer

MODES = ["slow", "dribble", "halfclose", "killed", "malformed", "silent"]
SAYING, SHUTTING = ("dribble", "halfclose", "killed"), ("halfclose", "malformed")
SMALL = 4096  # bytes of receive buffer asked for; Linux doubles it


class Step(argparse.Action):
    def __call__(self, parser, args, value, flag=None):
        args.steps = [*(args.steps or []), (flag, value)]


def steps(args):
    if args.steps or args.mode not in (*SAYING, "malformed"):
        return args.steps or []
    return [("--hex", b"\xff\xfe\x00\xff")] if args.mode == "malformed" else [("--say", b"hello")]


def say(line, args, data):
    if args.mode != "dribble":
        line.write(data)
    else:
        line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            line.write(data[at : at + 1])
    line.tell(f"sent {peer.show(data)}")


def hear(line, args, count):
    """Up to `count` bytes (None: all), and whether the end came as `fin` or `reset`."""
    got, end = bytearray(), None
    most = 1 if args.mode == "slow" else peer.PIECE
    while end is None and (count is None or len(got) < count):
        try:
            piece = line.sock.recv(most if count is None else min(most, count - len(got)))
            end = None if piece else "fin"
            got += piece
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            raise peer.Wrong("bytes or the end", f"{peer.show(got)}, then nothing for {args.timeout:g} s") from None
    if got:
        line.tell(f"got {peer.show(got)}")
    return bytes(got), end


def kill(line):
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.sock.close()
    line.tell("killed")


def talk(line, args):
    got = b""
    script = steps(args)
    for number, (flag, value) in enumerate(script, 1):
        if flag == "--await":
            piece, end = hear(line, args, value)
            got += piece
            if end:
                raise peer.Wrong(f"{value} bytes", f"{peer.show(piece)}, then {end}")
        elif args.mode == "killed" and number == len(script):
            say(line, args, value[: len(value) // 2])
        else:
            say(line, args, value)
    if args.mode == "killed":
        kill(line)
        return
    if args.shut == "yes" or args.shut is None and args.mode in SHUTTING:
        line.shut()
    piece, end = hear(line, args, None)
    got += piece
    line.tell(f"end: {end}")
    line.tell(f"received {len(got)} bytes, sha256 {hashlib.sha256(got).hexdigest()}")
    if args.expect is not None and got != args.expect:
        raise peer.Wrong(args.expect, got)
    if args.end and end != args.end:
        raise peer.Wrong(args.end, end)


def prepare(sock, args):
    """A listening socket hands its receive buffer on; a connecting one needs it before the handshake."""
    peer.reuse(sock, args)
    if args.mode == "slow":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)


if __name__ == "__main__":
    step = {"action": Step, "dest": "steps"}
    options = [
        peer.option("--mode", choices=MODES, required=True),
        peer.option("--say", type=os.fsencode, metavar="TEXT", help="a step: send the text", **step),
        peer.option("--hex", type=bytes.fromhex, metavar="BYTES", help="a step: send the bytes", **step),
        peer.option("--await", type=int, metavar="N", help="a step: read N bytes", **step),
        peer.option("--expect", type=os.fsencode, metavar="TEXT", help="all that has to be received"),
        peer.option("--end", choices=["fin", "reset"], help="how the end has to come"),
        peer.option("--shut", choices=["yes", "no"], help="shut the writing side after the steps, or not"),
    ]
    peer.run(__doc__, talk, talk, threads=True, both=options, prepare=prepare)
