"""F6: a remote command, framed by a struct.

Client: a command. Server: the length of its output as 4 bytes, little-endian, signed; then the output: stderr if there is any,
else stdout. No output: only `00 00 00 00`. The end of the stream ends the talk.
"""

import struct

import command
import peer


def serve(line, args):
    for asked in command.heard(line, args):
        answer = command.output(asked, joined=False)
        line.send(struct.pack("<i", len(answer)) + answer)
    line.finish()


def dial(line, args):
    for asked, answer in command.asked(args, joined=False):
        line.send(asked)
        line.expect(struct.pack("<i", len(answer)))
        line.expect(answer)
    line.finish()


if __name__ == "__main__":
    says = command.says(command.HELLO, command.NONE, command.BOTH)
    peer.run(__doc__, serve, dial, serving=[command.EXPECT], dialling=[says])
