"""What all peers share: arguments, sockets with a time limit, a transcript, and the verdict.

A peer's file has two functions, `serve(line, args)` and `dial(line, args)`. Each holds one conversation, over a `Line` (TCP)
or a `Post` (UDP), and raises `Wrong` where the other side does not do what the item says. `run` does the rest.
"""

import argparse
import contextlib
import itertools
import os
import select
import socket
import sys
import threading

PIECE = 65536  # bytes moved at a time where much is moved
MOST = 1024  # bytes of a TCP message: what the tutorials' recv(1024) takes


class Wrong(Exception):
    """The other side did not do what the item says."""

    def __init__(self, expected, got):
        super().__init__(f"expected {show(expected)} got {show(got)}")


def show(what):
    """Bytes as Python writes them, cut where they are many; words as they are."""
    if isinstance(what, str):
        return what
    return repr(bytes(what)) if len(what) <= 200 else f"{bytes(what[:100])!r}... ({len(what)} bytes)"


def tell(text, to=1):
    """One line for people: whole, at once, and no matter whether anybody still reads it."""
    try:
        rest = f"{text}\n".encode()
        while rest:
            rest = rest[os.write(to, rest) :]
    except BrokenPipeError:
        pass


def difference(expected, got):
    """Wrong; for much, with the place."""
    at = next(at for at, (a, b) in enumerate(zip(expected, got)) if a != b)
    if len(expected) <= 200:
        return Wrong(expected, got)
    return Wrong(f"{expected[at : at + 40]!r} at byte {at}", got[at : at + 40])


class Line:
    """One end of a TCP connection."""

    def __init__(self, sock, name=""):
        self.sock, self.name = sock, name
        self.heard = bytearray()  # received, not yet taken

    def tell(self, text):
        tell(self.name + text)

    def recv(self, most=PIECE):
        """What is there, after waiting for it; b'' at the end."""
        try:
            return self.sock.recv(most)
        except TimeoutError:
            raise Wrong("bytes or the end", f"nothing within {self.sock.gettimeout():g} s") from None
        except ConnectionResetError:
            raise Wrong("bytes or the end", "a reset") from None

    def send(self, data):
        """Says `data`; in strict turns nothing of the other side may be waiting then."""
        if self.heard:
            raise Wrong("silence, as it is our turn", self.heard)
        self.write(data)
        self.tell(f"sent {show(data)}")

    def write(self, data):
        """All of `data` out, in pieces, so that the time limit is one for each piece."""
        for start in range(0, len(data), PIECE):
            self.sock.sendall(data[start : start + PIECE])

    def expect(self, data):
        """Exactly `data`, in however many pieces it comes; what follows it stays for the next call."""
        done = 0
        while done < len(data):
            if not self.heard:
                self.heard += self.recv()
            count = min(len(self.heard), len(data) - done)
            if not count:
                raise Wrong(data, f"the end after {show(data[:done])}")
            if self.heard[:count] != data[done : done + count]:
                raise difference(data, data[:done] + self.heard)
            del self.heard[:count]
            done += count
        if data:
            self.tell(f"got {show(data)}")
        return data

    def take(self, count):
        """Exactly `count` bytes, whatever they are."""
        data = b"".join(self.pieces(count))
        self.tell(f"got {show(data)}")
        return data

    def pieces(self, count):
        """`count` bytes as they come."""
        left = count
        while left:
            piece = bytes(self.heard) or self.recv()
            if not piece:
                raise Wrong(f"{count} bytes", f"the end after {count - left}")
            self.heard = bytearray(piece[left:])
            piece = piece[:left]
            left -= len(piece)
            yield piece

    def message(self, or_end=False, most=MOST):
        """A message whose length nobody knows: what one recv(1024) gives. b'' at the end, where the end may come."""
        data = bytes(self.heard[:most]) or self.recv(most)
        del self.heard[: len(data)]
        if not data and not or_end:
            raise Wrong("a message", "the end")
        if data:
            self.tell(f"got {show(data)}")
        return data

    def quiet(self):
        """Nothing has come, not even the end."""
        if self.heard or select.select([self.sock], [], [], 0)[0]:
            raise Wrong("no byte yet", self.heard or self.recv() or "the end")

    def expect_end(self):
        """The other side has closed, and said nothing before."""
        data = bytes(self.heard) or self.recv()
        if data:
            raise Wrong("the end", data)
        self.tell("end: fin")

    def ending(self):
        """As expect_end, but a reset will do: `fin` or `reset`."""
        how = "fin"
        try:
            data = bytes(self.heard) or self.sock.recv(PIECE)
        except ConnectionResetError:
            data, how = b"", "reset"
        except TimeoutError:
            data = f"nothing within {self.sock.gettimeout():g} s"
        if data:
            raise Wrong("the end or a reset", data)
        self.tell(f"end: {how}")
        return how

    def shut(self):
        """No more from us; if the connection is gone, the next receive tells."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def finish(self):
        """We close, and so does the other side."""
        self.shut()
        self.expect_end()


class Post:
    """A UDP socket; `to` is its one partner, or None where it answers whoever comes."""

    def __init__(self, sock, to=None, name=""):
        self.sock, self.to, self.name = sock, to, name

    def tell(self, text):
        tell(self.name + text)

    def send(self, data, to=None):
        self.sock.sendto(data, to or self.to)
        self.tell(f"sent {show(data)}")

    def receive(self, most=PIECE, of=None):
        """One datagram, cut at `most`, and its sender, who has to be `of` or our partner if there is one."""
        try:
            data, sender = self.sock.recvfrom(most)
        except TimeoutError:
            raise Wrong("a datagram", f"nothing within {self.sock.gettimeout():g} s") from None
        partner = of or self.to
        if partner and sender[:2] != partner[:2]:
            raise Wrong("a datagram of %s:%s" % partner[:2], "one of %s:%s" % sender[:2])
        self.tell(f"got {show(data)}")
        return data, sender

    def expect(self, data, most=PIECE, of=None):
        """As receive; the datagram has to be `data` (None: anything), cut as it is."""
        got, sender = self.receive(most, of)
        if data is not None and got != data[:most]:
            raise Wrong(data[:most], got)
        return got, sender


class Listed:
    """What the other side is to say, in turn: a list, or None for anything."""

    def __init__(self, texts):
        self.any, self.texts = texts is None, list(texts or [])

    def hear(self, line, end):
        """The next message: of the list; after it, the word that ends the talk."""
        if self.any:
            return line.message()
        return line.expect(self.texts.pop(0) if self.texts else end)

    def done(self):
        if self.texts:
            raise Wrong(self.texts[0], "the end of the talk")


def telephone(line, says, expect, end, first):
    """Turns, one message each, until one side says `end`; then both close."""
    listed, says = Listed(expect), iter(says)
    for speaking in itertools.cycle([first, not first]):
        if speaking:
            said = next(says)
            line.send(said)
        else:
            said = listed.hear(line, end)
        if said == end:
            break
    listed.done()
    line.finish()


def again(says):
    """The lines of somebody who always has an answer: the last one over and over."""
    return itertools.chain(says, itertools.repeat(says[-1]))


def datagrams(args):
    """What a server of datagrams waits for: the texts of --expect, or --any N unknown ones."""
    return [None] * args.any if args.any else args.expect


class Replace(argparse.Action):
    """A flag that may come more than once; the first time it replaces the default."""

    def __call__(self, parser, args, value, flag=None):
        so_far = getattr(args, self.dest)
        setattr(args, self.dest, [value] if so_far is self.default else [*so_far, value])


def port_number(text):
    if not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text}: a port is 0 to 65535")
    return int(text)


def option(flag, **how):
    return flag, how


def texts(flag, default, about):
    """Texts, as bytes, in the order given; `default` is a list or None."""
    shown = "anything" if default is None else " ".join(repr(os.fsdecode(text)) for text in default)
    about = f"{about} (default: {shown})".replace("%", "%%")
    return option(flag, action=Replace, type=os.fsencode, default=default, metavar="TEXT", help=about)


ANY_COUNT = option("--any", type=int, default=0, metavar="N", help="N datagrams, whatever they say, instead of --expect")


def arguments(doc, both, serving, dialling):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    sides = parser.add_subparsers(dest="side", required=True)
    for side, own in (("serve", serving), ("dial", dialling)):
        words = sides.add_parser(side, allow_abbrev=False)
        if side == "serve":
            words.add_argument("--port", type=port_number, default=0, help="default: a free one")
        else:
            words.add_argument("port", type=port_number)
        words.add_argument("--host", default="127.0.0.1")
        words.add_argument("--clients", type=int, default=1, metavar="N", help="hold N conversations")
        words.add_argument("--timeout", type=float, default=20, metavar="SECONDS", help="for each step (default: 20)")
        for flag, how in (*both, *own):
            words.add_argument(flag, **how)
    return parser.parse_args()


def address(args, kind, port=None, host=None):
    """Family and address of the other side or, serving, of ours."""
    port = args.port if port is None else port
    family, _, _, _, where = socket.getaddrinfo(host or args.host, port, type=kind)[0]
    return family, where


def reuse(sock, args):
    """Right after creation, so that a restart finds its port free."""
    if args.side == "serve":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def make(args, kind, prepare=reuse):
    family, where = address(args, kind)
    sock = socket.socket(family, kind)
    sock.settimeout(args.timeout)
    prepare(sock, args)
    return sock, where


def connect(args, name="", prepare=reuse):
    sock, where = make(args, socket.SOCK_STREAM, prepare)
    try:
        sock.connect(where)
    except OSError as error:
        raise Wrong("a connection", str(error)) from None
    return Line(sock, name)


class Verdict:
    """Holds conversations and remembers whether one was wrong."""

    def __init__(self, args):
        self.args, self.wrong = args, False

    def hold(self, how, line):
        """One conversation; on TCP its connection is closed at the end."""
        try:
            how(line, self.args)
        except Wrong as wrong:
            self.report(line.name, wrong)
        except OSError as error:
            self.report(line.name, Wrong("the talk to go on", str(error)))
        finally:
            if isinstance(line, Line):
                line.sock.close()

    def report(self, name, wrong):
        self.wrong = True
        tell(f"{name}wrong: {wrong}", to=2)


def bound(args, kind, prepare):
    sock, where = make(args, kind, prepare)
    sock.bind(where)
    if kind == socket.SOCK_STREAM:
        sock.listen(16)
    tell(f"listening {sock.getsockname()[1]}")
    return sock


def serve_all(args, how, udp, threads, names, verdict, prepare):
    with bound(args, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM, prepare) as sock:
        workers = []
        for name in names:
            if udp:
                verdict.hold(how, Post(sock, name=name))
                continue
            try:
                line = Line(sock.accept()[0], name)
            except TimeoutError:
                verdict.report(name, Wrong("a client", f"nobody within {args.timeout:g} s"))
                break
            line.sock.settimeout(args.timeout)
            workers.append(threading.Thread(target=verdict.hold, args=(how, line)))
            workers[-1].start()
            if not threads:
                workers[-1].join()
        for worker in workers:
            worker.join()


def dial_all(args, how, udp, threads, names, verdict, prepare):
    """All connect first. Of a server with threads the last one talks first, so that one without them would be stuck."""
    lines = []
    for name in names:
        if udp:
            sock, where = make(args, socket.SOCK_DGRAM, prepare)
            lines.append(Post(sock, where, name))
        else:
            lines.append(connect(args, name, prepare))
    for line in reversed(lines) if threads else lines:
        verdict.hold(how, line)
    for line in lines:
        line.sock.close()


def run(doc, serve, dial, *, udp=False, threads=False, both=(), serving=(), dialling=(), prepare=reuse):
    """The main program of a peer. `threads`: clients are served at once. `prepare`: for a socket before bind or connect."""
    args = arguments(doc, both, serving, dialling)
    verdict = Verdict(args)
    names = [f"{number}: " if args.clients > 1 else "" for number in range(1, args.clients + 1)]
    all_of, how = (serve_all, serve) if args.side == "serve" else (dial_all, dial)
    try:
        all_of(args, how, udp or getattr(args, "udp", False), threads, names, verdict, prepare)
    except Wrong as wrong:
        verdict.report("", wrong)
    except OSError as error:
        verdict.report("", Wrong("a socket", str(error)))
    sys.exit(1 if verdict.wrong else 0)
