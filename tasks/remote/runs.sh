# shellcheck shell=sh
# A run on the router: its folder, its one state, and what survives a reboot in the middle of it.
# The state is the name of one empty file, so that one rename moves it: armed, then either claimed
# (being saved) and done, or reverting and reverted; abandoned if it died and nobody came back to it.

# On a disk that takes no rename an armed run stays armed, though it was taken back: this says so.
back=$lock-back

recovery=lvsfleet-recover.service
units=/etc/systemd/system

# lock_run: the run that the lock names; take_lock RUN WHO. A link is made with its text in one step,
# so a lock always says whose it is. It is in /run: a boot takes it away.
lock_run() { _words=$(readlink "$lock") && printf '%s' "${_words%% *}"; }
take_lock() { ln -s "$1 $(date +%s) $2" "$lock" 2>/dev/null; }

# hold DIR SECONDS: wait until no other step of the run is at work; then keep others out.
hold() {
    exec 9<"$1" || return
    if have flock; then flock -w "$2" 9; fi
}

# take_up DIR: hold the run for one more step of it, or say why not.
take_up() {
    [ -d "$1" ] || fail lost "the router knows of no run ${1##*/}"
    hold "$1" 30 || fail busy "another step of this run is still at work"
}

# still_armed DIR: fail where the run was taken back already.
still_armed() {
    if [ -e "$back" ] || [ ! -e "$1/armed" ]; then
        fail lost "the router took the change back before it was complete"
    fi
}

# at_work DIR: whether a step of the run is, or its timer will be.
at_work() {
    if have flock && [ -d "$1" ] && ! flock -n "$1" true; then return 0; fi
    if [ ! -d /run/systemd/system ]; then [ -e "$1/armed" ] || [ -e "$1/reverting" ]; return; fi
    systemctl is-active --quiet "lvsfleet-${1##*/}.timer" "lvsfleet-${1##*/}.service"
}

# holder: whose lock it is, and whether that run still has something to do here.
holder() {
    _words=$(readlink "$lock")
    _held=$home/runs/${_words%% *}
    _state=beginning
    for _s in armed claimed reverting; do
        if [ -e "$_held/$_s" ]; then _state=$_s; fi
    done
    _since=${_words#* }
    _since=${_since%% *}
    if ! at_work "$_held"; then
        # A run that is only beginning may not have come to its folder yet.
        if [ -d "$_held" ] || [ $(($(date +%s) - ${_since:-0})) -ge 60 ]; then _state=stale; fi
    fi
    printf '%s %s' "$_state" "$_words"
}

# abandon DIR: nobody comes back to this run.
abandon() {
    for _s in armed claimed reverting; do
        if [ -e "$1/$_s" ]; then mv "$1/$_s" "$1/abandoned"; fi
    done
}

# release RUN: nothing of the run waits any more; what another one has taken meanwhile is left alone.
release() {
    _whose=$(lock_run)
    case $_whose in "$1" | "") ;; *) return 0 ;; esac
    if grep -qsF "/$1/recover.sh" "$units/$recovery"; then remove_recovery; fi
    rm -f "$back"
    # Where there was none, somebody may have made one since.
    if [ "$_whose" ]; then rm -f "$lock"; fi
}

# move DIR FROM TO: win the state FROM, or fail because another step did.
move() {
    mv "$1/$2" "$1/$3" 2>/dev/null || return
    sync "$1"
    return 0
}

# finish DIR FROM TO: the run is over. That is on the disk before its recovery goes.
finish() { move "$1" "$2" "$3" && release "${1##*/}"; }

# arm RUN SECONDS: from now on somebody comes in so many seconds, whoever dies. The timer counts
# seconds that pass, so a clock that is set does not move it.
arm() {
    if [ -d /run/systemd/system ] && have systemd-run; then
        systemd-run --quiet --collect --unit="lvsfleet-$1" --on-active="$2" \
            --timer-property=AccuracySec=100ms /bin/sh "$home/runs/$1/watch.sh" - "$1" 2>&1
    else
        setsid /bin/sh "$home/runs/$1/watch.sh" - "$1" "$2" </dev/null >/dev/null 2>&1 9>&- &
    fi
}

# disarm RUN: the timer has lost; the service it may have started is left to notice that itself.
disarm() { systemctl stop "lvsfleet-$1.timer" 2>/dev/null; }

# install_recovery DIR: from now on a boot finishes or takes back this run before filters are loaded.
install_recovery() {
    [ -d /run/systemd/system ] || return 0
    cat >"$1/$recovery" <<END &&
[Unit]
Description=Finish or take back the lvsfleet change that a reboot interrupted
DefaultDependencies=no
RequiresMountsFor=$home $units
After=local-fs.target
Before=network-pre.target firewalld.service netfilter-persistent.service iptables.service
Before=ip6tables.service nftables.service lvsfleet-nftables.service lvsfleet-drain.service
Before=keepalived.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh $1/recover.sh - boot
END
        replace "$units/$recovery" "$1/$recovery" && chmod 644 "$units/$recovery" &&
        { [ -d "$units/sysinit.target.wants" ] || mkdir -p "$units/sysinit.target.wants"; } &&
        ln -sf "../$recovery" "$units/sysinit.target.wants/$recovery" &&
        sync "$units/sysinit.target.wants"
}

remove_recovery() { rm -f "$units/sysinit.target.wants/$recovery" "$units/$recovery"; }

# booting: whether this boot has still to bring a change to its end, or to load what a step would change.
booting() {
    [ -d /run/systemd/system ] || return
    case $(systemctl list-jobs --no-legend "$recovery" firewalld.service keepalived.service \
        netfilter-persistent.service iptables.service ip6tables.service nftables.service \
        lvsfleet-nftables.service) in
        *.service*) return 0 ;;
    esac
    return 1
}

# booted: wait for the end of that. SSH is not made to wait for it: nobody is to be locked out. Of what
# loads, one that hangs is not waited for without end.
booted() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        booting || return 0
        sleep 2
    done
    [ "$(systemctl is-active "$recovery")" != activating ]
}

# prune: of the runs that are over, the ten newest are kept; names begin with the time.
prune() {
    _over=
    for _d in "$home"/runs/*; do
        if [ ! -e "$_d/armed" ] && [ ! -e "$_d/claimed" ] && [ ! -e "$_d/reverting" ]; then
            _over="$_d $_over"
        fi
    done
    _n=0
    for _d in $_over; do
        _n=$((_n + 1))
        if [ "$_n" -gt 10 ]; then rm -rf "$_d"; fi
    done
}
