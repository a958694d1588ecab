#!/bin/sh
# Sets the tunables of the queues, as policies: a queue's arguments can never be changed, a policy at any time.
# Run it once per cluster, before the first process starts (it needs no queue to be there), and again after a change here.
#
#   RABBITMQCTL   how to call rabbitmqctl (default: rabbitmqctl)
#   VHOST         the virtual host (default: /)
#   PREFIX        the setting queue.name_prefix (default: affitor)
set -eu

rabbitmqctl=${RABBITMQCTL:-rabbitmqctl}
vhost=${VHOST:-/}
prefix=${PREFIX:-affitor}

set_policy() { # NAME PATTERN DEFINITION
    # shellcheck disable=SC2086 # RABBITMQCTL may hold arguments
    $rabbitmqctl set_policy --vhost "$vhost" --apply-to queues --priority 10 "$1" "$2" "$3"
}

# The pipeline's queue.
# delivery-limit 20          A message that takes its worker down comes back at most so often, then it is dead-lettered.
#                            It is the default of 4.x; before that there is none, and such a message circles for ever.
# max-length-bytes 16 GiB    A long outage of the database fills the queue, not the broker's disk.
# overflow reject-publish    A full queue refuses new events, which answers 503, instead of dropping old ones.
# dead-letter-strategy       at-least-once: a message leaves the queue only when the dead-letter queue has it.
#                            It needs overflow reject-publish.
set_policy "$prefix-events" "^$prefix\\.events\\.v1\$" '{
    "delivery-limit": 20,
    "max-length-bytes": 17179869184,
    "overflow": "reject-publish",
    "dead-letter-strategy": "at-least-once"
}'

# What could not be delivered or routed; workers drain both queues.
# No delivery-limit that is ever reached: past it these queues, which have no dead letters of their own, would drop.
# max-length-bytes 4 GiB     As above; dead-lettering then waits until there is room.
# overflow reject-publish    As above.
# No message-ttl             Nothing here may vanish by itself.
set_policy "$prefix-aside" "^$prefix\\.(dead|unrouted)\$" '{
    "delivery-limit": 1000000000,
    "max-length-bytes": 4294967296,
    "overflow": "reject-publish"
}'

# By this one `ingest`, `worker` and `affitor doctor` see that all of the above are there, since a client cannot read
# policies: they declare a queue of such a name and see whether it goes away by itself. It stays the last, and its
# number grows with each change of the others.
# expires 50 ms              Unused for so long, the queue is deleted. It never holds a message.
set_policy "$prefix-probe" "^$prefix\\.probe\\.v1\\." '{
    "expires": 50
}'
