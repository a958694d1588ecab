# Sourced by tests/run.sh: a private RabbitMQ node below $servers_dir with ports, a cookie and an epmd of its own.
# Sets TEST_AMQP_URL and TEST_RABBITMQCTL. Needs install.sh and private.sh.

rabbitmq_program() {
    # Debian's wrapper in the PATH insists on the system's directories; the real scripts are behind it.
    find_program "$1" /usr/lib/rabbitmq/bin /opt/homebrew/sbin /usr/local/sbin /usr/sbin
}

epmd_program() {
    find_program epmd /usr/lib/erlang/bin /usr/lib/erlang/erts-*/bin
}

# prepare_rabbitmq DIRECTORY AMQP_PORT DIST_PORT EPMD_PORT: makes a node's directory and sets `user` and `settings`, which
# are the node's and its tools' whole environment. The caller declares both.
prepare_rabbitmq() {
    local directory=$1 amqp_port=$2 dist_port=$3 epmd_port=$4
    user=$(id -un)
    [ "$(id -u)" != 0 ] || user=$(first_user rabbitmq nobody) || return 1
    own_directory "$user" "$directory" || return 1
    rabbitmq_configuration "$amqp_port" >"$directory/rabbitmq.conf"
    echo "[]." >"$directory/enabled_plugins"
    : >"$directory/rabbitmq-env.conf"
    chmod 644 "$directory"/rabbitmq.conf "$directory"/enabled_plugins "$directory"/rabbitmq-env.conf
    settings=(
        "HOME=$directory" # the cookie is made here
        "ERL_EPMD_PORT=$epmd_port" ERL_EPMD_ADDRESS=127.0.0.1
        "RABBITMQ_NODENAME=affitor-$amqp_port@localhost" "RABBITMQ_DIST_PORT=$dist_port"
        "RABBITMQ_CONF_ENV_FILE=$directory/rabbitmq-env.conf" "RABBITMQ_CONFIG_FILE=$directory/rabbitmq.conf"
        "RABBITMQ_ENABLED_PLUGINS_FILE=$directory/enabled_plugins" "RABBITMQ_PID_FILE=$directory/pid"
        "RABBITMQ_MNESIA_BASE=$directory/mnesia" "RABBITMQ_LOG_BASE=$directory/log"
        "RABBITMQ_GENERATED_CONFIG_DIR=$directory/generated"
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
        RUNNING_UNDER_SYSTEMD=true # the script becomes the server, so that its process id is the server's
    )
}

start_rabbitmq() {
    need "a RabbitMQ server" rabbitmq-server rabbitmq_program rabbitmq-server || return 1
    local user directory amqp_port dist_port epmd_port settings
    directory=$servers_dir/rabbitmq
    read -r amqp_port dist_port epmd_port < <(free_ports 3)
    prepare_rabbitmq "$directory" "$amqp_port" "$dist_port" "$epmd_port" || return 1
    # An epmd that Erlang starts by itself outlives its node and cannot be told from the system's.
    (as_user "$user" "${settings[@]}" "$(epmd_program)") >"$servers_dir/epmd.log" 2>&1 </dev/null &
    epmd_pid=$!
    servers_to_end+=("KILL $epmd_pid")
    wait_until epmd "$epmd_pid" "$servers_dir/epmd.log" accepts_connections "$epmd_port" || return 1
    (as_user "$user" "${settings[@]}" "$(rabbitmq_program rabbitmq-server)") >"$servers_dir/rabbitmq.log" 2>&1 </dev/null &
    rabbitmq_pid=$!
    servers_to_end+=("KILL $rabbitmq_pid")
    rabbitmq_port=$amqp_port
    TEST_AMQP_URL=amqp://guest:guest@127.0.0.1:$amqp_port/%2f
    TEST_RABBITMQCTL=$servers_dir/rabbitmqctl
    rabbitmqctl_script "$user" "${settings[@]}" >"$TEST_RABBITMQCTL"
    chmod 755 "$TEST_RABBITMQCTL"
    export TEST_AMQP_URL TEST_RABBITMQCTL
}

rabbitmq_configuration() {
    cat <<CONFIGURATION
listeners.tcp.1 = 127.0.0.1:$1
# A test machine's small disk must not raise the disk alarm.
disk_free_limit.absolute = 50MB
log.file.level = warning
CONFIGURATION
}

# rabbitmqctl_script USER SETTINGS...: the command line tool with the node's own settings, so that a test needs to know none.
rabbitmqctl_script() {
    echo '#!/usr/bin/env bash'
    printf 'PATH=%q\n' "$PATH"
    declare -f as_user
    printf 'as_user'
    printf ' %q' "$@" "$(rabbitmq_program rabbitmqctl)"
    echo ' "$@"'
}

wait_for_rabbitmq() {
    wait_until RabbitMQ "$rabbitmq_pid" "$servers_dir/rabbitmq.log" accepts_connections "$rabbitmq_port"
}
