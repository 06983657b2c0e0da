# shellcheck shell=sh
# knock NONCE TIMES ADDRESS PORT…: begin connections to each PORT, so many times, and say what became of
# them: a line `PORT answered`, `PORT refused` or `PORT silent` for each. With TIMES 0 it only says
# whether it could.

trap '' HUP PIPE
times=$1
address=$2
shift 2

# shellcheck disable=SC2016 # it is bash that puts its words in
by_bash='exec 3<>"/dev/tcp/$0/$1"'
by_python='import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()'

# begin PORT: one connection, which is ended at once.
begin() {
    if have bash && have timeout; then
        timeout 1 bash -c "$by_bash" "$address" "$1"
    elif have python3; then
        python3 -c "$by_python" "$address" "$1"
    else
        nc -z -w 1 "$address" "$1"
    fi </dev/null 2>&1
}

try() {
    if _said=$(begin "$1"); then
        echo "$1 answered"
    else
        case $_said in
            *[Rr]efused*) echo "$1 refused" ;;
            *) echo "$1 silent" ;;
        esac
    fi
}

knock() {
    while [ "$times" -gt 0 ]; do
        for _port; do try "$_port" & done
        times=$((times - 1))
        sleep 0.15
    done
    wait
}

if ! { have bash && have timeout; } && ! have python3 && ! have nc; then
    fail preflight "it has neither bash with timeout, nor python3, nor nc to begin a connection with"
fi
section knock knock "$@"
