#!/usr/bin/env bash
# test_batch_engine.sh - batch through a server by URL: answers in the order of the lines, tries repeated, a server that goes away.
. "$(dirname "$0")/lib.sh"

cat >"$T/server.py" <<'PYTHON'
"""A server that answers a prompt with the prompt in angle brackets, after a time that differs. A prompt with "busy" gets 503 once, one
with "never" always, one with "long" the refusal of a prompt that is too long. Prints its port."""
import http.server, json, random, sys, threading, time
seen, lock = set(), threading.Lock()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.reply(200, {"object": "list", "data": [{"id": "brackets", "object": "model"}]})
    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.path.endswith("/chat/completions")
        text = q["messages"][-1]["content"] if chat else q["prompt"]
        with lock:
            again = text in seen
            seen.add(text)
        if "never" in text or ("busy" in text and not again):
            return self.reply(503, {"error": {"message": "busy", "type": "unavailable_error", "code": 503}})
        if "long" in text:
            return self.reply(400, {"error": {"message": "the prompt exceeds the context size", "type": "exceed_context_size_error", "code": 400}})
        time.sleep(random.random() / 20)
        answer = f"<{text}>"
        choice = {"index": 0, "finish_reason": "stop"}
        choice.update({"message": {"role": "assistant", "content": answer}} if chat else {"text": answer})
        self.reply(200, {"model": "brackets", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 "$T/server.py" >"$T/port" &
server=$!
cleanup() { kill "$server" 2>/dev/null; }
for _ in $(seq 100); do
    [ -s "$T/port" ] && break
    sleep 0.1
done
url=http://127.0.0.1:$(cat "$T/port")
python3 - >"$T/in.jsonl" <<'PYTHON'
import json
for i in range(60):
    text = f"line {i}" + {7: " busy", 11: " never", 13: " long"}.get(i, "")
    print(json.dumps({"id": i, "messages": [{"role": "user", "content": text}]} if i % 3 == 0 else {"id": i, "prompt": text}))
PYTHON
expect 75 "batch --engine: one line in sixty fails for good" batch --engine "$url" --agents 8 --stats "$T/in.jsonl"
check "  answers in the order of the lines" python3 - "$T/out" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [r["id"] for r in rows] == list(range(60))
assert all(r["text"] == f"<line {r['id']}" + (" busy>" if r["id"] == 7 else ">") for r in rows if r["id"] not in (11, 13)), rows
assert all(r["logprob"] is None and r["tokens"] == 2 and r["stop"] == "end" for r in rows if "text" in r), rows[0]
assert "(3 tries)" in rows[11]["error"] and "error" in rows[13] and "tries" not in rows[13]["error"], (rows[11], rows[13])
PYTHON
expect 64 "batch --engine: an option of dobby's own engine" batch --engine "$url" --kv f16 "$T/in.jsonl"
says "--kv"
expect 64 "batch: a key without a server" batch --api-key-file "$T/port" "$T/in.jsonl"
kill "$server"
wait "$server" 2>/dev/null
expect 69 "batch --engine: nobody there" batch --engine "$url" "$T/in.jsonl"
silent
finish
