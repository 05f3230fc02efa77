#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, which is gone afterwards.
#
#   scripts/with-postgres.sh cargo test -p demo-app
#
# The command finds it in TEST_POSTGRES_URL. `--check` only says, by its exit, whether there is a
# PostgreSQL to start.

set -euo pipefail

# Debian keeps each version's programs in a directory of its own.
programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [[ -z $programs ]]; then
  programs=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
fi
if ! [[ -x $programs/initdb && -x $programs/pg_ctl ]]; then
  echo "missing: postgresql (apt-get install postgresql)" >&2
  exit 1
fi
[[ ${1:-} != --check ]] || exit 0

# It refuses to be root.
as=()
if [[ $EUID -eq 0 ]]; then
  as=(runuser -u postgres --)
fi

place=$(mktemp -d)
stop() {
  "${as[@]}" "$programs/pg_ctl" stop --pgdata="$place/data" --mode=immediate --silent >/dev/null 2>&1 || :
  rm -rf "$place"
}
trap stop EXIT
((${#as[@]} == 0)) || chown postgres "$place"
# From anywhere it may not read the directory it was called in.
here=$PWD
cd "$place"

"${as[@]}" "$programs/initdb" --pgdata="$place/data" --username=postgres --auth=trust --encoding=UTF8 \
  --no-sync >initdb.log 2>&1 || {
  cat initdb.log >&2
  exit 1
}

# What it loses when the machine dies, nobody misses.
options="-c listen_addresses=127.0.0.1 -c unix_socket_directories=$place -c max_connections=300"
options+=" -c fsync=off -c full_page_writes=off"
for ((attempt = 1; ; attempt += 1)); do
  port=$((20000 + RANDOM % 12000))
  if "${as[@]}" "$programs/pg_ctl" start --pgdata="$place/data" --log="$place/data/log" --silent --wait \
    --options="$options -p $port" >/dev/null 2>&1; then
    break
  fi
  # The port is taken, most likely.
  if ((attempt == 10)); then
    cat "$place/data/log" >&2
    exit 1
  fi
done

cd "$here"
# Also `psql`, where the system does not have it in its own path.
export PATH=$PATH:$programs
TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres" "$@"
