"""What the peers of groups R and F share: running a command, and the commands that a client gives.

Commands are run by /bin/sh without input, each in a new shell; both pipes are read at once, so that none can fill up.
"""

import subprocess

import peer

HELLO, BOTH, NONE = b"echo hello", b"echo out; echo err >&2", b"true"

# The command, what R2 and R4 give (all of stderr, then all of stdout), what F5 to F7 give (stderr if there is any, else stdout).
KNOWN = {HELLO: (b"hello\n", b"hello\n"), BOTH: (b"err\nout\n", b"err\n"), NONE: (b"", b"")}

SAY = "a command, as typed: an empty one is skipped, `quit` leaves"
EXPECT = peer.texts("--expect", None, "the commands that have to come")


def output(command, joined):
    """The output of `command`: stderr and stdout `joined`, or only one of them."""
    if b"\0" in command:
        raise peer.Wrong("a command", command)
    try:
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        raise peer.Wrong("a command that ends", command) from None
    return done.stderr + done.stdout if joined else done.stderr or done.stdout


def expected(command, joined):
    """What `command` has to give: from the table, else what it gives here."""
    if command in KNOWN:
        return KNOWN[command][0 if joined else 1]
    return output(command, joined)


def asked(args, joined):
    """The client's commands, each with the output that has to come."""
    for command in args.say:
        if command == b"quit":
            return
        if command:
            yield command, expected(command, joined)


def heard(line, args):
    """The commands that a server gets, to the end of the stream."""
    left = None if args.expect is None else list(args.expect)
    while left is None or left:
        command = line.message(or_end=True) if left is None else line.expect(left.pop(0))
        if not command:
            return
        yield command
    line.expect_end()


def says(*commands):
    return peer.texts("--say", list(commands), SAY)

