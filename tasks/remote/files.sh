# shellcheck shell=sh
# Files on the router, replaced so that a power cut leaves the old one or the new one.

# sum FILE: the SHA-256 of a file in hex; "-" where there is none.
sum() {
    if [ -f "$1" ]; then
        _sum=$(sha256sum <"$1") && printf '%s' "${_sum%% *}"
    else
        printf '%s' -
    fi
}

# replace FILE NEW: put the bytes of NEW in FILE's place in one step, with FILE's owner and mode. In
# two halves for whoever replaces several: only the first one needs room.
replace() { prepare "$1" "$2" && settle "$1"; }

prepare() {
    if _prepare "$1" "$2" "$1.lvsfleet"; then return 0; fi
    rm -f -- "$1.lvsfleet"
    return 1
}

_prepare() {
    if [ -f "$1" ]; then cp -p -- "$1" "$3"; else true >"$3" && chmod 600 "$3"; fi || return
    cat -- "$2" >"$3" && sync "$3"
}

settle() { mv -f -- "$1.lvsfleet" "$1" && sync_folder "$1"; }

# gone FILE: there is no such file any more.
gone() { rm -f -- "$1" && sync_folder "$1"; }

# sync_folder PATH: what came and went in the folder of PATH is on the disk.
sync_folder() {
    case $1 in
        /*/*) sync "${1%/*}" ;;
        *) sync "$(dirname -- "$1")" ;;
    esac
}

# kept DIR PATH: where the snapshot of the run in DIR has the copy of PATH.
kept() {
    _rest=$2
    _flat=
    while [ "$_rest" != "${_rest#*/}" ]; do
        _flat=$_flat${_rest%%/*}%
        _rest=${_rest#*/}
    done
    printf '%s/before/%s' "$1" "$_flat$_rest"
}

# put_owned PART NAME: the list of our own rules, as a part for firewalld has it under NAME; absent is
# none. A link takes no room on a disk that is full.
put_owned() {
    if [ "${1##*-}" != firewalld ] || [ "$(sum "$1/$2")" = "$(sum "$home/owned")" ]; then
        return 0
    elif [ -f "$1/$2" ]; then
        ln -f -- "$1/$2" "$home/owned" 2>/dev/null || replace "$home/owned" "$1/$2" || return
        sync "$home"
    else
        gone "$home/owned"
    fi
}

# check_files DIR: whether the files to be written are still those that were read.
# `files` has a line for each: SHA-256-READ NAME PATH; a NAME of - takes the file away.
check_files() {
    while read -r _was _new _path; do
        if [ "$(sum "$_path")" != "$_was" ]; then
            printf '%s was written to by somebody else\n' "$_path"
            return 1
        fi
    done <"$1/files"
}

# put_files DIR: write them; again does no harm. All that may fail (others wrote to a file, no room)
# comes before the first file is changed.
put_files() {
    while read -r _was _new _path; do
        _now=$(sum "$_path")
        if [ "$_now" = "$(sum "$1/save/$_new")" ]; then
            continue
        elif [ "$_now" != "$_was" ]; then
            printf '%s was written to by somebody else\n' "$_path"
            return 1
        elif [ "$_new" != - ]; then
            prepare "$_path" "$1/save/$_new" 2>&1 || return
        fi
    done <"$1/save/files"
    while read -r _ _new _path; do
        if [ "$_new" = - ]; then
            gone "$_path" 2>&1 || return
        elif [ -f "$_path.lvsfleet" ]; then
            settle "$_path" 2>&1 || return
        fi
    done <"$1/save/files"
}
