"""W3: the time by UDP, the pupil's version: as W1, but an empty request gets an empty datagram.

Client: one request, `%Y-%m-%d %H:%M:%S`, or those of --say. Server: its local time in that format.
"""

import peer
import w1


def serve(post, args):
    w1.serve(post, args, default="")


def dial(post, args):
    w1.dial(post, args, default="")


if __name__ == "__main__":
    peer.run(__doc__, serve, dial, udp=True, **w1.options([b"%Y-%m-%d %H:%M:%S"]))
