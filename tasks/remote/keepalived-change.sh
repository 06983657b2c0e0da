# shellcheck shell=sh
# keepalived: what changes its files. Two routers whose adverts list other VIPs discard each other's, so
# the files are written and tested first, and read by the daemon in a step of its own.

# ka_now DIR: a fingerprint of the files that a change concerns; `files` in DIR names them.
ka_now() {
    while read -r _ _ _path; do
        printf '%s\n' "$(sum "$_path")"
    done <"$1/files" | sha256sum
}

# ka_say FILE: what keepalived says of its configuration as it is, into FILE; _words and ka_main are known.
ka_say() {
    ka_test >"$1" 2>&1
    printf '%s\n' "$?" >"$1.status"
}

# ka_apply PART: keepalived's files as PART has them; what keepalived says of them is there to compare.
# A configuration that it took before and does not take now is put back at once.
ka_apply() {
    while read -r _ _new _path; do
        _kept=$(kept "$1" "$_path")
        if [ ! -f "$_kept" ]; then cp -p -- "$_path" "$_kept" && sync "$_kept" || return; fi
    done <"$1/do/files"
    sync "$1/before/" || return
    # A line end that the file does not have came with it.
    for _bare in "$1"/do/*.bare; do
        if [ -f "$_bare" ]; then
            _text=$(cat "${_bare%.bare}") && printf '%s' "$_text" >"${_bare%.bare}" || return
        fi
    done
    while read -r _ _new _path; do cp -p -- "$_path" "$1/undo/$_new" || return; done <"$1/do/files"
    sync "$1/undo"
    _words=$(ka_words)
    ka_main=$(printf '%s\n' "$_words" | ka_main)
    ka_say "$1/test-before"
    while read -r _ _new _path; do prepare "$_path" "$1/do/$_new" || return; done <"$1/do/files"
    while read -r _ _ _path; do settle "$_path" || return; done <"$1/do/files"
    ka_say "$1/test-after"
    read -r _was <"$1/test-before.status"
    read -r _now <"$1/test-after.status"
    if [ "$_was" = 0 ] && [ "$_now" != 0 ]; then
        cat "$1/test-after"
        ka_unapply "$1"
        return 1
    fi
}

# ka_unapply PART: the files as they were: to the byte where nobody else wrote since, else by the
# opposite of the edit.
ka_unapply() {
    while read -r _was _new _path; do
        _now=$(sum "$_path")
        rm -f -- "$_path.lvsfleet"
        if [ "$_now" = "$_was" ]; then
            continue
        elif [ "$_now" = "$(sum "$1/do/$_new")" ]; then
            replace "$_path" "$1/undo/$_new" || return
        else
            ka_edit_back "$1/undo/$_new.steps" "$_path" >"$1/edited" && replace "$_path" "$1/edited"
        fi || return
    done <"$1/do/files"
}

# ka_edit_back STEPS FILE: FILE after steps of one line each, a ^A between their fields: `drop LINE`
# takes the first such line out; `put LINE BEHIND` puts one behind the first such line, or ahead of all
# where BEHIND is missing; a line that is not there is no reason to stop.
ka_edit_back() {
    awk -F '\001' '
        FNR == NR {
            if ($1 == "drop") gone[$2]++
            else { put[++puts] = $2; behind[puts] = $3 }
            next
        }
        FNR == 1 { for (i = 1; i <= puts; i++) if (behind[i] == "") print put[i] }
        gone[$0] > 0 { gone[$0]--; next }
        {
            print
            for (i = 1; i <= puts; i++) if (behind[i] != "" && behind[i] == $0) {
                print put[i]
                behind[i] = "\001"
            }
        }
    ' "$1" "$2"
}

# ka_reload: have keepalived read its files, where it runs.
ka_reload() {
    if [ -d /run/systemd/system ]; then
        systemctl is-active --quiet keepalived || return 0
        patiently 5 systemctl reload keepalived 2>&1
    else
        if ka_pid; then kill -s HUP "$_pid"; fi
    fi
}
