#!/usr/bin/env bash
# test_fetch.sh - scripts/fetch against an index on the loopback: by hash or not at all.
. tests/support/tap.sh
export PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= no_proxy='*'
unset PIP_INDEX_URL PIP_PROXY

# An index of one package: the HTML page of PEP 503, and beside it the file.
mkdir -p "$work/www/simple/some-pack" "$work/www/files"
head -c 700000 /dev/zero | tr '\0' 'z' >"$work/www/files/some_pack-1.0.tar.gz"
sha=$(sha256sum "$work/www/files/some_pack-1.0.tar.gz" | cut -d' ' -f1)
page() { printf '<html><a class="x" href="%s">some_pack-1.0.tar.gz</a></html>' "$1" >"$work/www/simple/some-pack/index.html"; }
page "../../files/some_pack-1.0.tar.gz#sha256=$sha"
python3 - "$work" 2>/dev/null <<'PY' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1] + "/www")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
open(sys.argv[1] + "/port.new", "w").write(str(server.server_port))
import os; os.rename(sys.argv[1] + "/port.new", sys.argv[1] + "/port")
server.serve_forever()
PY
server=$!
trap 'kill $server; wait $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -e "$work/port" ] || sleep 0.1; done
export PIP_INDEX_URL=http://127.0.0.1:$(cat "$work/port")/simple

zeros=0000000000000000000000000000000000000000000000000000000000000000
got() { scripts/fetch "$1" 1.0 "$sha" "$work/$2" && cmp "$work/$2" "$work/www/files/some_pack-1.0.tar.gz" && [ ! -e "$work/$2.part" ]; }
absent() { [ ! -e "$work/$1" ] && [ ! -e "$work/$1.part" ]; }

check "a listed file arrives" got Some_Pack new/dir/a
page "../../files/some_pack-1.0.tar.gz"
check "so does one whose page tells no hash" got some.pack b
check "a hash that no file has is refused" status 69 scripts/fetch some-pack 1.0 $zeros "$work/c"
check "and leaves nothing" absent c
page "../../files/some_pack-1.0.tar.gz#sha256=$zeros"
check "a file that is not what its page says is refused" status 69 scripts/fetch some-pack 1.0 $zeros "$work/d"
check "and leaves nothing either" absent d
check "a package that is not there is refused" status 69 scripts/fetch no-such-pack 1.0 "$sha" "$work/e"
check "bad arguments are refused" status 64 scripts/fetch some-pack 1.0 XYZ "$work/e"

kill $server
wait $server 2>/dev/null
check "a file that is there needs no network" got some-pack b
mkdir "$work/links"
cp "$work/www/files/some_pack-1.0.tar.gz" "$work/links"
check "nor does one in a directory that pip searches" env PIP_FIND_LINKS="$work/links" scripts/fetch some-pack 1.0 "$sha" "$work/f"
check "a dead index is told with advice" bash -c '! scripts/fetch some-pack 1.0 "$1" "$2" 2>"$3" && grep -q "check the network" "$3"' - "$sha" "$work/g" "$work/err"
server=$$; trap 'rm -rf "$work"' EXIT
done_testing
