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
    printf '\n@@%s< %s\n' "$nonce" "$_name"
    "$@"
    printf '\n@@%s> %s %s\n' "$nonce" "$_name" "$?"
}

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

# sum FILE: the SHA-256 of a file in hex; "-" where there is none.
sum() {
    if [ -f "$1" ]; then
        _sum=$(sha256sum <"$1") && printf '%s' "${_sum%% *}"
    else
        printf '%s' -
    fi
}

# replace FILE NEW: put the bytes of NEW in FILE's place in one step, with FILE's owner and mode.
replace() {
    _tmp=$1.lvsfleet
    if _replace "$1" "$2" "$_tmp"; then return 0; fi
    rm -f -- "$_tmp"
    return 1
}

_replace() {
    if [ -f "$1" ]; then cp -p -- "$1" "$3"; else cp -- "$2" "$3" && chmod 600 "$3"; fi || return
    cat -- "$2" >"$3" && sync "$3" && mv -f -- "$3" "$1" && sync "$(dirname -- "$1")"
}
