#!/usr/bin/env bash
# Runs all tests: formatting, lints, documentation, the Rust tests, the suites of the real
# clients (on SQLite and on a PostgreSQL of their own), the memory of a connection, and what a
# message costs. It installs what they need. What it cannot install it names in one line and skips;
# with CI=true that is a failure in the end.
#
#   scripts/test.sh            everything
#   scripts/test.sh --quick    without the last, which needs optimised builds

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

passed=()
failed=()
skipped=()
left_out=()

# step NAME COMMAND...: goes on where it fails, so that one run tells everything.
step() {
  local name=$1 begun=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    passed+=("$name, $((SECONDS - begun)) s")
  else
    printf '=== FAILED: %s\n' "$name"
    failed+=("$name")
    return 1
  fi
}

# skip NAME WHY
skip() {
  printf '\n=== %s\nskipped: %s\n' "$1" "$2"
  skipped+=("$1: $2")
}

# leave_out NAME WHY: what cannot be had everywhere, and is no failure where it cannot.
leave_out() {
  printf '\n=== %s\nleft out: %s\n' "$1" "$2"
  left_out+=("$1: $2")
}

summary() {
  printf '\n=== summary\n'
  ((${#passed[@]} == 0)) || printf 'passed:  %s\n' "${passed[@]}"
  ((${#skipped[@]} == 0)) || printf 'skipped: %s\n' "${skipped[@]}"
  ((${#left_out[@]} == 0)) || printf 'left out: %s\n' "${left_out[@]}"
  ((${#failed[@]} == 0)) || printf 'FAILED:  %s\n' "${failed[@]}"
  ((${#failed[@]} == 0)) || exit 1
  if ((${#skipped[@]} > 0)) && [[ ${CI:-} == true ]]; then
    echo "with CI=true nothing may be skipped"
    exit 1
  fi
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Packages of Debian and its kin, where nobody must be asked for that.
install_packages() {
  [[ $EUID -eq 0 ]] && has apt-get || return 1
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  "${install[@]}" >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1 && "${install[@]}" >/dev/null 2>&1; }
}

# ---------------------------------------------------------------------------------------- Rust

rust_documentation() {
  RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
}

# What applications may choose. The default features are what all other steps build with, so here are
# the sets beside them: checked, documented, and the unit tests without any feature and with all.
each_set_of_features() {
  cargo hack clippy --locked -p gateway-core --feature-powerset --depth 2 --exclude-features default \
    -- -D warnings &&
    cargo clippy --locked -p demo-app -p tests --features demo-app/jemalloc,tests/jemalloc -- -D warnings &&
    RUSTDOCFLAGS="-D warnings" cargo hack doc --locked -p gateway-core --no-deps --each-feature \
      --exclude-features default &&
    cargo test --locked -p gateway-core --lib --no-default-features &&
    cargo test --locked -p gateway-core --lib --all-features
}

has cargo || {
  echo "missing: cargo, see https://rustup.rs" >&2
  exit 1
}
step "formatting" cargo fmt --all --check || :
step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings || :
step "documentation" rust_documentation || :
if has cargo-hack || cargo install --locked cargo-hack; then
  step "each set of features" each_set_of_features || :
else
  skip "each set of features" "missing: cargo-hack (cargo install --locked cargo-hack)"
fi
# Licences, versions and sources can be told from what is there; advisories are kept elsewhere.
dependencies() {
  cargo deny --locked check licenses bans sources
}

advisories_are_reachable() {
  GIT_TERMINAL_PROMPT=0 timeout 15 git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD \
    >/dev/null 2>&1
}

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
# The stores are tested on PostgreSQL, too, where there is one.
postgres=()
if scripts/with-postgres.sh --check 2>/dev/null || { install_packages postgresql && scripts/with-postgres.sh --check; }; then
  postgres=(scripts/with-postgres.sh)
else
  skip "stores on PostgreSQL" "missing: postgresql (apt-get install postgresql)"
fi
step "Rust tests" "${postgres[@]}" cargo test --locked --workspace --no-fail-fast || :
# Features of serde_json are switched on for a whole program, by whoever in it likes to.
step "messages, with serde_json as others want it" \
  cargo test --locked -p gateway-core -p tests --features tests/foreign-json --lib wire:: || :
# Without them the rest has nothing to talk to.
step "programs for the clients" cargo build --locked -p demo-app -p tests --bins || summary

# --------------------------------------------------------------------------------- real clients

target=$(cargo metadata --no-deps --format-version=1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
export WIRE_PROGRAMS=$target/debug

node_is_new_enough() {
  has npm && node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 11) ? 0 : 1)' 2>/dev/null
}

node_packages() {
  local lock=tests/wire/package-lock.json
  [[ tests/wire/node_modules/.package-lock.json -nt $lock ]] || npm --prefix tests/wire ci --no-audit --no-fund
}

has_browser() {
  [[ -n ${CHROMIUM:-} ]] || [[ -x /usr/bin/chromium || -x /usr/bin/chromium-browser ]]
}

if ! node_is_new_enough; then
  skip "official client" "missing: node 20.11 or newer with npm"
  skip "page in a browser" "missing: node 20.11 or newer with npm"
elif step "packages of the official client" node_packages; then
  step "official client" npm --prefix tests/wire test || :
  if ((${#postgres[@]} > 0)); then
    step "official client, on PostgreSQL" "${postgres[@]}" npm --prefix tests/wire run test:postgres || :
  else
    skip "official client, on PostgreSQL" "missing: postgresql (apt-get install postgresql)"
  fi
  if has_browser || install_packages chromium; then
    step "page in a browser" npm --prefix tests/wire run test:page || :
  else
    skip "page in a browser" "missing: chromium (apt-get install chromium, or CHROMIUM=its path)"
  fi
fi

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

has_venv() {
  python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

if ! has_venv && ! { install_packages python3 python3-venv && has_venv; }; then
  skip "python-socketio" "missing: python 3.10 or newer with venv (apt-get install python3-venv)"
elif step "packages of python-socketio" python_packages; then
  step "python-socketio" python_client || :
fi

# --------------------------------------------------------------------------------------- memory

step "memory of a connection" "$WIRE_PROGRAMS/memory" || :

# ---------------------------------------------------------------------------------------- costs

# Instructions, allocations, syscalls: what is the same on every run. Times are no test.
costs() {
  cargo run --locked -p bench -- --check
}

has_counters() {
  has valgrind && has strace
}

if $quick; then
  skip "cost of a message" "left out by --quick"
elif has_counters || { install_packages valgrind strace && has_counters; }; then
  step "cost of a message" costs || :
else
  skip "cost of a message" "missing: valgrind, strace (apt-get install valgrind strace)"
fi

# -------------------------------------------------------------------------------------- summary

summary
