# shellcheck shell=sh
# status NONCE BACKEND PLACES: as observe and standing together, and the latest runs; it only reads.

observe_all "$@"
section run-names ls -1 "$home/runs"
