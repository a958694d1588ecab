# Sourced by the scripts that start private servers: ports, users, waiting, ending.
# Everything lives below $servers_dir (made by the caller) and is ended by process id, newest first.

servers_to_end=() # each "SIGNAL PID"

# free_ports N: prints N free ports of the loopback address, below the range that the kernel hands out by itself.
free_ports() {
    python3 - "$1" <<'PYTHON'
import random, socket, sys
held = []
while len(held) < int(sys.argv[1]):
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", random.randrange(20000, 32000)))
        held.append(candidate)
    except OSError:
        pass
print(*(one.getsockname()[1] for one in held))
PYTHON
}

# as_user USER COMMAND...: replaces this process by COMMAND with a bare environment, as USER when we are root.
# $death_signal, when set, is what it then gets when its parent ends: becoming USER undoes what was arranged before.
as_user() {
    local user=$1
    shift
    cd / || return 1
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups ${death_signal:+--pdeathsig "$death_signal"} -- env -i "PATH=$PATH" LANG=C.UTF-8 "$@"
    fi
    exec env -i "PATH=$PATH" LANG=C.UTF-8 "$@"
}

# own_directory USER DIRECTORY: a private directory that belongs to USER.
own_directory() {
    mkdir -p "$2" && chmod 700 "$2" || return 1
    [ "$(id -u)" != 0 ] || chown "$1" "$2"
}

# first_user NAMES...: the first of them that exists.
first_user() {
    local name
    for name in "$@"; do
        if id "$name" >/dev/null 2>&1; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# wait_until NAME PID LOG TEST...: until TEST succeeds; fails with the end of LOG when PID has ended or 90 s have passed.
wait_until() {
    local name=$1 pid=$2 log=$3 deadline=$((SECONDS + 90))
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            echo "$name did not start; the end of its log:" >&2
            tail -n 20 "$log" >&2
            return 1
        fi
        sleep 0.1
    done
}

accepts_connections() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1")
}

# Nothing of a private server is kept, so none is asked to shut down in good order.
end_servers() {
    local i signal pid
    for ((i = ${#servers_to_end[@]} - 1; i >= 0; i--)); do
        read -r signal pid <<<"${servers_to_end[i]}"
        kill -"$signal" "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    servers_to_end=()
}
