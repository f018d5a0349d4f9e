"""F7: a remote command, framed by a header of our own.

Client: a command. Server: the length of the header as 4 bytes, little-endian, signed; the header, JSON, `{"data_size": 6}` as
Python writes it, with a blank; then that many bytes: stderr if there is any, else stdout. The end of the stream ends the talk.
--loose: the client takes any JSON text that says the same.
"""

import json
import struct

import command
import peer


def header(answer):
    return json.dumps({"data_size": len(answer)}).encode()


def serve(line, args):
    for asked in command.heard(line, args):
        answer = command.output(asked, joined=False)
        line.send(struct.pack("<i", len(header(answer))))
        line.send(header(answer))
        if answer:
            line.send(answer)
    line.finish()


def expect_loosely(line, wanted):
    """A header that says the same as `wanted`."""
    (size,) = struct.unpack("<i", line.take(4))
    if not 0 < size <= peer.MOST:
        raise peer.Wrong("the size of a header", str(size))
    text = line.take(size)
    try:
        same = json.loads(text) == json.loads(wanted)
    except ValueError:
        same = False
    if not same:
        raise peer.Wrong(wanted, text)


def dial(line, args):
    for asked, answer in command.asked(args, joined=False):
        line.send(asked)
        if args.loose:
            expect_loosely(line, header(answer))
        else:
            line.expect(struct.pack("<i", len(header(answer))))
            line.expect(header(answer))
        line.expect(answer)
    line.finish()


if __name__ == "__main__":
    loose = peer.option("--loose", action="store_true", help="any JSON text that says the same")
    says = command.says(command.HELLO, command.NONE, command.BOTH)
    peer.run(__doc__, serve, dial, serving=[command.EXPECT], dialling=[says, loose])
