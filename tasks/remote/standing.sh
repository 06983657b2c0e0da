# shellcheck shell=sh
# standing NONCE: the addresses that the router has, and what keepalived says of its instances. It
# writes that to a file in its own /tmp when it is sent a signal, if it was built to.

told_by_keepalived() {
    ka_pid || return
    _signal=$(keepalived --signum=JSON 2>/dev/null) || return
    _file=/proc/$_pid/root/tmp/keepalived.json
    if [ -e "$_file" ]; then rm -f "$_file"; fi
    kill -s "$_signal" "$_pid" || return
    _left=100 # 2 s: on a busy router it may come late, and a FAULT is only told there
    while [ "$_left" -gt 0 ]; do
        # It is written in one go, and ends so.
        _told=$(cat "$_file" 2>/dev/null)
        case $_told in *]) break ;; esac
        _left=$((_left - 1))
        sleep 0.02
    done
    printf '%s\n' "$_told"
    rm -f "$_file"
    [ "$_told" ]
}

section addresses ip -o addr show
section alive systemctl is-active keepalived.service
section keepalived told_by_keepalived
