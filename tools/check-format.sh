#!/bin/sh
# check-format.sh - clang-format has nothing to change (tests/data is input, not code). Without clang-format it says so and passes: the
# gate is CI, which has it.
cd "$(dirname "$0")/.." || exit 1
if ! command -v clang-format >/dev/null 2>&1; then
    echo "format: not checked, there is no clang-format"
    exit 0
fi
files=$(find include src tests bench fuzz -path tests/data -prune -o -name '*.[ch]' -print 2>/dev/null | sort)
bad=$(for f in $files; do clang-format "$f" | cmp -s - "$f" || echo "    $f"; done)
if [ -n "$bad" ]; then
    echo "not as clang-format wants it; run clang-format -i on"
    echo "$bad"
    exit 1
fi
echo "ok - format"
