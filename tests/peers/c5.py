"""C5: QQ by UDP. Every datagram is shown, and answered by one, to its sender.

Client: --say is what is typed: a friend's name, messages to him (each waits for one answer, from his address), `q`, the next
name. An unknown name or an empty message sends nothing. PORT is where the friends of the table are; --friend NAME=PORT or
NAME=HOST:PORT puts one elsewhere, or adds one. Server: answers with the next --say, stripped, the last one over and over; an
empty one is an empty datagram. Both show each datagram as `来自[ip:port]的一条消息:` and the text, white on blue.
"""

import os
import socket

import peer

NAMES = ["taibai", "Jedan", "Jack", "John", "金老板", "哪吒", "egg", "yuan"]
TYPED = [b"taibai", b"hello", b"", b"q", b"nobody", "哪吒".encode(), "在吗?".encode(), b"q"]
MESSAGES = [b"hello", "在吗?".encode()]


def present(post, data, sender):
    text = "".join(c if c.isprintable() else "?" for c in data.decode(errors="replace"))
    post.tell(f"来自[{sender[0]}:{sender[1]}]的一条消息:\033[1;44m{text}\033[0m")


def serve(post, args):
    answers = peer.again(args.say)
    for text in peer.datagrams(args):
        data, sender = post.expect(text)
        present(post, data, sender)
        post.send(next(answers).strip(), sender)


def book(post, args):
    """The friends' addresses by name."""
    friends = dict.fromkeys((name.encode() for name in NAMES), post.to)
    for friend in args.friend:
        name, _, where = friend.partition(b"=")
        host, _, port = os.fsdecode(where).rpartition(":")
        friends[name] = peer.address(args, socket.SOCK_DGRAM, peer.port_number(port), host)[1]
    return friends


def dial(post, args):
    friends, friend = book(post, args), None
    listed = peer.again([*(args.expect or []), None])
    for text in args.say:
        if friend is None:
            friend = friends.get(text)
        elif text == b"q":
            friend = None
        elif text:
            post.send(text, friend)
            present(post, *post.expect(next(listed), of=friend))


if __name__ == "__main__":
    friend = peer.texts("--friend", [], "NAME=PORT or NAME=HOST:PORT")
    typed = peer.texts("--say", TYPED, "what is typed")
    answered = peer.texts("--expect", None, "the answers; more than these may be anything")
    answers = peer.texts("--say", [b" I am here \n", b""], "an answer")
    expect = peer.texts("--expect", MESSAGES, "the datagrams that have to come; the last ends the talk")
    peer.run(__doc__, serve, dial, udp=True, serving=[answers, expect, peer.ANY_COUNT], dialling=[friend, typed, answered])
