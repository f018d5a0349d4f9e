"""M5: packets one way, by TCP or UDP (--udp), IPv4 or IPv6 (--host ::1).

Client: each --say is sent, one datagram or one send; nothing comes back; on TCP it then closes. Server: gets each --expect: by
UDP as one datagram each, by TCP as one stream and its end.
"""

import peer

PACKETS = [b"packet 1", b"packet 2", b"packet 3"]


def serve(line, args):
    for text in args.expect:
        line.expect(text)
    if not args.udp:
        line.finish()


def dial(line, args):
    for text in args.say:
        line.send(text)
    if not args.udp:
        line.finish()


if __name__ == "__main__":
    udp = peer.option("--udp", action="store_true", help="by UDP (default: TCP)")
    expect, say = (peer.texts(flag, PACKETS, "a packet") for flag in ("--expect", "--say"))
    peer.run(__doc__, serve, dial, both=[udp], serving=[expect], dialling=[say])
