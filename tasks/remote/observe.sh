# shellcheck shell=sh
# observe NONCE BACKEND ZONE

observe_all "$@"
