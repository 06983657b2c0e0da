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

# replace FILE NEW: put the bytes of NEW in FILE's place in one step, with FILE's owner and mode.
replace() {
    if _replace "$1" "$2" "$1.lvsfleet"; then return 0; fi
    rm -f -- "$1.lvsfleet"
    return 1
}

_replace() {
    if [ -f "$1" ]; then cp -p -- "$1" "$3"; else cp -- "$2" "$3" && chmod 600 "$3"; fi || return
    cat -- "$2" >"$3" && sync "$3" && mv -f -- "$3" "$1" && sync "$(dirname -- "$1")"
}

# kept DIR PATH: where the snapshot of the run in DIR has the copy of PATH.
kept() { printf '%s/before/%s' "$1" "$(printf '%s' "$2" | tr / %)"; }

# put_owned DIR NAME: the list of our own rules, as the run in DIR has it under NAME; absent is none.
put_owned() {
    if [ -f "$1/$2" ]; then
        replace "$home/owned" "$1/$2"
    elif [ "$(cat "$1/backend")" = firewalld ]; then
        rm -f -- "$home/owned"
    fi
}
