# shellcheck shell=sh
# A copy of everything that decides how the router filters, on the router and for the controller.

# snapshot DIR: copies into DIR/before, under their paths with % for /, and dumps of what runs.
snapshot() {
    for _f in /etc/firewalld/firewalld.conf /etc/firewalld/direct.xml /etc/firewalld/zones/*.xml \
        /etc/firewalld/policies/*.xml /etc/firewalld/ipsets/*.xml /etc/iptables/rules.v4 \
        /etc/iptables/rules.v6 /etc/sysconfig/iptables /etc/sysconfig/ip6tables /etc/nftables.conf \
        $nft_file $nft_units /etc/keepalived/keepalived.conf; do
        if [ -f "$_f" ]; then cp -p -- "$_f" "$(kept "$1" "$_f")" || return; fi
    done
    for _p in iptables ip6tables; do
        if have "$_p-save"; then "$_p-save" >"$1/before/$_p-save" 2>/dev/null; fi
        if have "$_p-legacy-save" && ipt_has_legacy; then
            "$_p-legacy-save" >"$1/before/$_p-legacy-save" 2>/dev/null
        fi
    done
    if have nft; then
        nft list ruleset >"$1/before/nft-ruleset" 2>/dev/null
        nft_copied "$1" && as_drain nft_copied "$1" || return
    fi
    if [ -f "$home/owned" ]; then cp -p -- "$home/owned" "$1/before/" || return; fi
    # A copy that was cut short by a full disk is no copy.
    true >"$1/before/whole" && sync "$1/before"
}

# nft_copied DIR: a copy of our table, which is empty only where there is none.
nft_copied() {
    if nft_own -s >"$1/before/$nft_copy"; then [ -s "$1/before/$nft_copy" ]; fi
}

# send_snapshot DIR: the same, for the controller to keep; its frames are files too, so that one program
# prints all of it. Where nobody is there to confirm a change, or the line is dead, it is not begun.
send_snapshot() {
    _dir=$1
    mkdir "$_dir/frames" || return
    set --
    for _f in "$_dir"/before/*; do
        [ -s "$_f" ] || continue
        _frame=$_dir/frames/$#
        section_begins "snapshot:${_f##*/}" >"$_frame-begins" || return
        section_ends "snapshot:${_f##*/}" 0 >"$_frame-ends" || return
        set -- "$@" "$_frame-begins" "$_f" "$_frame-ends"
    done
    [ $# = 0 ] || patiently 60 cat -- "$@" || exit 1
    rm -rf "$_dir/frames"
}
