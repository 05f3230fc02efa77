#!/usr/bin/env bash
# Runs all tests: formatting, lints, documentation, the Rust tests, the suites of the real
# clients (on SQLite and on a PostgreSQL of their own; behind HAProxy and nginx), the memory of a
# connection, the program of the container image, and what a message costs. It installs what they need.
# Clients, compilers and optimised builds run side by side; what each has printed follows when it is done.
# What it cannot install it names in one line and skips; with CI=true that is a failure in the end.
#
#   scripts/test.sh            everything
#   scripts/test.sh --quick    without the program of the image and the cost of a message, which need optimised builds

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=false
for argument in "$@"; do
  case $argument in
    --quick) quick=true ;;
    *)
      echo "usage: scripts/test.sh [--quick]" >&2
      exit 2
      ;;
  esac
done

# What has become of the steps, also of those in the background.
results=$(mktemp -d)
touch "$results"/{passed,skipped,left_out,failed}

# step NAME COMMAND...: goes on where it fails, so that one run tells everything.
step() {
  local name=$1 begun=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    echo "$name, $((SECONDS - begun)) s" >>"$results/passed"
  else
    printf '=== FAILED: %s\n' "$name"
    echo "$name" >>"$results/failed"
    return 1
  fi
}

# skip NAME WHY
skip() {
  printf '\n=== %s\nskipped: %s\n' "$1" "$2"
  echo "$1: $2" >>"$results/skipped"
}

# leave_out NAME WHY: what cannot be had everywhere, and is no failure where it cannot.
leave_out() {
  printf '\n=== %s\nleft out: %s\n' "$1" "$2"
  echo "$1: $2" >>"$results/left_out"
}

summary() {
  printf '\n=== summary, after %s s\n' "$SECONDS"
  sed 's/^/passed:  /' "$results/passed"
  sed 's/^/skipped: /' "$results/skipped"
  sed 's/^/left out: /' "$results/left_out"
  sed 's/^/FAILED:  /' "$results/failed"
  [[ ! -s $results/failed ]] || exit 1
  if [[ -s $results/skipped && ${CI:-} == true ]]; then
    echo "with CI=true nothing may be skipped"
    exit 1
  fi
}

# ------------------------------------------------------------------------------ in the background

# Clients wait most of their time, and compilers never do: they share the machine. Whatever only compiles gives way to
# what is tested, and what nobody waits for to that. What counts instructions and bytes has the machine alone, in the
# end.
aside=(nice -n 10)
last=(nice -n 19)
background=$(mktemp -d)

# begin NAME COMMAND...
begin() {
  local name=$1
  shift
  # A group of its own, so that all of it can be ended.
  set -m
  "$@" >"$background/$name.log" 2>&1 </dev/null &
  echo $! >"$background/$name.pid"
  set +m
}

# finish NAME: what it has printed, and whether it went well.
finish() {
  local name=$1 result=0
  wait "$(<"$background/$name.pid")" || result=$?
  rm "$background/$name.pid"
  cat "$background/$name.log"
  return "$result"
}

# collect NAME: the same of steps that have told themselves how they went.
collect() {
  [[ ! -e $background/$1.pid ]] || finish "$1" || echo "$1" >>"$results/failed"
}

end_background() {
  local pid
  for pid in "$background"/*.pid; do
    [[ ! -e $pid ]] || kill -- "-$(<"$pid")" 2>/dev/null || :
  done
  rm -rf "$background" "$results"
}
trap end_background EXIT

has() {
  command -v "$1" >/dev/null 2>&1
}

# Packages of Debian and its kin, where nobody must be asked for that.
install_packages() {
  [[ $EUID -eq 0 ]] && has apt-get || return 1
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  "${install[@]}" >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1 && "${install[@]}" >/dev/null 2>&1; }
}

# ------------------------------------------------------------------------------- what is needed

has cargo || {
  echo "missing: cargo, see https://rustup.rs" >&2
  exit 1
}

# Debian has programs there that only root finds.
PATH=$PATH:/usr/sbin

# What stands between the instances of an application, and in front of them. A test that finds none fails.
has_servers() {
  has redis-server && has haproxy && has nginx && has openssl
}

has_postgres() {
  scripts/with-postgres.sh --check 2>/dev/null
}

node_is_new_enough() {
  has npm && node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 11) ? 0 : 1)' 2>/dev/null
}

has_browser() {
  [[ -n ${CHROMIUM:-} ]] || [[ -x /usr/bin/chromium || -x /usr/bin/chromium-browser ]]
}

has_venv() {
  python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

has_counters() {
  has valgrind && has strace && has redis-server
}

# All of it before anything is begun: packages are installed by one at a time.
has_servers || install_packages redis-server haproxy nginx-light openssl || :
has_servers || echo "missing: redis-server, haproxy, nginx or openssl (apt-get install redis-server haproxy nginx-light openssl)"
has_postgres || install_packages postgresql || :
has_browser || install_packages chromium || :
has_venv || install_packages python3 python3-venv || :
$quick || has_counters || install_packages valgrind strace redis-server || :

# The stores are tested on PostgreSQL, too, where there is one.
postgres=()
if has_postgres; then
  postgres=(scripts/with-postgres.sh)
else
  skip "stores on PostgreSQL" "missing: postgresql (apt-get install postgresql)"
fi

target=$(cargo metadata --no-deps --format-version=1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

# --------------------------------------------------------------------------------- real clients

# The programs that they talk to have what they need of the framework and no more, and remain as they are when
# the same are built with everything.
export WIRE_PROGRAMS=$target/programs

programs_for_the_clients() {
  cargo build --locked -p demo-app -p tests -p examples --bins --examples || return
  rm -rf "$WIRE_PROGRAMS"
  mkdir -p "$WIRE_PROGRAMS/examples"
  find "$target/debug" -maxdepth 1 -type f -executable -exec cp --link -t "$WIRE_PROGRAMS" {} + &&
    find "$target/debug/examples" -maxdepth 1 -type f -executable -exec cp --link -t "$WIRE_PROGRAMS/examples" {} +
}

# node_packages FOLDER
node_packages() {
  local lock=$1/package-lock.json
  [[ $1/node_modules/.package-lock.json -nt $lock ]] || npm --prefix "$1" ci --no-audit --no-fund
}

venv=$target/wire-python

python_packages() {
  cmp -s tests/wire-python/requirements.txt "$venv/requirements.txt" && return
  rm -rf "$venv"
  python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/wire-python/requirements.txt &&
    cp tests/wire-python/requirements.txt "$venv/"
}

python_client() {
  "$venv/bin/python" -B -m unittest discover --verbose --start-directory tests/wire-python
}

real_clients() {
  if ! node_is_new_enough; then
    skip "official client" "missing: node 20.11 or newer with npm"
    skip "page in a browser" "missing: node 20.11 or newer with npm"
    skip "contracts, as other tools read them" "missing: node 20.11 or newer with npm"
  elif step "packages of the official client" node_packages tests/wire; then
    step "official client" npm --prefix tests/wire test || :
    if ((${#postgres[@]} > 0)); then
      step "official client, on PostgreSQL" "${postgres[@]}" npm --prefix tests/wire run test:postgres || :
    else
      skip "official client, on PostgreSQL" "missing: postgresql (apt-get install postgresql)"
    fi
    if has_browser; then
      step "page in a browser" npm --prefix tests/wire run test:page || :
    else
      skip "page in a browser" "missing: chromium (apt-get install chromium, or CHROMIUM=its path)"
    fi
    if step "packages of the tools that read contracts" node_packages tests/contract; then
      step "contracts, as other tools read them" npm --prefix tests/contract test || :
    fi
  fi
  if ! has_venv; then
    skip "python-socketio" "missing: python 3.10 or newer with venv (apt-get install python3-venv)"
  elif step "packages of python-socketio" python_packages; then
    step "python-socketio" python_client || :
  fi
}

# ------------------------------------------------------------------------------ optimised builds

optimised_programs() {
  step "program of the image" "${last[@]}" scripts/image-binary.sh || :
  if has_counters; then
    step "programs whose cost is measured" "${last[@]}" cargo run --locked -p bench -- --check --build || :
  fi
}

# ---------------------------------------------------------------------------------------- Rust

# Of the framework, what applications may choose, all together. What stands beside this is built once for all
# tests; with what the demo and the tests need of it, it is built for the clients; and there is a step for the rest.
everything=(--features gateway-core/client,gateway-core/contract,gateway-core/jwks-url,gateway-core/prometheus,gateway-core/redis-tls,gateway-core/tls)
rust_tests=(--locked --workspace "${everything[@]}")

# Of the programs, too.
lints() {
  "${aside[@]}" cargo clippy --locked --workspace --all-targets "${everything[@]}" \
    --features demo-app/jemalloc,tests/jemalloc -- -D warnings
}

# A link may lead to what only another feature has: the most and the fewest show each of them.
documentation() {
  local -x RUSTDOCFLAGS="-D warnings"
  "${aside[@]}" cargo doc --locked --workspace --no-deps "${everything[@]}" &&
    "${aside[@]}" cargo doc --locked -p gateway-core --no-deps --no-default-features --features macros
}

# All of them are checked and documented above; here each is alone, and the unit tests have the default ones, and none.
# With none they have the serde_json that an application may switch on, for everybody in its program.
each_set_of_features() {
  "${aside[@]}" cargo hack clippy --locked -p gateway-core --each-feature --exclude-all-features \
    --exclude-features default -- -D warnings &&
    "${aside[@]}" cargo test --locked -p gateway-core --lib &&
    "${aside[@]}" cargo test --locked -p gateway-core -p foreign-json --no-default-features --features foreign-json/on --lib
}

# Those that stop and freeze Redis wait for most of their time, and so they do it beside the others.
with_redis=redis::tests::
unit_tests_with_redis() {
  RUST_TEST_THREADS=8 cargo test "${rust_tests[@]}" --lib "$with_redis"
}

run_rust_tests() {
  begin "unit tests with Redis" unit_tests_with_redis
  # Left out, the targets of fuzzing would take features with them, and everything would be built once more.
  FUZZ_SECONDS=10 "${postgres[@]}" cargo test "${rust_tests[@]}" --no-fail-fast -- --skip "$with_redis"
}

# Licences, versions and sources can be told from what is there; advisories are kept elsewhere.
dependencies() {
  cargo deny --locked check licenses bans sources
}

advisories_are_reachable() {
  GIT_TERMINAL_PROMPT=0 timeout 15 git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD \
    >/dev/null 2>&1
}

step "formatting" cargo fmt --all --check || :
# Without them the clients have nothing to talk to.
if step "programs for the clients" programs_for_the_clients; then
  begin "real clients" real_clients
fi
if $quick; then
  skip "program of the image" "left out by --quick"
else
  begin "optimised programs" optimised_programs
fi

step "lints" lints || :
step "documentation" documentation || :
if has cargo-hack || cargo install --locked cargo-hack; then
  step "each set of features" each_set_of_features || :
else
  skip "each set of features" "missing: cargo-hack (cargo install --locked cargo-hack)"
fi
if advisories_are_reachable; then
  if has cargo-deny || cargo install --locked cargo-deny; then
    step "dependencies and advisories" cargo deny --locked check || :
  else
    skip "dependencies and advisories" "missing: cargo-deny (cargo install --locked cargo-deny)"
  fi
elif has cargo-deny; then
  step "dependencies" dependencies || :
  leave_out "advisories" "the database of RustSec cannot be reached"
else
  leave_out "dependencies and advisories" "the database of RustSec cannot be reached, and there is no cargo-deny"
fi
step "programs of the Rust tests" "${aside[@]}" cargo test "${rust_tests[@]}" --no-run || :
begin "arbitrary input" env FUZZ_SECONDS=120 \
  "${last[@]}" cargo test "${rust_tests[@]}" --test frames --test attributes
# These measure how fast the others are answered: the clients must be done by now.
collect "real clients"
step "Rust tests" run_rust_tests || :
step "unit tests with Redis" finish "unit tests with Redis" || :

# ------------------------------------------------------------------------- what was begun before

step "arbitrary input" finish "arbitrary input" || :
collect "optimised programs"

# ------------------------------------------------------------------------------------ measurements

step "memory of a connection" "$WIRE_PROGRAMS/memory" || :

# Instructions, allocations, syscalls: what is the same on every run. Times are not a test.
costs() {
  cargo run --locked -p bench -- --check
}

if $quick; then
  skip "cost of a message" "left out by --quick"
elif has_counters; then
  step "cost of a message" costs || :
else
  skip "cost of a message" "missing: valgrind, strace or redis-server (apt-get install valgrind strace redis-server)"
fi

# -------------------------------------------------------------------------------------- summary

summary
