"""M7: a file downloader.

Client: a file's name. Server: the whole content, and closes; for a missing file it closes at once, so on the wire it is an empty
one. Server: the files of --dir, none outside it; without it `hello.txt`, which holds `hello` and a line end. Client: --name, and
checks that the content is that of --content, or nothing (--missing), or anything (--any); by default what `hello.txt` holds.
"""

import hashlib
import io
import os

import peer

NAME, CONTENT = b"hello.txt", b"hello\n"


def opened(folder, name):
    """The file `name` of `folder`, or None."""
    if folder is None:
        return io.BytesIO(CONTENT) if name == NAME else None
    top = os.path.realpath(os.fsencode(folder))
    path = os.path.realpath(os.path.join(top, name)) if b"\0" not in name else top
    inside = os.path.commonpath([top, path]) == top and os.path.isfile(path)
    return open(path, "rb") if inside else None


def serve(line, args):
    file = opened(args.dir, peer.Listed(args.expect).hear(line, b""))
    sent = 0
    while file and (piece := file.read(peer.PIECE)):
        line.write(piece)
        sent += len(piece)
    line.tell(f"sent {sent} bytes" if file else "sent nothing")
    line.finish()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def dial(line, args):
    line.send(args.name)
    if not args.any:
        line.expect(b"" if args.missing else content(args.content) if args.content else CONTENT)
        line.finish()
        return
    line.shut()
    size, hashed = 0, hashlib.md5()
    while piece := line.recv():
        size += len(piece)
        hashed.update(piece)
    line.tell(f"got {size} bytes, md5 {hashed.hexdigest()}")


if __name__ == "__main__":
    folder = peer.option("--dir", help="where the files are")
    expect = peer.texts("--expect", None, "the name that has to come")
    name = peer.option("--name", type=os.fsencode, default=NAME, help="the file (default: hello.txt)")
    like = peer.option("--content", metavar="PATH", help="a file with the content that has to come")
    missing = peer.option("--missing", action="store_true", help="nothing has to come")
    anything = peer.option("--any", action="store_true", help="anything may come")
    peer.run(__doc__, serve, dial, serving=[folder, expect], dialling=[name, like, missing, anything])
