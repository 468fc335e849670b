#!/usr/bin/env bash
# Install the Debian packages the project needs, and only those that are missing. Says nothing and asks for
# nothing when all are there.
#
# usage: scripts/bootstrap.sh [--plots] [--lint] [--fuzz] [--slurm]
#   --plots  also what scripts/plot_sweep.py and scripts/report.py draw with, and what their tests read with
#   --lint   also clang, clang-format, clang-tidy, cppcheck, shellcheck
#   --fuzz   also clang and libFuzzer
#   --slurm  also Slurm and munge, for tests/slurm, which start daemons of their own
set -euo pipefail

packages=(
    gcc libc6-dev cmake ninja-build pkg-config git   # to build
    libopenmpi-dev openmpi-bin                       # the sweep's ranks
    libhdf5-dev hdf5-tools zlib1g-dev                # its result file, and h5dump, h5ls to look at it
    libcjson-dev libyaml-dev libssl-dev              # configs, profile metadata, SHA-256 of inputs
    libcmocka-dev python3 python3-numpy python3-h5py # tests
    python3-jsonschema                               # the schemas' test
)
for option in "$@"; do
    case $option in
        --plots)
            packages+=(python3-pandas python3-matplotlib python3-xarray python3-netcdf4 python3-h5netcdf netcdf-bin nodejs)
            ;;
        --lint) packages+=(clang clang-format clang-tidy cppcheck shellcheck) ;;
        --fuzz) packages+=(clang-14 libclang-rt-14-dev) ;;
        --slurm) packages+=(slurmctld slurmd slurm-client munge) ;;
        *)
            sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "bootstrap: no dpkg here; install the equivalents of: ${packages[*]}" >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
echo "bootstrap: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null
