"""Runs every server against its own client on this machine, and some that must find each other wrong.

    python3 tests/peers/selfcheck.py [--times N] [--jobs N] [WORD...]

Prints a table, and what both sides printed where a talk did not go as it should; exits 1 then. WORD: only the talks whose
line holds it. Each server takes a free port; several talks run at once.
"""

import argparse
import concurrent.futures
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# What the server's and what the client's command line holds; `!` before it: that side has to find the other wrong.
# FOLDER is a scratch folder of the talk's own, with three files.
TALKS = """
t1 serve                                        | t1 dial
t1 serve --expect a --expect bb --clients 2     | t1 dial --say a --say bb --clients 2
t2 serve                                        | t2 dial
t2 serve --host ::1                             | t2 dial --host ::1
t2 serve --reuse                                | t2 dial
t4 serve                                        | t4 dial
t5 serve                                        | t5 dial
t5 serve --delay 0.1 --any --clients 3          | t5 dial --delay 0.1 --say 你好 --clients 3
u1 serve                                        | u1 dial
u1 serve --any 3                                | u1 dial --say 123456 --say 1 --say 12345 --say '' --say 1
u2 serve                                        | u2 dial
u2 serve --clients 3                            | u2 dial --clients 3
c1 serve                                        | c1 dial
c1 serve --say one --say bye --expect a --expect b | c1 dial --say a --say b --say c --expect one
c1 serve                                        | c1 dial --second c2
c1 serve --clients 2                            | c1 dial --second c3
c1 serve --expect hello --expect bye            | c1 dial --say hello --say bye --expect 'I hear you'
c4 serve                                        | c4 dial
c4 serve --say one --say q --clients 2          | c4 dial --say 1 --say 2 --expect one --clients 2
c5 serve                                        | c5 dial
c5 serve --any 1 --say yes                      | c5 dial --say egg --say hello --expect yes
w1 serve                                        | w1 dial
w1 serve --any 1                                | w1 dial --say %Y年%m月%d日
w3 serve                                        | w3 dial
w3 serve --any 2                                | w3 dial --say '' --say '%Y-%m-%d %H:%M-%S'
r2 serve                                        | r2 dial
r2 serve --clients 2                            | r2 dial --say 'seq 20000' --say '' --say true --clients 2
r2 serve --expect 'echo hello' --expect cat     | r2 dial --say 'echo hello' --say cat
r4 serve                                        | r4 dial
r4 serve --say 'seq 2000' --say q --say true    | r4 dial --any 1 --first hello
f2 serve                                        | f2 dial
f5 serve                                        | f5 dial
f5 serve --unready                              | f5 dial --unready
f5 serve                                        | f5 dial --say true --say 'seq 20000' --say quit --say true
f6 serve                                        | f6 dial
f6 serve                                        | f6 dial --say 'seq 20000; seq 20000 >&2' --say cat
f7 serve                                        | f7 dial
f7 serve                                        | f7 dial --loose --say 'seq 20000'
f8 serve                                        | f8 dial
f8 serve --dir FOLDER                           | f8 dial --joined
f8 serve --dir FOLDER                           | f8 dial --joined --file FOLDER/empty --file FOLDER/large --name a --name '你 好'
f8 serve --dir FOLDER                           | f8 dial --file FOLDER/large --file FOLDER/small --name /x/1 --name ../2
h1 serve                                        | h1 dial
h1 serve --algo sha256 --key-hex 00ff           | h1 dial --algo sha256 --key-hex 00ff
h1 serve --refuse                               | h1 dial --wrong
h1 serve --refuse                               | h1 dial --short
s1 serve --clients 3                            | s1 dial --clients 3
s2 serve --expect ' grüße '                     | s2 dial --say ' grüße '
s2 serve --clients 3                            | s2 dial --clients 3
m1 serve                                        | m1 dial
m1 serve --any 3                                | m1 dial --any 2
m5 serve                                        | m5 dial
m5 serve --udp                                  | m5 dial --udp
m5 serve --host ::1                             | m5 dial --host ::1
m5 serve --udp --host ::1                       | m5 dial --udp --host ::1
m6 serve                                        | m6 dial
m7 serve                                        | m7 dial
m7 serve --dir FOLDER                           | m7 dial --name large --content FOLDER/large
m7 serve --dir FOLDER                           | m7 dial --name ../../../../../../etc/passwd --missing
d6 serve                                        | d6 dial
d6 serve --size 0                               | d6 dial --size 0
d6 serve                                        | odd dial --mode slow --say 'that is all' --shut yes
t2 serve                                        | odd dial --mode dribble --say hello! --expect hi --end fin
d6 serve --size 3                               | odd dial --mode halfclose --say 'that is all'
m7 serve --dir FOLDER                           | odd dial --mode slow --say large
odd serve --mode slow                           | odd dial --mode halfclose --say hello
odd serve --mode silent --end reset             | odd dial --mode killed
odd serve --mode killed --await 5 --say longer  | odd dial --mode silent --say hello --expect lon --end reset
odd serve --mode malformed --hex 00fffe         | !t4 dial
!f8 serve --dir FOLDER                          | f8 dial --spoil
!f8 serve                                       | odd dial --mode malformed --hex ffffff7f
!h1 serve                                       | h1 dial --wrong
!h1 serve                                       | !h1 dial --algo sha256
!h1 serve --key other                           | !h1 dial
!t2 serve                                       | odd dial --mode halfclose --say hello!!
!t2 serve                                       | odd dial --mode killed --say hello!
!t1 serve                                       | odd dial --mode silent --shut yes --end fin
odd serve --mode silent                         | !t2 dial --timeout 0.2
!t5 serve --delay 0                             | !t5 dial --delay 0.5
!u2 serve                                       | !u1 dial --say hell --timeout 0.2
!w3 serve                                       | !w1 dial --say '' --timeout 0.2
!c1 serve                                       | !c4 dial --timeout 0.2
!r2 serve                                       | odd dial --mode halfclose --say quit
d6 serve --size 3                               | !d6 dial --size 2
"""


def run(side, words, **more):
    name, *rest = words
    command = [sys.executable, str(HERE / f"{name}.py"), *rest]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def hold(talk):
    """Both sides' transcripts, and whether each exited as it should."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("empty", b""), ("small", b"x"), ("large", bytes(range(256)) * 1000)):
            (Path(folder) / name).write_bytes(content)
        served, dialled = (shlex.split(side.replace("FOLDER", folder)) for side in talk.split("|"))
        wrong = [words[0].startswith("!") for words in (served, dialled)]
        served[0], dialled[0] = served[0].lstrip("!"), dialled[0].lstrip("!")
        with run("serve", served) as server:
            first = server.stdout.readline()
            port = first.split()[-1:]
            with run("dial", [*dialled[:2], *map(bytes.decode, port), *dialled[2:]]) as client:
                heard = client.communicate()[0]
            said = first + server.communicate()[0]
    fine = [side.returncode == int(bad) for side, bad in zip((server, client), wrong, strict=True)]
    return said.decode(), heard.decode(), fine


def round_of(talks, jobs):
    """Holds all talks; the ones that failed."""
    failed = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for talk, (said, heard, fine) in zip(talks, pool.map(hold, talks), strict=True):
            print(" ".join("ok    " if good else "FAILED" for good in fine), talk, flush=True)
            if not all(fine):
                failed.append(talk)
                print(f"--- server\n{said}--- client\n{heard}---", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1, metavar="N", help="rounds")
    parser.add_argument("--jobs", type=int, default=8, metavar="N", help="talks at once")
    parser.add_argument("words", nargs="*", metavar="WORD")
    args = parser.parse_args()
    talks = [talk for talk in TALKS.strip().splitlines() if all(word in talk for word in args.words)]
    failed = [talk for _ in range(args.times) for talk in round_of(talks, args.jobs)]
    print(f"{len(talks) * args.times} talks, {len(failed)} failed")
    return 1 if failed or not talks else 0


if __name__ == "__main__":
    sys.exit(main())
