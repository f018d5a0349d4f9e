"""H1: who does not know the key is sent away.

Server: 32 random bytes. Client: HMAC(key, those 32), 16 raw bytes with MD5, 32 with --algo sha256. If it is right, each
message comes back in upper case (ASCII letters only), to the end of the stream; if not, the server closes, nothing said.
Client: each --say, waiting for it to come back; an empty one is skipped, `quit` leaves. --wrong and --short: it answers the
challenge wrongly, or with half of the bytes and no more, and has to be sent away; the server's --refuse expects such a client.
"""

import hmac
import os

import peer

NONCE = 32


def digest(args, nonce):
    return hmac.digest(args.key, nonce, args.algo)


def serve(line, args):
    nonce = os.urandom(NONCE)
    right = digest(args, nonce)
    line.send(nonce)
    answer = line.message() if args.refuse else line.take(len(right))
    if hmac.compare_digest(answer, right) == args.refuse:
        raise peer.Wrong("a wrong answer" if args.refuse else right, answer)
    while not args.refuse and (text := line.message(or_end=True)):
        if text == b"quit":
            raise peer.Wrong("a message (`quit` stays with the client)", text)
        line.send(text.upper())
    line.finish()


def dial(line, args):
    answer = digest(args, line.take(NONCE))
    if args.wrong:
        answer = bytes([answer[0] ^ 1]) + answer[1:]
    if args.short:
        answer = answer[: len(answer) // 2]
    line.send(answer)
    for text in args.say:
        if text == b"quit" or args.wrong or args.short:
            break
        if text:
            line.send(text)
            line.expect(text.upper())
    if not args.wrong:
        line.shut()
    line.expect_end()


if __name__ == "__main__":
    algo = peer.option("--algo", choices=["md5", "sha256"], default="md5", help="the hash (default: md5)")
    key = peer.option("--key", type=str.encode, default=b"Jedan has a big key!", help="the key (default: the tutorial's)")
    key_hex = peer.option("--key-hex", type=bytes.fromhex, dest="key", help="the same in hex", default=b"Jedan has a big key!")
    refuse = peer.option("--refuse", action="store_true", help="the client has to be a wrong one")
    wrong = peer.option("--wrong", action="store_true", help="a wrong answer to the challenge")
    short = peer.option("--short", action="store_true", help="half of the answer")
    say = peer.texts("--say", [b"hello", "Grüße 123".encode()], "a message")
    peer.run(__doc__, serve, dial, both=[algo, key, key_hex], serving=[refuse], dialling=[wrong, short, say])
