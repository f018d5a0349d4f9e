#!/bin/sh
# Stands in for landline in testkit's own tests: says what the product says, and notes what it was asked in its work folder.
set -eu
case "$1 ${3-}" in
"serve --listen")
    [ "$4 $5" = "tcp://127.0.0.1:0 --json" ]
    trap 'exit 0' TERM
    echo '{"event":"ready","listen":["tcp://127.0.0.1:4711"],"fingerprint":"ab-cd","share":"'"$2"'"}'
    # A pipe that nobody writes to: waits until it is told to end.
    mkfifo "$XDG_RUNTIME_DIR/never"
    while :; do read -r _ <"$XDG_RUNTIME_DIR/never"; done
    ;;
"invite ")
    [ "$2" = --json ]
    echo '{"code":"7-crossover-clockwork"}'
    ;;
"join --name")
    [ "$5" = --code-file ]
    echo "$2 as $4 by $(cat "$6"), file mode $(stat -c %a "$6")" >joined
    ;;
"contacts desk")
    [ "$2" = address ]
    echo "$3 at $4" >dials
    ;;
*)
    echo "not a command of the fake: $*" >&2
    exit 2
    ;;
esac
