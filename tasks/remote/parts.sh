# shellcheck shell=sh
# The parts of a run, in the order in which they are made: folders NUMBER-WHAT in the run's, each with
# what was seen when it was planned, and how to do it, undo it and save it.

parts() {
    for _part in "$1"/[0-9][0-9]-*; do
        if [ -d "$_part" ]; then printf '%s\n' "$_part"; fi
    done
}

# parts_back DIR: the same in the order in which they are taken back, those that were begun.
parts_back() {
    parts "$1" | sort -r | while read -r _part; do
        if [ -e "$_part/begun" ]; then printf '%s\n' "$_part"; fi
    done
}

# receive DIR PARTS: make the folders of PARTS, and from stdin their files and others of the run's, each
# behind a frame with its path.
receive() {
    for _part in $2; do
        mkdir "$1/$_part" "$1/$_part/do" "$1/$_part/undo" "$1/$_part/save" &&
            ln -s ../before "$1/$_part/before" || return
    done
    if [ -e "$1/end" ]; then rm -f "$1/end"; fi
    awk -v dir="$1" -v mark="@@$nonce" \
        '$1 == mark { if (out) close(out); out = dir "/" $2; printf "" >out; next } { print >out }' ||
        return
    [ -f "$1/end" ]
}

# part_now PART: a fingerprint of what the part changes.
part_now() {
    case ${1##*-} in
        firewalld) fw_seen "$1/do" ;;
        iptables) ipt_seen ;;
        nftables | drain) as_table_of "$1" nft_seen ;;
        keepalived) ka_now "$1/do" ;;
    esac
}

# part_as_seen PART: whether that still is what the part was planned for.
part_as_seen() {
    read -r _seen <"$1/seen"
    [ "$_seen" != - ] || return 0 # nothing runs yet that could have changed
    case ${1##*-} in firewalld) fw_bus ;; esac # for all shells that come from this one
    _now=$(part_now "$1")
    [ "${_now%% *}" = "$_seen" ]
}

# part_ready PART: whether the router takes it; else why not.
part_ready() {
    case ${1##*-} in
        iptables) ipt_ready "$1/do" || return ;;
        nftables) nft_ready "$1" || return ;;
        drain) drain_ready "$1" || return ;;
    esac
}

# check_parts DIR PARTS: fail before anything is changed by them.
check_parts() {
    for _part in $2; do
        part_as_seen "$1/$_part" ||
            fail changed-meanwhile "the rules are not those that the plan was made for"
        case ${_part##*-} in
            iptables) _who='the kernel takes no marks' ;;
            *) _who='nft does not take the change' ;;
        esac
        _why=$(part_ready "$1/$_part") || fail preflight "$_who: $_why"
    done
}

# begin_parts DIR PARTS: from now on they are taken back, too.
begin_parts() {
    for _part in $2; do true >"$1/$_part/begun" || return; done
}

# tell_tests DIR PARTS: what keepalived says of its files, before them and now.
tell_tests() {
    for _part in $2; do
        for _when in before after; do
            _test=$1/$_part/test-$_when
            if [ -s "$_test" ]; then
                section "test-$_when" cat -- "$_test"
            elif [ -f "$_test" ]; then
                section "test-$_when" true
            fi
        done
    done
}

# apply_parts DIR PARTS: bring the runtime there, one part after the other.
apply_parts() {
    for _part in $2; do
        put_owned "$1/$_part" owned-meanwhile
        case ${_part##*-} in
            firewalld) fw_apply "$1/$_part/do" ;;
            iptables) ipt_apply "$1/$_part/do" ;;
            nftables | drain) as_table_of "$_part" nft_apply "$1/$_part/do" ;;
            keepalived) ka_apply "$1/$_part" ;;
        esac || return
    done
}

# to_save DIR: the parts that have something to save: of two that change the same, the later one.
to_save() {
    parts "$1" | while read -r _part; do
        if [ ! -e "$_part/superseded" ]; then printf '%s\n' "$_part"; fi
    done
}

# check_saved DIR: whether the files to be saved are still those that were read; else which is not.
check_saved() {
    for _part in $(to_save "$1"); do
        if [ -f "$_part/save/files" ]; then check_files "$_part/save" || return; fi
    done
}
