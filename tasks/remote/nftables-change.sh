# shellcheck shell=sh
# nftables: what changes it. Our table is replaced in one transaction. Of the tables of others, rules
# that set marks may go, or come back: each side in one transaction of its own, and there is always one
# that marks. A single transaction for both would cost packets: the kernel starts new rules a moment
# before it shows them the elements of their sets.

# nft_before DIR: what brings our table back to what it was when the run in DIR began.
nft_before() {
    printf '%s\n' "table $nft_table" "delete table $nft_table"
    cat -- "$1/before/$nft_copy"
}

# nft_ready DIR: whether the kernel takes the change, and would take it back.
nft_ready() {
    have nft || { printf 'nft: not found\n'; return 1; }
    if [ -s "$1/do/table" ]; then nft -c -f "$1/do/table" 2>&1 || return; fi
    nft_before "$1" | nft -c -f - 2>&1 && nft_others_ready "$1"
}

# nft_others_ready DIR: the same for what goes or comes of others' rules.
nft_others_ready() {
    if [ -f "$1/do/tables" ]; then
        while read -r _was _family _table _map; do
            if [ "$_map" ]; then
                _now=$(nft -js list map "$_family" "$_table" "$_map" | sha256sum)
            else
                _now=$(nft_terse table "$_family" "$_table" | sha256sum)
            fi
            [ "${_now%% *}" = "$_was" ] || { printf 'table %s has changed\n' "$_table"; return 1; }
        done <"$1/do/tables"
        nft_theirs "$1" >"$1/theirs" || return
    fi
    if [ -s "$1/do/go" ]; then nft -c -f "$1/do/go" 2>&1 || return; fi
    for _f in "$1/do/come" "$1/undo/come"; do
        if [ -s "$_f" ]; then nft -j -c -f "$_f" 2>&1 || return; fi
    done
    check_files "$1/save" || return
    while read -r _was _ _path; do
        if [ "$_was" != - ]; then cp -p -- "$_path" "$(kept "$1" "$_path")" || return; fi
    done <"$1/save/files"
    if [ -s "$1/save/rehearse" ]; then nft_rehearse "$1" "$(cat "$1/save/conf")" || return; fi
}

# nft_theirs DIR: a fingerprint of those tables, without the kernel's own numbers for things.
nft_theirs() {
    while read -r _ _family _table _map; do
        if [ ! "$_map" ]; then nft -js list table "$_family" "$_table"; fi
    done <"$1/do/tables" | tr , '\n' | grep -v '"handle"' | sort | sha256sum
}

# nft_rehearse DIR CONF: whether CONF, when the files are saved, does what it does now but for the rules
# that are to go: both loaded where nothing else is, and compared, in the order of rules.
nft_rehearse() {
    # shellcheck disable=SC2016 # as above
    nft_alone "$2" '
        shown() { nft -jst list ruleset | tr , "\n" | grep -v "\"handle\""; nft -js list maps |
            tr , "\n" | grep -v "\"handle\"" | sort; }
        nft -f "$dir/save/rehearse" && wanted=$(shown) && nft flush ruleset || exit
        while read -r _ name path; do
            case $name in other*) mount --bind "$dir/save/$name" "$path" || exit ;; esac
        done <"$dir/save/files"
        load "$@" && [ "$(shown)" = "$wanted" ]' "$1" 2>&1 ||
        { printf 'nft would not read %s as it is meant when these rules are out of it\n' "$2"; return 1; }
}

# nft_apply DIR: our table, as DIR has it, and what comes and goes of others' rules.
nft_apply() {
    if [ -s "$1/come" ]; then nft -j -e -f "$1/come" >"$1/came" 2>&1 || { cat "$1/came"; return 1; }; fi
    if [ -s "$1/table" ]; then nft -f "$1/table" 2>&1 || return; fi
    if [ -s "$1/go" ]; then nft -f "$1/go" 2>&1; fi
}

# nft_come_back DIR: what went of others' rules, where it stood; else behind the others of its chain.
nft_come_back() {
    [ -s "$1/do/go" ] || return 0
    if nft -c -f "$1/do/go" 2>/dev/null; then return 0; fi # it is there still
    if [ "$(nft_theirs "$1")" = "$(cat "$1/theirs")" ]; then return 0; fi
    nft -j -f "$1/undo/come" 2>/dev/null && return
    sed 's/{"insert": {"rule"/{"add": {"rule"/g; s/, "handle": [0-9]*}}/}}/g' "$1/undo/come" | nft -j -f - 2>&1
}

# nft_go_again DIR: what came of others' rules.
nft_go_again() {
    [ -s "$1/do/came" ] || return 0
    {
        tr '{' '\n' <"$1/do/came" | sed -n \
            's/^"family": "\([a-z0-9]*\)", "table": "\([^"]*\)", "chain": "\([^"]*\)", "handle": \([0-9]*\),.*/delete rule \1 \2 \3 handle \4/p'
        if [ -f "$1/undo/elements" ]; then cat -- "$1/undo/elements"; fi
    } >"$1/undo/went"
    nft -f "$1/undo/went" 2>&1 && rm -f "$1/do/came"
}

# nft_unapply DIR: our table as it was; by the opposite of the change, which costs no packet, or where
# that does not fit what is there, whole.
nft_unapply() { nft_come_back "$1" && nft_unapply_own "$1" && nft_go_again "$1"; }

nft_unapply_own() {
    [ -s "$1/do/table" ] || return 0
    _now=$(nft_seen)
    [ "${_now%% *}" != "$(cat "$1/seen")" ] || return 0
    if [ -s "$1/undo/table" ] && nft -f "$1/undo/table" 2>/dev/null; then
        _now=$(nft_seen)
        [ "${_now%% *}" != "$(cat "$1/seen")" ] || return 0
    fi
    nft_before "$1" | nft -f - 2>&1
}

# nft_save DIR: the file, and what loads it; again does no harm.
nft_save() {
    nft_folders mkdir -p && put_files "$1" || return
    for _f in $nft_units; do
        if [ -f "$_f" ]; then chmod 644 "$_f"; fi
    done
    if [ -f "$1/save/enabled" ]; then nft_enable "$(cat "$1/save/enabled")" || return; fi
    nft_folders rmdir || true
}

# nft_unsave DIR: the same as it was. Whatever is in our own files goes; of a file of others that has been
# written to in the meantime, that is kept beside it, and told in a line "kept PATH".
nft_unsave() {
    while read -r _was _new _path; do
        rm -f -- "$_path.lvsfleet"
        if [ "$(sum "$_path")" = "$_was" ]; then
            continue
        elif [ "$_was" = - ]; then
            gone "$_path" 2>&1 || return
            continue
        fi
        case $_new:$(sum "$_path") in
            other*:-) ;;
            other*:"$(sum "$1/save/$_new")") ;;
            other*)
                cp -p -- "$_path" "$_path.lvsfleet-found" 2>&1 &&
                    sync "$_path.lvsfleet-found" || return
                printf 'kept %s.lvsfleet-found\n' "$_path"
                ;;
        esac
        mkdir -p "${_path%/*}" && replace "$_path" "$(kept "$1" "$_path")" 2>&1 || return
    done <"$1/save/files"
    if [ -f "$1/save/enabled" ]; then nft_enable "$(cat "$1/undo/enabled")" || return; fi
    nft_folders rmdir || true
}

# nft_folders COMMAND…: make the folders that only we put something into, or take them away if empty.
nft_folders() { "$@" "${nft_file%/*}" "$units/nftables.service.d" 2>/dev/null; }

# nft_enable yes|no: whether the unit is started at boot.
nft_enable() {
    _want=$units/multi-user.target.wants
    if [ "$1" = yes ]; then
        mkdir -p "$_want" && ln -sf "../$nft_unit" "$_want/$nft_unit" && sync "$_want" || return
    elif [ -L "$_want/$nft_unit" ]; then
        gone "$_want/$nft_unit" || return
    fi
    [ -d /run/systemd/system ] || return 0
    if [ "$1" = no ]; then systemctl stop --no-block "$nft_unit" 2>/dev/null; fi
    systemctl daemon-reload
}

# nft_boot: what this boot is to start, and did not know of when it began. It is not waited for: it
# comes after whoever calls this.
nft_boot() {
    [ -L "$units/multi-user.target.wants/$nft_unit" ] || return 0
    systemctl --no-block start "$nft_unit" 2>&1
}
