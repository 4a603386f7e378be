#!/usr/bin/env bash
# Text about the file.

set -euo pipefail

# Say something and stop.
die() {
    echo "$*" >&2
    exit 1
}

# Copy a tree to another machine.
# Needs ssh on both sides.
function copy_tree {
    local from=$1 to=$2
    cat <<END | ssh "$to" sh
helper() { echo "no function: $from"; }
END
    inner() {
        local n=$1
        echo "$n"
    }
    inner 1
}

function in-place() ( cd "$1" && ls )

if true; then
    # Only where it is needed.
    late() { :; }
fi

case $1 in
    start) copy_tree "$2" "$3" ;;
esac
