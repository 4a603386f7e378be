#!/usr/bin/env bash
# test_install.sh - what `make install` puts down is enough for a program that knows pkg-config only.
. tests/support/tap.sh
san=${SAN:+-fsanitize=$SAN}
export PKG_CONFIG_PATH=$work/root/opt/dobby/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=

install() { make --no-print-directory install BUILD="$BUILD" SAN="$SAN" CC="${CC:-cc}" DESTDIR="$work/root" PREFIX=/opt/dobby; }
# The .pc file names the final place; for the test that place is below DESTDIR.
flags() { pkg-config --define-variable=prefix="$work/root/opt/dobby" "$@"; }
cat >"$work/host.c" <<'C'
#include <dobby.h>
#include <stdio.h>
#include <string.h>
/* A host may have functions of these names: the library's own must not be in its way. */
const char *gguf_open(void);
const char *gguf_open(void) { return "ours"; }
void *mem_alloc(int x);
void *mem_alloc(int x) { (void)x; return 0; }
int main(void)
{
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};
    DOBBY_INIT(o);
    if (dobby_model_open(&m, "/nowhere/model.gguf", &o, &e) != DOBBY_E_NOTFOUND || m)
        return 1;
    puts(e.message);
    return strcmp(dobby_version(), DOBBY_VERSION);
}
C
check "make install" install
check "the program runs from there" "$work/root/opt/dobby/bin/dobby" --version
check "and finds its benchmark" "$work/root/opt/dobby/bin/dobby" bench --help
check "a host compiles and links through pkg-config" \
    bash -c '${CC:-cc} $1 -std=c11 -Wall -Wextra -Werror -o "$2/host" "$2/host.c" $3 $4' - "$san" "$work" \
    "$(flags --cflags dobby)" "$(flags --libs dobby)"
check "and runs" "$work/host"
check "the version in the .pc file is the header's" \
    grep -q "DOBBY_VERSION \"$(flags --modversion dobby)\"" include/dobby.h
printf '#include <dobby.h>\nint main() { return dobby_version() == nullptr; }\n' >"$work/host.cc"
cxx=
for c in c++ clang; do command -v $c >/dev/null 2>&1 && cxx=$c && break; done
if [ -n "$cxx" ]; then
    check "the header is C++ too" $cxx -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only $(flags --cflags dobby) "$work/host.cc"
else
    n=$((n + 1))
    echo "ok $n - the header is C++ too # SKIP no C++ compiler"
fi
done_testing
