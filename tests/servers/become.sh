#!/usr/bin/env bash
# Becomes a program of a private server that a test may stop and break; tests/src/private.rs calls it.
#
#   tests/servers/become.sh DIRECTORY "AMQP_PORT DIST_PORT EPMD_PORT" epmd|rabbitmq-server|rabbitmqctl ARGUMENTS...
#   tests/servers/become.sh DIRECTORY "" initdb|postgres ARGUMENTS...
#
# It is replaced by the program, so that its process id is the program's, and the program ends with whoever called.
set -uo pipefail
for part in install private rabbitmq postgres; do
    # shellcheck source=/dev/null
    . "$(dirname "${BASH_SOURCE[0]}")/$part.sh"
done

directory=$1 program=$3
read -r -a ports <<<"$2"
shift 3
user='' settings=()
# shellcheck disable=SC2034 # as_user reads it
death_signal=KILL
case $program in
    initdb | postgres)
        # After a KILL it would leave shared memory behind.
        # shellcheck disable=SC2034
        death_signal=QUIT
        user=$(postgres_user) && own_directory "$user" "$directory" || exit 1
        program=$(dirname "$(readlink -f "$(postgres_program)")")/$program
        ;;
    *)
        prepare_rabbitmq "$directory" "${ports[@]}" || exit 1
        if [ "$program" = epmd ]; then program=$(epmd_program); else program=$(rabbitmq_program "$program"); fi
        ;;
esac
as_user "$user" "${settings[@]}" "$program" "$@"
