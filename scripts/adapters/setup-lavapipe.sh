#!/bin/bash
# Brings lavapipe, Mesa's Vulkan on the CPU, into smoe's cache: needs no root and installs nothing.
# Takes two packages (11 MB) of Debian 12 and its backports from the mirror this system already uses.
# usage: setup-lavapipe.sh [--force]      the cache is $SMOE_CACHE, $XDG_CACHE_HOME/smoe or ~/.cache/smoe
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup-lavapipe: $*"; exit 1; }

force=${1:-}
cache=${SMOE_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/smoe}
target=$cache/lavapipe

missing_libraries() { ldd "$1" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p'; }

report() {
  local missing
  missing=$(missing_libraries "$target/lib/libvulkan_lvp.so")
  if [ -n "$missing" ]; then
    say "lavapipe is unpacked in $target, but these libraries are not on the system:"
    say "$missing"
    local packages='libllvm15 libdrm2 libwayland-client0 libx11-xcb1 libxcb-dri3-0 libxcb-present0 libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxshmfence1'
    if [ "$(id -u)" = 0 ]; then say "bring them with: apt-get update && apt-get install -y --no-install-recommends $packages"
    else say "an administrator brings them with: apt-get install $packages"; fi
    say 'until then smoe uses SwiftShader'
    exit 1
  fi
  say "lavapipe is ready in $target"
}

# as runtime/dawn/contents.ts reads it: name, bytes and checksum of each file
contents() {
  local name separator=
  printf '{'
  for name in lvp_icd.json lib/libvulkan_lvp.so lib/libvulkan.so.1; do
    printf '%s"%s":{"bytes":%s,"sha256":"%s"}' "$separator" "$name" "$(stat -c %s "$1/$name")" "$(sha256sum "$1/$name" | cut -d ' ' -f 1)"
    separator=,
  done
  printf '}'
}

# smoe adds when it last looked at a file; one without a list is taken as it is
is_whole() {
  [ -f "$target/lvp_icd.json" ] && [ -f "$target/lib/libvulkan_lvp.so" ] && [ -f "$target/lib/libvulkan.so.1" ] || return 1
  [ -f "$target/contents.json" ] || return 0
  local name sum
  for name in lvp_icd.json lib/libvulkan_lvp.so lib/libvulkan.so.1; do
    sum=$(sha256sum "$target/$name" | cut -d ' ' -f 1)
    grep -qF "$sum" "$target/contents.json" || { say "$target/$name is damaged; lavapipe is brought anew"; return 1; }
  done
}

if [ "$force" != --force ] && is_whole; then report; exit 0; fi

[ "$(uname -s)" = Linux ] || fail 'lavapipe is taken from Debian packages, and this is not Linux; smoe uses the GPU or SwiftShader here'
release=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID:-}" "${VERSION_CODENAME:-}") || release=
[ "$release" = 'debian bookworm' ] ||
  fail "made for Debian 12 (bookworm), this is '${release:-unknown}'. Where there is root, the system's own driver serves as well: apt-get install mesa-vulkan-drivers"
for tool in apt-get dpkg-deb ldd; do command -v "$tool" >/dev/null || fail "$tool is needed and not found"; done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || fail "the Debian signing keys are not at $keyring"

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  grep -v '^[[:space:]]*#' | grep -oE 'https?://[^ ]+/debian/?([[:space:]]|$)' | head -n 1 | tr -d '[:space:]') || true
mirror=${mirror:-http://deb.debian.org/debian}

mkdir -p "$cache" || fail "cannot write to $cache; set SMOE_CACHE to a directory that can be written"
work=$(mktemp -d "$cache/lavapipe.XXXXXX") || fail "cannot write to $cache; set SMOE_CACHE to a directory that can be written"
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/apt/lists/partial "$work"/apt/cache/archives/partial "$work"/parts "$work"/root "$work"/ready/lib
cat > "$work/parts/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: bookworm bookworm-backports
Components: main
Signed-By: $keyring
SOURCES
apt_private() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::Lists="$work/apt/lists" \
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"
}
# apt-get update ends with 0 although nothing was reached, unless told that an error is one
apt_private -o APT::Update::Error-Mode=any update || fail "Debian's packages cannot be reached at $mirror; smoe uses SwiftShader until they can"
(cd "$work" && apt_private download mesa-vulkan-drivers/bookworm-backports libvulkan1/bookworm) ||
  fail "the packages could not be downloaded from $mirror"
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done

driver=$(find "$work/root" -name libvulkan_lvp.so -print -quit)
[ -n "$driver" ] || fail 'the package holds no libvulkan_lvp.so'
cp "$driver" "$work/ready/lib/"
cp -L "$(find "$work/root" -name libvulkan.so.1 -print -quit)" "$work/ready/lib/libvulkan.so.1"
# a library path with a slash is relative to the manifest
printf '{"file_format_version":"1.0.0","ICD":{"library_path":"./lib/libvulkan_lvp.so","api_version":"1.4.305"}}\n' > "$work/ready/lvp_icd.json"

contents "$work/ready" > "$work/contents.json"
mv "$work/contents.json" "$work/ready/contents.json"
sync -f "$work/ready" 2>/dev/null || true

if [ -e "$target" ]; then mv "$target" "$work/old"; fi
mv -T "$work/ready" "$target"
report
