#!/bin/sh
# check-symbols.sh BUILD - what the objects of a build refer to and what the library gives away.
#   1. libdobby.a defines every function that dobby.h declares, and no other global symbol.
#   2. Only src/base knows the allocator: elsewhere every failure can be staged through base/mem.h.
#   3. Only src/cli prints, exits or reads the environment; a parser worker, a process of its own, may exit.
# Third-party objects (tree-sitter) are not in BUILD/src and are not asked.
cd "$(dirname "$0")/.." || exit 1
build=${1:?usage: check-symbols.sh BUILD} bad=0
nm=${NM:-nm}

$nm -g --defined-only "$build/libdobby.a" | awk 'NF == 3 {print $3}' | sort >"$build/exported"
sed -n 's/^DOBBY_API [^(]*[ *]\(dobby_[a-z0-9_]*\)(.*/\1/p' include/dobby.h | sort >"$build/declared"
if ! diff "$build/declared" "$build/exported" >"$build/symbols.diff"; then
    echo "libdobby.a: '<' is declared in dobby.h and not defined, '>' is defined and not declared:"
    grep '^[<>]' "$build/symbols.diff"
    bad=1
fi

# refer ALLOWED WHAT NAMES: no object below src/ but those whose path begins as ALLOWED may refer to the names.
refer() {
    found=$(find "$build/src" -name '*.o' | grep -vE "^$build/src/($1)" | sort | while read -r o; do
        $nm -u "$o" | awk '{print $2}' | sed 's/@.*//' | grep -xE "$3" | sed "s|^|    ${o#"$build"/}: |"
    done)
    [ -n "$found" ] || return 0
    echo "$2:"
    echo "$found"
    bad=1
}
refer base/ "the allocator is base's alone; use base/mem.h" \
    'malloc|calloc|realloc|reallocarray|free|strdup|strndup|v?asprintf|getline|getdelim|posix_memalign|aligned_alloc|memalign'
refer cli/ "below cli nothing prints, exits or reads the environment" \
    'v?f?printf|puts|fputs|putchar|putc|fputc|perror|stdout|stderr|exit|quick_exit|(secure_)?getenv|setenv|system|popen'
refer 'cli/|code/parse_worker\.o' "below cli nothing exits" '_exit|_Exit'

[ $bad = 1 ] || echo "ok - symbols"
exit $bad
