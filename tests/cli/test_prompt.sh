#!/usr/bin/env bash
# test_prompt.sh - `dobby prompt`: the prompt that a unit gets and where it comes from, what it says when there is none, and that it is
# the one that a run sends. No model is opened.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tree=$T/secretplace
mkdir -p "$tree/.dobby" "$tree/src" "$tree/lib"
cat >"$tree/src/user.c" <<'C'
/* Uses of many helpers together. */

/* Stands beside the user here. */
int neighbour(int a)
{
    return a;
}

int user(int a)
{
    return helper(a) + 1;
}
C
cat >"$tree/lib/helper.c" <<'C'
/* Helps with one value here. */
int helper(int a)
{
    return a;
}
C
cat >"$tree/cart.py" <<'P'
class Cart:
    """A cart with goods and prices."""

    def add(self, name):
        self.items.append(name)


class Crate:
    def add(self, name):
        self.all.append(name)
        return len(self.all)
P
printf 'words\n' >"$tree/notes.txt"
mkdir "$tree/node_modules" && cp "$tree/lib/helper.c" "$tree/node_modules/x.c"
cp "$tree/lib/helper.c" "$tree/lib/ignored.c"
echo 'ignored.c' >"$tree/.gitignore"
last() { python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["messages"][-1]["content"])' <"$T/out"; }
lines() { [ "$(wc -l <"$T/out")" = "$1" ]; }

# ---- text ----
expect 0 "a unit as text" prompt "$tree/src/user.c:user"
prints "src/user.c:9-12 user (c function)"
prints "--- system: instructions"
prints "--- user: an example, the same for all units"
prints "--- assistant: its answer"
cat >"$T/want" <<'X'
--- user: the unit
Context:
Its file: Uses of many helpers together.
Near it:
- neighbour: Stands beside the user here.
It calls:
- helper: Helps with one value here.

Summarize this C function in one sentence. Start with a verb.

```c
int user(int a)
{
    return helper(a) + 1;
}
```

--- where the context comes from
file    src/user.c
near    src/user.c: neighbour
called  lib/helper.c: helper

X
check "  the context, the question, the code, where it comes from" diff "$T/want" <(sed -n '/^--- user: the unit/,$p' "$T/out")
check "  no colours or other control characters" test "$(tr -d '\n\t\40-\176' <"$T/out" | wc -c)" = 0
check "  and nothing was made" test -z "$(ls "$tree/.dobby")"
cp "$T/out" "$T/there"
check "from within the tree: the same" sh -c "cd '$tree/src' && '$DOBBY' prompt user.c:user | cmp - '$T/there'"

# ---- forms ----
expect 0 "--json" prompt --json "$tree/src/user.c:user"
cp "$T/out" "$T/user.json"
check "  a line" lines 1
check "  messages and context" python3 - "$T/out" <<'P'
import json, sys
u = json.load(open(sys.argv[1]))
assert [u["path"], u["name"], u["kind"], u["language"], u["start_line"], u["end_line"]] == \
    ["src/user.c", "user", "function", "c", 9, 12]
assert u["doc"] is None
assert [m["role"] for m in u["messages"]] == ["system"] + ["user", "assistant"] * 3 + ["user"]
assert u["context"] == [
    {"what": "file", "name": "", "path": "src/user.c", "text": "Uses of many helpers together."},
    {"what": "near", "name": "neighbour", "path": "src/user.c", "text": "Stands beside the user here."},
    {"what": "called", "name": "helper", "path": "lib/helper.c", "text": "Helps with one value here."}]
for m in u["messages"]:
    for word in ("secretplace", "src/", "lib/", "user.c", "helper.c"):
        assert word not in m["content"], word
P
expect 0 "--bare: without examples" prompt --json --bare "$tree/src/user.c:user"
check "  two messages" [ "$(grep -o '"role"' "$T/out" | wc -l)" = 2 ]
check "  the last one is the same" [ "$(last)" = "$(last <"$T/user.json")" ]
expect 0 "--second: the form after a refused answer" prompt --json --second "$tree/src/user.c:user"
prints '"context":[]'
prints "Say in one short sentence of plain words what this C function, user, does."
check "  says nothing of others" sh -c "! grep -q Helps '$T/out'"
expect 0 "--second --bare: the same words without context" prompt --json --second --bare "$tree/src/user.c:user"
check "  two messages" [ "$(grep -o '"role"' "$T/out" | wc -l)" = 2 ]
prints "Summarize this C function in one sentence. Start with a verb."
check "  says nothing of others" sh -c "! grep -q Helps '$T/out'"
expect 0 "--no-docs" prompt --json --no-docs "$tree/src/user.c:user"
prints '"context":[]'
check "  says nothing of comments" sh -c "! grep -q 'Helps\|Stands\|Uses of' '$T/out'"
expect 0 "a documented unit" prompt "$tree/src/user.c:neighbour"
prints "Its comment is used as it stands; without it, this would be asked:"
check "  hides it" sh -c "! grep -q 'Stands beside' '$T/out'"
expect 0 "  as JSON" prompt --json "$tree/src/user.c:neighbour"
prints '"doc":"Stands beside the user here."'

# ---- names ----
expect 0 "a qualified name" prompt --json "$tree/cart.py:Cart.add"
check "  one unit" lines 1
prints '{"what":"owner","name":"Cart","path":"cart.py","text":"A cart with goods and prices."}'
expect 0 "a plain name that two have" prompt --json "$tree/cart.py:add"
check "  both" lines 2
prints '"name":"Crate.add"'
expect 0 "no name: all of the file" prompt --json "$tree/cart.py"
check "  four" lines 4
expect 0 "a type: with one more example" prompt --json "$tree/cart.py:Crate"
check "  ten messages" [ "$(grep -o '"role"' "$T/out" | wc -l)" = 10 ]

# ---- what there is not ----
expect 66 "no such name" prompt "$tree/cart.py:nobody"
silent
says "has no unit called nobody"
expect 66 "no such file" prompt "$tree/none.c:user"
silent
expect 66 "a directory" prompt "$tree/src"
silent
says "give a source file"
expect 66 "a file of another kind" prompt "$tree/notes.txt"
says "is left out: unknown language"
expect 66 "an ignored file" prompt "$tree/lib/ignored.c:helper"
says "is left out: ignored"
expect 66 "a file in a folder that is not entered" prompt "$tree/node_modules/x.c:helper"
says "is left out: vendored"
expect 66 "a store in a folder that is not there" prompt --store "$T/absent/x.db" "$tree/cart.py"
expect 64 "no operand" prompt
expect 64 "an unknown option" prompt --jason "$tree/cart.py"

# ---- pipes and names ----
for i in $(seq 200); do printf 'def f%s(x):\n    return x + %s\n\n' "$i" "$i"; done >"$tree/many.py"
"$DOBBY" prompt "$tree/many.py" 2>"$T/err" | head -n 1 >"$T/out"
rc=${PIPESTATUS[0]}
check "a reader that closes early: 74, without a word" [ "$rc" = 74 -a ! -s "$T/err" ]
prints "many.py:1-2 f1 (python function)"
rm "$tree/many.py"
odd=$'odd\e[31m.c'
cp "$tree/lib/helper.c" "$tree/$odd"
expect 0 "a path with an escape sequence" prompt "$tree/$odd:helper"
check "  is escaped" test "$(tr -d '\n\t\40-\176' <"$T/out" | wc -c)" = 0
expect 66 "  in an error, too" prompt "$tree/$odd:none"
check "  is escaped" test "$(tr -d '\n\t\40-\176' <"$T/err" | wc -c)" = 0
bytes=$'bad\xff.c'
cp "$tree/lib/helper.c" "$tree/$bytes"
expect 0 "a path that is not UTF-8" prompt --json "$tree/$bytes:helper"
prints '"path":null'
rm "$tree/$odd" "$tree/$bytes"

# ---- the same as a run sends ----
cat >"$T/server.py" <<'P'
# server.py PORTFILE LOG: answers every question alike, and keeps its messages, a line each.
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply({"data": [{"id": "tiny"}]})
    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps(q["messages"]), file=log, flush=True)
        self.reply({"choices": [{"message": {"content": "Return the result of the given values."},
                                 "finish_reason": "stop"}], "model": "tiny"})
    def log_message(self, *args):
        pass
log = open(sys.argv[2], "a")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1] + ".new", "w").write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
P
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
python3 "$T/server.py" "$T/port" "$T/log" 2>"$T/server.err" &
server=$!
cleanup() { kill "$server" 2>/dev/null; }
for _ in $(seq 200); do [ -s "$T/port" ] && break; sleep 0.1; done
expect 0 "a run asks a server" summarize --engine "http://127.0.0.1:$(cat "$T/port")" --format jsonl "$tree"
for form in "" --second; do
    for f in src/user.c cart.py lib/helper.c; do
        # shellcheck disable=SC2086
        "$DOBBY" prompt --json $form "$tree/$f"
    done >"$T/shown$form" 2>"$T/err"
done
check "  just what prompt shows of units without a comment" python3 - "$T/shown" "$T/shown--second" "$T/log" <<'P'
import json, sys
def plain(messages):
    return tuple((m["role"], m["content"]) for m in messages)
first, second = ([plain(u["messages"]) for u in map(json.loads, open(f)) if u["doc"] is None] for f in sys.argv[1:3])
sent = [plain(json.loads(line)) for line in open(sys.argv[3])]
assert len(first) == 4 and not set(first) - set(sent), "not sent"
assert not set(sent) - set(first) - set(second), "not shown" # the second form: of refused answers
assert sorted(m for m in sent if m in first) == sorted(first), "sent twice"
P
expect 0 "with a store that knows the files: the same" prompt --json "$tree/src/user.c:user"
check "  byte for byte" cmp "$T/out" "$T/user.json"
finish
