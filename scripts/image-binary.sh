#!/usr/bin/env bash
# Builds the demo with the very command of the Dockerfile, and checks that what comes of it starts, and fits
# into an image of 30 MB with nothing else in it. (Here it is linked to the system's libc. In the image, which
# is built on Alpine, it is static, as with `--target x86_64-unknown-linux-musl`.)

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

most=30000000
build=$(sed -n 's/^ *\(cargo build .*[^ ]\) *\\$/\1/p' Dockerfile)
[[ -n $build ]] || {
  echo "the Dockerfile has no cargo build" >&2
  exit 1
}
read -ra command <<<"$build"
"${command[@]}"

target=$(cargo metadata --no-deps --format-version=1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
strip -o "$binary" "$target/release/demo-app"
chmod +x "$binary"
"$binary" --version
size=$(stat --format=%s "$binary")
echo "$size bytes of $most"
((size <= most))
