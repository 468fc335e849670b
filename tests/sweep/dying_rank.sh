#!/usr/bin/env bash
# dying_rank.sh RANK MS COMMAND... -- runs COMMAND; the process of that rank gets SIGNAL (default KILL) MS after its start.
set -euo pipefail
rank=$1 ms=$2
shift 2
if [ "${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-0}}" -eq "$rank" ]; then
    # shellcheck disable=SC2069
    (
        sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
        kill -"${SIGNAL:-KILL}" $$
    ) >/dev/null 2>&1 </dev/null &
fi
exec "$@"
