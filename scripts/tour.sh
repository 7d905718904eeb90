#!/usr/bin/env bash
# A tour of the operator's calls, from an empty server to a drop that is over. Each step says what it does and what came
# of it; the first that goes wrong ends the tour.
#
#   scripts/tour.sh                                   with a server of its own, in a folder that is removed afterwards
#   HASHPASS=http://... ADMIN_TOKEN=... scripts/tour.sh   with yours, whose parameters and drop it changes
set -euo pipefail

PYTHON=${PYTHON:-python3}
PAGE="Mozilla/5.0 (tour)"
FOLDER=$(mktemp -d)
SERVER=""

end() {
  if [ -n "$SERVER" ]; then
    kill "$SERVER" 2>/dev/null || true
    wait "$SERVER" 2>/dev/null || true
  fi
  rm -rf "$FOLDER"
}
trap end EXIT

say() { printf '\n== %s\n' "$*"; }

# The value of one field, of the JSON on standard input: `field drop remaining`.
field() {
  "$PYTHON" -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1:]:
    value = value[int(name)] if isinstance(value, list) else value[name]
print(value if isinstance(value, str) else json.dumps(value))' "$@"
}

# An operator's call: `call GET /status`, `call POST /kick '{"ip": "..."}'`. Its answer is printed.
call() {
  curl --silent --show-error --fail-with-body --max-time 60 -X "$1" "$HASHPASS/api/admin$2" \
    -H "Authorization: Bearer $ADMIN_TOKEN" ${3:+--data "$3"}
}

# What status a call is refused with.
refusal() {
  curl --silent --max-time 60 -o /dev/null -w '%{http_code}' -X "$1" "$HASHPASS$2" \
    -A "$PAGE" -H "Authorization: Bearer ${4-$ADMIN_TOKEN}" ${3:+--data "$3"}
}

expect() {
  if [ "$1" != "$2" ]; then
    printf 'expected %s and got %s\n' "$1" "$2" >&2
    exit 1
  fi
}

# Mine one round, as a visitor of that name, and print the code.
mine() {
  "$PYTHON" -m hashpass mine "$HASHPASS" --threads 1 --rounds 1 --visitor "$1" |
    "$PYTHON" -c '
import re, sys
print(re.search(r"The code:\s+(\S+)", sys.stdin.read())[1])'
}

if [ -z "${HASHPASS:-}" ]; then
  say "An empty server"
  export ADMIN_TOKEN=${ADMIN_TOKEN:-$("$PYTHON" -c 'import secrets; print(secrets.token_hex(16))')}
  HASHPASS_DATA_DIR=$FOLDER HOST=127.0.0.1 PORT=0 HASHPASS_GATE=open HASHPASS_ARGON2_MEMORY_COST=1024 \
    PYTHONUNBUFFERED=1 "$PYTHON" -m hashpass serve >"$FOLDER/out" 2>&1 &
  SERVER=$!
  for ((try = 0; try < 100; try++)); do
    HASHPASS=$(sed -n 's/.* is open at /http:\/\//p' "$FOLDER/out" | head -n 1)
    [ -z "$HASHPASS" ] || break
    kill -0 "$SERVER" || { cat "$FOLDER/out"; exit 1; }
    sleep 0.1
  done
fi
echo "$HASHPASS"

say "Nobody gets in without the token"
expect 401 "$(refusal GET /api/admin/status '' 'a wrong token')"
echo 401

say "How everything is"
call GET /status | field status
call GET /logs | field total

say "An easy puzzle, two workers to a page"
call POST /difficulty '{"difficulty": 4, "min_difficulty": 1, "max_difficulty": 8}'
call POST /worker-count '{"worker_count": 2}'

say "A bad value changes nothing"
expect 400 "$(refusal POST /api/admin/difficulty '{"difficulty": 6, "min_difficulty": 7}')"
call GET /status | field difficulty

say "A drop of two codes"
call POST /drop '{"code_limit": 2, "wins_per_visitor": 0, "win_cooldown": 0, "opens_at": null, "closes_at": null}'

say "The first is won"
FIRST=$(mine "$(date +%s)-anna")
echo "$FIRST"
curl --silent --show-error "$HASHPASS/api/drop"

say "It is looked up, and redeemed once"
call POST /codes/check "{\"invite_code\": \"$FIRST\"}"
expect '"redeemed"' "\"$(call POST /codes/redeem "{\"invite_code\": \"$FIRST\"}" | field status)\""
expect 409 "$(refusal POST /api/admin/codes/redeem "{\"invite_code\": \"$FIRST\"}")"
echo redeemed

say "Somebody misbehaves, and is forgiven"
call POST /kick '{"ip": "198.51.100.0/24"}'
call GET /blacklist
call POST /unban '{"ip": "198.51.100.0/24"}'

say "The second is won, and the drop is over"
SECOND=$(mine "$(date +%s)-ben")
echo "$SECOND"
expect used_up "$(curl --silent --show-error "$HASHPASS/api/drop" | field reason)"
call GET /status | field drop

say "A new code key revokes what is not redeemed"
call POST /regenerate-hmac
expect revoked "$(call POST /codes/check "{\"invite_code\": \"$SECOND\"}" | field status)"
expect redeemed "$(call POST /codes/check "{\"invite_code\": \"$FIRST\"}" | field status)"
echo revoked

say "What was given away"
call GET '/logs?per_page=2' | field records 0 invite_code
call GET /logs/stats | field total_codes
call GET '/logs/export?format=csv' | cut -d, -f1-5 | head -n 3

say "Everybody out"
call POST /kick-all

say "The end"
