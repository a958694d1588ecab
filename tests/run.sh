#!/usr/bin/env bash
# Runs all tests of the workspace on real servers.
#
#   tests/run.sh                 everything, compared with tests/expected-tests.txt
#   tests/run.sh FILTER...       only what the arguments to the test binaries select; the list is not compared
#   tests/run.sh --update-list   writes the names of all tests to tests/expected-tests.txt and runs nothing
#
# Servers: TEST_AMQP_URL and TEST_DATABASE_URL name running ones. One that is not named is started here, privately, from
# the installed programs, in a temporary directory, and ended by its process id. What is missing is installed with apt
# when we are root; else the script says what to install.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
for part in install private rabbitmq postgres; do
    # shellcheck source=/dev/null
    . "tests/servers/$part.sh"
done

expected=tests/expected-tests.txt
# What the tally reads must look the same everywhere.
export CARGO_TERM_COLOR=never CARGO_TERM_QUIET=false CARGO_TERM_VERBOSE=false CARGO_TERM_PROGRESS_WHEN=never
unset RUST_TEST_NOCAPTURE RUST_TEST_SHUFFLE

servers_dir=$(mktemp -d "${TMPDIR:-/tmp}/affitor-tests.XXXXXX") || exit 1
chmod 711 "$servers_dir" # the servers' users pass through
tests_group=
finish() {
    [ -z "$tests_group" ] || kill -TERM -- "-$tests_group" 2>/dev/null
    end_servers
    rm -rf "$servers_dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

# The example programs of the documentation are run with the real interpreters.
find_python() {
    local candidate
    for candidate in "${TEST_PYTHON:-python3}" /usr/bin/python3; do
        if "$candidate" -c 'import requests' >/dev/null 2>&1; then
            TEST_PYTHON=$candidate
            return 0
        fi
    done
    return 1
}

# Some systems have it under another name.
find_chromium() {
    local candidate
    for candidate in "${TEST_CHROMIUM:-chromium}" chromium-browser google-chrome; do
        if "$candidate" --version >/dev/null 2>&1; then
            TEST_CHROMIUM=$candidate
            return 0
        fi
    done
    return 1
}

# Not everybody has the directory in the PATH.
find_nginx() {
    TEST_NGINX=$(find_program nginx /usr/sbin)
}

install_tools() {
    command -v cargo >/dev/null || fail "cargo is missing. Install the Rust toolchain that Cargo.toml names (rust-version) from https://rustup.rs"
    need "a C compiler" "gcc libc6-dev" c_compiler_works || exit 1
    need "Python 3 with requests" "python3 python3-requests" find_python || exit 1
    need "Node.js" nodejs command -v node || exit 1
    need "Chromium" chromium find_chromium || exit 1
    need "nginx" nginx-light find_nginx || exit 1
    need "Caddy" caddy command -v caddy || exit 1
    need "Prometheus" prometheus command -v promtool || exit 1
    export TEST_PYTHON TEST_CHROMIUM TEST_NGINX
}

start_servers() {
    if [ -z "${TEST_AMQP_URL:-}" ]; then
        echo "== starting a private RabbitMQ"
        start_rabbitmq || fail "no RabbitMQ to test on; TEST_AMQP_URL may name a running one"
    fi
    if [ -z "${TEST_DATABASE_URL:-}" ]; then
        echo "== starting a private PostgreSQL"
        start_postgres || fail "no PostgreSQL to test on; TEST_DATABASE_URL may name a running one"
    fi
}

wait_for_servers() {
    [ -z "${rabbitmq_pid:-}" ] || wait_for_rabbitmq || exit 1
    [ -z "${postgres_pid:-}" ] || wait_for_postgres || exit 1
}

# One build for the binaries that tests start, the tests and the tally: several would resolve features differently.
build() {
    echo "== building"
    cargo build --workspace --locked --bins --tests --message-format=json-render-diagnostics </dev/null \
        >"$servers_dir/artifacts.json" || fail "the build failed"
    tally=$(sed -nE 's/.*"executable":"([^"]*\/tally)".*/\1/p' "$servers_dir/artifacts.json" | tail -n 1)
    [ -x "$tally" ] || fail "cargo built no tally"
}

list_tests() {
    cargo test --workspace --locked -- --list --format terse </dev/null >"$servers_dir/listing" 2>&1 || {
        cat "$servers_dir/listing" >&2
        fail "the tests could not be listed"
    }
}

install_tools
if [ "${1:-}" = --update-list ]; then
    build
    list_tests
    "$tally" names "$servers_dir/artifacts.json" "$servers_dir/listing" >"$expected" || exit 1
    echo "$(wc -l <"$expected") tests are named in $expected"
    exit 0
fi
[ -f "$expected" ] || fail "$expected is missing: make it with tests/run.sh --update-list and commit it"
start_servers
build
list_tests
wait_for_servers

echo "== testing"
# In the background and as a group of processes of its own, so that a signal to this script ends the tests at once.
set -m
{
    cargo test --workspace --locked --no-fail-fast -- "$@" </dev/null
    echo $? >"$servers_dir/status"
} 2>&1 | tee "$servers_dir/log" &
tests_group=$(jobs -p %%)
set +m
wait $!
tests_group=
if [ $# -gt 0 ]; then
    echo "== selected by '$*': the list of all tests is not compared"
    expected=
fi
"$tally" report "$servers_dir/artifacts.json" "$servers_dir/listing" "$servers_dir/log" "$(cat "$servers_dir/status")" \
    ${expected:+"$expected"}
