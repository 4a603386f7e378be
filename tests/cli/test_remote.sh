#!/usr/bin/env bash
# test_remote.sh - summarize and run with an engine by URL, as a user has it: options, keys, TLS, exit codes, streams. The server
# is a script here; llama.cpp's own is in peers_remote.sh.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
cat >"$T/server.py" <<'PYTHON'
# server.py PORTFILE LOG [CERT]: a server that says one true thing of every function; asks for a key below /keyed.
import http.server, json, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        for h in headers:
            self.send_header(*h)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def check(self):
        print(self.command, self.path, self.headers.get("Authorization", "-"), file=log, flush=True)
        if self.path.startswith("/moved"):
            self.reply(301, {}, [("Location", "/v1/models")])
        elif self.path.startswith("/keyed") and self.headers.get("Authorization") != "Bearer sk-right":
            self.reply(401, {"error": {"message": "Invalid API Key\x1b[31m"}})
        else:
            return True
        return False
    def do_GET(self):
        if self.check():
            self.reply(200, {"data": [{"id": "/srv/models/tiny.gguf"}]})
    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.check():
            return
        text = "Return a number derived from the given ones.\nMore."
        kind = {"message": {"content": text}} if "messages" in q else {"text": " and so on"}
        self.reply(200, {"choices": [{**kind, "finish_reason": "stop"}], "model": q["model"],
                         "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
    def log_message(self, *args):
        pass
log = open(sys.argv[2], "a")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
open(sys.argv[1] + ".new", "w").write(str(server.server_address[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
PYTHON
pids=()
cleanup() { [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; }
serve() { # NAME [CERT]: its port in the file NAME.port
    python3 "$T/server.py" "$T/$1.port" "$T/$1.log" "${@:2}" 2>"$T/$1.err" &
    pids+=($!)
    for _ in $(seq 200); do [ -s "$T/$1.port" ] && return; sleep 0.1; done
    fail "the server $1 starts" "$(cat "$T/$1.err")"
    finish
}
serve plain
url=http://127.0.0.1:$(cat "$T/plain.port")
asked() { grep -c POST "$T/plain.log"; }

# ---- summarize ----
tree=$T/tree
mkdir -p "$tree/.dobby"
cat >"$tree/util.js" <<'J'
function clamp(x, low, high) {
  if (x < low) return low;
  return x > high ? high : x;
}

function twice(x) {
  return x + x;
}
J
expect 0 "--engine --dry-run" summarize --engine http://127.0.0.1:1 --dry-run "$tree"
prints "util.js"
expect 0 "--engine" summarize --engine "$url" --format jsonl -o "$T/first.jsonl" --stats "$tree"
says "2 units in 1 files: 2 done now"
says "prompt tokens 14"
check "  rows are remote and name the model, not its path" python3 - "$T/first.jsonl" <<'PYTHON'
import json, sys
rows = [r for r in map(json.loads, open(sys.argv[1])) if r["start_line"]]
assert [r["name"] for r in rows] == ["clamp", "twice"]
for r in rows:
    assert r["source"] == "remote" and r["model"] == "tiny.gguf" and r["confidence"] is None
    assert len(r["key"]) == 64 and r["summary"] == "Return a number derived from the given ones."
PYTHON
check "  asked once for each" test "$(asked)" = 2
expect 0 "  a second run, with the name given and no server" summarize --engine http://127.0.0.1:1 -m tiny.gguf --format jsonl "$tree"
check "  the same bytes" cmp "$T/out" "$T/first.jsonl"
expect 0 "Markdown" summarize --engine "$url" "$tree"
prints "Return a number"
check "  nothing was asked again" test "$(asked)" = 2
expect 0 "the model's own engine on the same tree" summarize -m fast --limit 1 --format jsonl "$tree"
says "1 done now, 0 cached"
check "  its row is its own" grep -q '"model":"smollm2-135m"' "$T/out"
check "  and not remote" sh -c "! grep -q remote '$T/out'"
expect 0 "the server again: its texts are still there" summarize --engine "$url" --format jsonl "$tree"
check "  the same bytes" cmp "$T/out" "$T/first.jsonl"
check "  nothing was asked again" test "$(asked)" = 2
expect 0 "status counts them" status "$tree"
prints "model 2"

# ---- failures ----
rm -rf "$tree/.dobby/dobby.db"*
expect 69 "nobody answers" summarize --engine http://127.0.0.1:1 "$tree"
silent
says "http://127.0.0.1:1"
expect 78 "a redirect is not followed" summarize --engine "$url/moved" "$tree"
says "redirects are not followed"
expect 64 "a URL that is none" summarize --engine localhost:8080 "$tree"
expect 64 "a URL of another kind" summarize --engine ftp://localhost "$tree"
expect 64 "a password in the URL" summarize --engine "http://me:hunter2@127.0.0.1:1" "$tree"
check "  is not shown" sh -c "! grep -q hunter2 '$T/err'"
for option in "--fast" "--exact" "--kv f32" "--isa scalar" "--chunk 16"; do
    # shellcheck disable=SC2086
    expect 64 "--engine and $option" summarize --engine "$url" $option "$tree"
done
expect 64 "--api-key-file alone" summarize --api-key-file /dev/null -m fast "$tree"
check "the server is never chosen by itself" sh -c "env DOBBY_API_KEY=x '$DOBBY' summarize -m '$T/none.gguf' '$tree' 2>&1 | grep -q none.gguf"

# ---- keys ----
printf 'sk-right\n' >"$T/right"
printf 'sk-wrong-and-secret' >"$T/wrong"
printf '\n' >"$T/empty"
expect 77 "no key where one is wanted" summarize --engine "$url/keyed" "$tree"
says "Invalid API Key"
check "  in a line without control characters" test "$(tr -d '\n\40-\176' <"$T/err" | wc -c)" = 0
expect 77 "a wrong key" summarize --engine "$url/keyed" --api-key-file "$T/wrong" "$tree"
check "  is not shown" sh -c "! grep -q secret '$T/err'"
expect 65 "an empty key file" summarize --engine "$url/keyed" --api-key-file "$T/empty" "$tree"
expect 66 "a key file that is not there" summarize --engine "$url/keyed" --api-key-file "$T/none" "$tree"
expect 0 "the right key" summarize --engine "$url/keyed/v1/" --api-key-file "$T/right" "$tree"
check "  is not in the store" sh -c "! grep -q sk-right '$tree/.dobby/dobby.db'"
DOBBY_API_KEY=sk-right run run --engine "$url/keyed" -p "x"
judge 0 "the key from the environment"
DOBBY_API_KEY=sk-wrong run run --engine "$url/keyed" --api-key-file "$T/right" -p x
judge 0 "  the file goes before it"
DOBBY_API_KEY=sk-unasked run run --engine "$url" -p x
judge 0 "a key that nobody asked for"
check "  goes to the server that was named" grep -q 'Bearer sk-unasked' "$T/plain.log"

# ---- run ----
expect 0 "run" run --engine "$url" -p "Once" --stats
check "  prints the text" test "$(cat "$T/out")" = " and so on"
says "7 prompt tokens"
expect 0 "run --chat" run --engine "$url" --chat -p "Hi" -m whatever
prints "Return a number"
expect 64 "run: --engine and -t" run --engine "$url" -t 1 -p x
expect 64 "run: an empty prompt" run --engine "$url" -p ""
expect 69 "run: nobody answers" run --engine http://127.0.0.1:1 -p x
silent

# ---- TLS ----
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost >"$T/openssl" 2>&1 || { fail "a certificate is made" "$(cat "$T/openssl")"; finish; }
cat "$T/key.pem" "$T/cert.pem" >"$T/both.pem"
serve tls "$T/both.pem"
port=$(cat "$T/tls.port")
expect 78 "a certificate that nobody vouches for" run --engine "https://localhost:$port" -p x
says "not trusted"
check "  nothing was sent" test ! -s "$T/tls.log"
expect 69 "https to a server without it" run --engine "${url/http:/https:}" -p x
run run --engine "http://localhost:$port" -p x
check "http to a server with TLS: 65 or 69" test "$rc" = 65 -o "$rc" = 69
finish
