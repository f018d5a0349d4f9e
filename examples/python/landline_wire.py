#!/usr/bin/env python3
"""landline/1 by hand, through the UNIX socket of a running `landline serve` ("socket" in what its --json says first):
    landline_wire.py SOCKET ls PATH    landline_wire.py SOCKET get PATH FILE    landline_wire.py SOCKET put FILE PATH
Frames: PROTOCOL.md §2; messages: §3; files: §7. BLAKE3 in plain Python takes seconds a MiB: for small files."""
import json, os, socket, struct, sys
MESSAGE, DATA, RECORDS, GROUP = 1, 2, 4, 1 << 20
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
LANES = [[row * 4 + (i + row * turn) % 4 for row in range(4)] for turn in (0, 1) for i in range(4)]
def compress(cv, block, counter, flags):
    m, v = struct.unpack("<16I", block.ljust(64, b"\0")), cv + IV[:4] + [counter, 0, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(LANES):
            for word, r, s in (m[2 * i], 16, 12), (m[2 * i + 1], 8, 7):
                v[a] = v[a] + v[b] + word & 0xFFFFFFFF
                v[d] = ((x := v[d] ^ v[a]) >> r | x << 32 - r) & 0xFFFFFFFF
                v[c] = v[c] + v[d] & 0xFFFFFFFF
                v[b] = ((x := v[b] ^ v[c]) >> s | x << 32 - s) & 0xFFFFFFFF
        m = [m[i] for i in (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)]
    return [v[i] ^ v[i + 8] for i in range(8)]
def blake3(data, chunk=0, root=8):  # a tree over chunks of 1024 bytes
    cv, half = IV, 1024 << ((len(data) - 1) // 1024).bit_length() - 1 if len(data) > 1024 else 0
    if half: cv = compress(IV, blake3(data[:half], chunk, 0) + blake3(data[half:], chunk + half // 1024, 0), 0, 4 | root)
    for at in range(0, 0 if half else len(data) or 1, 64):
        last = at + 64 >= len(data)
        cv = compress(cv, data[at:at + 64], chunk, (at == 0) | last << 1 | last * root)
    return struct.pack("<8I", *cv)

def send(kind, payload):  # a frame: one byte of kind, three of length
    line.sendall(struct.pack(">I", kind << 24 | len(payload)) + payload)
def say(**message): send(MESSAGE, json.dumps(message).encode())
def hear():  # the next frame: a message as a dict, anything else as bytes
    kind, length = divmod(int.from_bytes(stream.read(4), "big"), 1 << 24)
    said = json.loads(stream.read(length)) if kind == MESSAGE else stream.read(length)
    if not kind or kind == MESSAGE and said.keys() & {"error", "failed", "broken", "skip"}:
        sys.exit(f"not done: {said!r}")
    return hear() if kind == MESSAGE and "working" in said else said

def ls(path, more=True):
    say(list={"path": path})
    while more:
        told = hear()["entries"]
        more = told["more"]
        for entry in told["entries"]: print(f"{entry['kind']:5} {entry['size']:12} {entry['name']!r}")
def get(path, file):
    say(get={"path": path, "press": "never"})
    hear()[0] == 3 or sys.exit("not done: only files are fetched")
    send(RECORDS, struct.pack(">BQI", 0x22, 0, 1))  # want: entry 0 and no more
    content, groups, digest = b"", {}, None
    while isinstance(body := hear(), bytes):  # until the message finish
        while body:
            number = int.from_bytes(body[9:17], "big")
            if body[0] == 6: digest, content, body = body[9:41], body[45:], b""  # whole
            elif body[0] == 7: groups[number], body = hear(), b""  # a group is the next frame
            elif body[0] == 10:  # end: size and hash; what was not sent are zeros
                content = b"".join(groups.get(at, bytes(GROUP)) for at in range(-(-number // GROUP)))[:number]
                digest, body = body[17:49], body[49:]
            else: body = body[25:]  # holes
    blake3(content) == digest or sys.exit("not done: what came is not what was sent")
    open(file, "wb").write(content)
    send(RECORDS, struct.pack(">BQI", 0x25, 0, 1))  # kept
    say(done={"files": 1, "bytes": len(content), "failed": 0})
def put(file, path):
    content, about, name = open(file, "rb").read(), os.stat(file), path.encode()
    digest, time = blake3(content), divmod(about.st_mtime_ns, 10**9)
    say(put={})
    send(RECORDS, struct.pack(">BBHqIQH", 3, 0, about.st_mode & 0o777, *time, len(content), len(name)) + name)
    if hear()[0] == 0x22:  # wanted; else it is there already
        for at in range(0, len(content), GROUP):
            send(RECORDS, struct.pack(">BQQ", 7, 0, at // GROUP))
            send(DATA, content[at:at + GROUP])
        send(RECORDS, struct.pack(">BQQ32s", 10, 0, len(content), digest))
    say(finish={})
    while isinstance(hear(), bytes): pass  # until the message done

line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
stream = line.makefile("rb")
say(open={"landline": 1, "service": "files"})
{"ls": ls, "get": get, "put": put}[sys.argv[2]](*sys.argv[3:])
