#!/usr/bin/env bash
# What a server keeps of its memory after a burst, by allocator: a table on stdout.
# It takes some two minutes and 1.5 GB of memory, and a C compiler for jemalloc.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Quietly: what is built is not part of the table.
measure() {
  cargo run --quiet --locked -p tests --bin allocators "$@"
}

echo "| burst | allocator | before | at the peak | 15 s later |"
echo "|---|---|---|---|---|"
measure
measure --features jemalloc
