#!/bin/bash
# Succeeds when the server answers for the version labelled stable of the model HEALTH_MODEL, or, without one, at all.
# The official image has neither curl nor wget. The status of a model would not do: it is 200 while a version still loads.
#
#   HEALTH_MODEL=arbitrary_style REST_PORT=8501 healthcheck.sh
set -eu
model=${HEALTH_MODEL-arbitrary_style}
exec 3<>"/dev/tcp/127.0.0.1/${REST_PORT:-8501}"
[ -n "$model" ] || exit 0
printf 'GET /v1/models/%s/labels/stable/metadata HTTP/1.0\r\nHost: localhost\r\n\r\n' "$model" >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
