# shellcheck shell=sh
# vips NONCE BACKEND PLACES: as observe, and what else a change of VIPs goes by; it only reads.

look_all "$@"
