"""F8 and F9: files with a header, from client to server.

Client, for each file: the length of the header as 4 bytes, little-endian, signed; the header, JSON in UTF-8, with `file_size`,
`file_name` and `md5`; the content. Then it closes. The files are those of --file, under their paths as given (or under --name),
or else a small one as `/a/b/c/d/e/a.txt`. --joined sends everything in one go; --spoil changes the first byte on the way.
Server: writes each file into --dir under the last part of its name, once size and md5 are right; without --dir it only checks.
It says nothing, and closes at the end of the stream; one file at least has to come.
"""

import contextlib
import hashlib
import io
import json
import os
import struct
import tempfile

import peer

NAME, CONTENT = b"/a/b/c/d/e/a.txt", b"hello\n" * 1000


def read_header(line, start):
    (size,) = struct.unpack("<i", start + line.take(4 - len(start)))
    if not 0 < size <= peer.PIECE:
        raise peer.Wrong("the size of a header", str(size))
    text = line.take(size)
    try:
        header = json.loads(text)
        length, name, digest = (header[key] for key in ("file_size", "file_name", "md5"))
        fine = type(length) is int and length >= 0 and len(digest) == 32 and not digest.strip("0123456789abcdef")
        base = os.path.basename(name)
    except (ValueError, TypeError, KeyError, AttributeError):
        fine = False
    if not fine or base in ("", ".", "..") or "\0" in base:
        raise peer.Wrong("a header with file_size, file_name and md5", text)
    return length, base, digest


def receive(line, folder, start):
    length, name, digest = read_header(line, start)
    part = os.path.join(folder, name + ".part")
    hashed = hashlib.md5()
    try:
        with open(part, "wb") as file:
            for piece in line.pieces(length):
                file.write(piece)
                hashed.update(piece)
        if hashed.hexdigest() != digest:
            raise peer.Wrong(f"md5 {digest}", hashed.hexdigest())
        os.replace(part, os.path.join(folder, name))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)
    line.tell(f"got {name!r}, {length} bytes, md5 {digest}")


def serve(line, args):
    with tempfile.TemporaryDirectory() as scratch:
        start = line.take(1)
        while start:
            receive(line, args.dir or scratch, start)
            start = line.message(or_end=True, most=1)
    line.finish()


def content(path):
    """The content of the file, or of our own, in pieces."""
    with open(path, "rb") if path else io.BytesIO(CONTENT) as file:
        while piece := file.read(peer.PIECE):
            yield piece


def frames(line, args):
    """The bytes of all files, in pieces."""
    for path, name in zip(args.file or [None], args.name or args.file or [NAME], strict=True):
        size, hashed = 0, hashlib.md5()
        for piece in content(path):
            size += len(piece)
            hashed.update(piece)
        header = {"file_size": size, "file_name": os.fsdecode(name), "md5": hashed.hexdigest()}
        text = json.dumps(header).encode()
        line.tell(f"sent {len(text)}, {text}, {size} bytes")
        yield struct.pack("<i", len(text))
        yield text
        for number, piece in enumerate(content(path)):
            yield bytes([piece[0] ^ 1]) + piece[1:] if args.spoil and number == 0 else piece


def dial(line, args):
    pieces = frames(line, args)
    for data in [b"".join(pieces)] if args.joined else pieces:
        line.write(data)
    line.shut()
    line.ending() if args.spoil else line.expect_end()


if __name__ == "__main__":
    folder = peer.option("--dir", help="where the files go")
    files = peer.texts("--file", [], "a file to send")
    names = peer.texts("--name", [], "the name it is sent as, one for each file")
    joined = peer.option("--joined", action="store_true", help="all in one send")
    spoil = peer.option("--spoil", action="store_true", help="the first byte is changed; the server may reset")
    peer.run(__doc__, serve, dial, serving=[folder], dialling=[files, names, joined, spoil])
