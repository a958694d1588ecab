# Sourced by tests/run.sh and .ci/run: makes sure that a program is there, through Debian's package manager when we are root.
# It never starts a service, and installs nothing that is already there.

# need PURPOSE PACKAGES TEST...: installs PACKAGES (one word, blank-separated) unless the command TEST succeeds.
need() {
    local purpose=$1 packages=$2
    shift 2
    "$@" >/dev/null 2>&1 && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$purpose is missing. Install it and run this again; on Debian or Ubuntu: sudo apt-get install --no-install-recommends $packages" >&2
        return 1
    fi
    echo "== installing $purpose ($packages)"
    # shellcheck disable=SC2086 # PACKAGES is a list of words
    if ! apt_install $packages || ! "$@" >/dev/null 2>&1; then
        echo "$purpose is still missing after apt-get install $packages. Install it by hand and run this again." >&2
        return 1
    fi
}

# Services must not start: the tests run servers of their own. Debian asks policy-rc.d before it starts one.
apt_install() (
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    fi
    log=$(mktemp)
    if ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
)

# find_program NAME DIRECTORIES...: prints the path of NAME, looked for in DIRECTORIES first and then in PATH.
find_program() {
    local name=$1 directory
    shift
    for directory in "$@"; do
        if [ -x "$directory/$name" ]; then
            echo "$directory/$name"
            return 0
        fi
    done
    command -v "$name"
}

# The headers are a package of their own: a cc in the PATH is not enough.
c_compiler_works() {
    echo '#include <stdio.h>' | cc -E -
}
