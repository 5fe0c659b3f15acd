#!/usr/bin/env bash
# cargo, also where rustup's folder is not on PATH yet.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo >/dev/null 2>&1 || PATH="$HOME/.cargo/bin:$PATH"
exec cargo "$@"
