#!/usr/bin/env bash
# Install the Debian packages that the lab needs and this machine lacks, then say what else it lacks.
# More are named as arguments, PROGRAM:PACKAGE each.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'lab: %s\n' "$*" >&2; }

# The program that is asked for, and the package that has it.
needed=(
    debootstrap:debootstrap ip:iproute2 nft:nftables iptables:iptables nsenter:util-linux
    unshare:util-linux setsid:util-linux sysctl:procps ps:procps ssh:openssh-client
    ssh-keygen:openssh-client tcpdump:tcpdump ping:iputils-ping python3:python3-minimal "$@"
)
PATH=$PATH:/usr/sbin:/sbin
missing=()
for each in "${needed[@]}"; do
    command -v "${each%%:*}" >/dev/null || missing+=("${each#*:}")
done

if [ "${#missing[@]}" -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        say "the lab needs root; run it with sudo"
        exit 2
    fi
    if ! command -v apt-get >/dev/null; then
        say "the lab needs these Debian packages, and there is no apt-get to install them: ${missing[*]}"
        exit 2
    fi
    say "installing ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        say "apt-get could not install ${missing[*]}; the lines above say why"
        exit 2
    fi
fi

exec sh preflight.sh
