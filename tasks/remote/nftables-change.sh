# shellcheck shell=sh
# nftables: what changes it. Our table is replaced in one transaction; no other one is touched.

# nft_before DIR: what brings our table back to what it was when the run in DIR began.
nft_before() {
    printf '%s\n' "table $nft_table" "delete table $nft_table"
    cat -- "$1/before/nft-table"
}

# nft_ready DIR: whether the kernel takes the change, and would take it back.
nft_ready() {
    have nft || { printf 'nft: not found\n'; return 1; }
    if [ -s "$1/do/table" ]; then nft -c -f "$1/do/table" 2>&1 || return; fi
    if [ ! -s "$1/before/nft-table" ] && nft_own -s >/dev/null; then
        printf 'the table could not be copied\n'
        return 1
    fi
    nft_before "$1" | nft -c -f - 2>&1
}

# nft_apply DIR: our table, as DIR has it.
nft_apply() { if [ -s "$1/table" ]; then nft -f "$1/table" 2>&1; fi; }

# nft_unapply DIR: our table as it was; by the opposite of the change, which costs no packet, or where
# that does not fit what is there, whole.
nft_unapply() {
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

# nft_unsave DIR: the same as it was. The files are ours alone, so whatever is in them goes.
nft_unsave() {
    while read -r _was _ _path; do
        rm -f -- "$_path.lvsfleet"
        if [ "$(sum "$_path")" = "$_was" ]; then
            continue
        elif [ "$_was" = - ]; then
            gone "$_path" 2>&1 || return
        else
            mkdir -p "${_path%/*}" && replace "$_path" "$(kept "$1" "$_path")" 2>&1 || return
        fi
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
