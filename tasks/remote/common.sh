# shellcheck shell=sh
# What every phase shares. Each phase is one sh with these functions in front; $1 is always the nonce
# that frames its answer, so that no banner and no rule can be mistaken for a frame.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077

nonce=$1
shift
home=/var/lib/lvsfleet
lock=/run/lvsfleet.lock

# section NAME COMMAND…: the command's output, framed, with its exit status behind it.
section() {
    _name=$1
    shift
    section_begins "$_name"
    "$@"
    section_ends "$_name" "$?"
}

section_begins() { printf '\n@@%s< %s\n' "$nonce" "$1"; }
section_ends() { printf '\n@@%s> %s %s\n' "$nonce" "$1" "$2"; }

# file_section PATH: a file's bytes, framed; nothing at all where there is no such file.
file_section() {
    if [ -f "$1" ]; then section "file:$1" cat -- "$1"; fi
}

# fail KIND WORDS…: the answer to a step that could not be done.
fail() {
    _kind=$1
    shift
    section "fail:$_kind" printf '%s\n' "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# ka_pid: the keepalived that runs, as _pid.
ka_pid() {
    _pid=
    for _f in /run/keepalived.pid /var/run/keepalived.pid; do
        if [ -r "$_f" ] && read -r _pid <"$_f"; then break; fi
    done
    [ "$_pid" ]
}

# patiently SECONDS COMMAND…: with an end, since what hangs must not hang us too.
patiently() {
    if have timeout; then
        timeout "$@"
    else
        shift
        "$@"
    fi
}
