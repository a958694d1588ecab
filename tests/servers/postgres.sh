# Sourced by tests/run.sh: a private PostgreSQL below $servers_dir on a port of its own.
# Sets TEST_DATABASE_URL and TEST_PG_BIN. Needs install.sh and private.sh.

postgres_program() {
    # initdb too: some systems ship the client without the server.
    local directories
    mapfile -t directories < <(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV)
    find_program initdb "${directories[@]}"
}

# The server refuses to run as root.
postgres_user() {
    if [ "$(id -u)" = 0 ]; then first_user postgres nobody; else id -un; fi
}

start_postgres() {
    need "a PostgreSQL server" postgresql postgres_program || return 1
    local user directory port
    TEST_PG_BIN=$(dirname "$(readlink -f "$(postgres_program)")")
    directory=$servers_dir/postgres
    user=$(postgres_user) || return 1
    port=$(free_ports 1)
    own_directory "$user" "$directory" || return 1
    if ! (as_user "$user" "$TEST_PG_BIN/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C --no-sync) >"$servers_dir/postgres.log" 2>&1; then
        echo "initdb failed:" >&2
        tail -n 20 "$servers_dir/postgres.log" >&2
        return 1
    fi
    (as_user "$user" "$TEST_PG_BIN/postgres" -D "$directory/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c max_connections=200 -c log_min_messages=warning) \
        >>"$servers_dir/postgres.log" 2>&1 </dev/null &
    postgres_pid=$!
    # QUIT is its immediate stop; after a KILL it would leave shared memory behind.
    servers_to_end+=("QUIT $postgres_pid")
    postgres_port=$port
    TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres
    export TEST_DATABASE_URL TEST_PG_BIN
}

wait_for_postgres() {
    wait_until PostgreSQL "$postgres_pid" "$servers_dir/postgres.log" \
        "$TEST_PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$postgres_port" -U postgres
}
