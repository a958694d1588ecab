#!/bin/bash
# ready PORT: succeeds when the process that serves metrics on PORT of this container says that it is ready.
# In bash alone, so that the image needs no HTTP client.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
