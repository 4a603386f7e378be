#!/usr/bin/env bash
# test_scripts.sh - bench/job, bench/compare, bench/scale and bench/metrics: rows as they are promised, a page that follows from the rows.
. tests/support/tap.sh
bench=$PWD/$BUILD/dobby-bench
case $BUILD in /*) bench=$BUILD/dobby-bench ;; esac
export DOBBY_BENCH=$bench

check "docs/metrics.md is what bench/metrics makes of bench/results" bash -c 'cmp <(bench/metrics) docs/metrics.md'

# ---- bench/job -------------------------------------------------------------------------------------------------
bench/job --models smollm2-135m --cases prefix >"$work/job.csv" 2>"$work/err"
check "bench/job runs" test $? = 0
check "13 fields in every row, the machine at both ends" \
    awk -F, 'NF != 13 { exit 1 } { last = $6 } NR == 2 && $6 != "machine" { exit 1 } END { exit last != "machine" }' "$work/job.csv"
check "the rows of dobby-bench carry model and program" \
    grep -qE ',SmolLM2-135M-Instruct.Q4_1.gguf,dobby,prefix,10,2,prefix_777_over_ideal,0,1\.0[01][0-9]*,ratio$' "$work/job.csv"
check "a model that is not there is refused with what to do" \
    bash -c '! bench/job --models nonsense --cases prefix >/dev/null 2>"$0" && grep -q "dobby models pull nonsense" "$0"' "$work/err"

check "a case that there is not is refused" bash -c '! bench/job --cases nonsense >/dev/null 2>"$0" && grep -q nonsense "$0"' "$work/err"

# A server that answers at once, and writes down what it was asked.
cat >"$work/server" <<'P'
#!/usr/bin/env python3
import http.server, json, os, sys, threading, time
log, lock, busy, most = open(os.environ["SERVER_LOG"], "a"), threading.Lock(), 0, 0
barrier = threading.Barrier(4)  # passes only when 4 requests are there at once
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(b"{}")
    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if q["n_predict"] > 1:
            barrier.wait(20)
            time.sleep(float(os.environ.get("SERVER_SLOW", "0")))
        with lock:
            print(q["n_predict"], q["temperature"], q["stop"] == ["\n"], len(q["prompt"]), q["id_slot"], file=log, flush=True)
        self.answer(json.dumps({"timings": {"prompt_n": len(q["prompt"]) - 3, "cache_n": 3, "predicted_n": 5}}).encode())
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
P
chmod +x "$work/server"
mkdir -p "$work/tree/.dobby"
for i in 1 2 3 4; do printf 'int f%d(int a)\n{\n    return a * %d + 1;\n}\n\n' $i $i; done >"$work/tree/f.c"
"$bench" prompts "$work/tree" >"$work/prompts.jsonl"
export SERVER_LOG=$work/asked
LLAMA_SERVER=$work/server bench/job --models smollm2-135m --cases llama-server,llama-server-warm --prompts "$work/prompts.jsonl" \
    >"$work/server.csv" 2>"$work/err"
check "a server is asked" test $? = 0
check "greedy, one line, 48 tokens, all prompts in both cases" test "$(grep -c '^48 0 True' "$work/asked")" = 8
check "with the tokens that dobby reads" bash -c 'diff <(awk "\$1 == 48 { print \$4 }" "$0" | sort -n | uniq) \
    <("$1" ids "$2" "$3" | python3 -c "import json, sys; [print(len(json.loads(l)[\"ids\"])) for l in sys.stdin]" | sort -n | uniq)' \
    "$work/asked" "$bench" "${DOBBY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dobby}/models/SmolLM2-135M-Instruct.Q4_1.gguf" "$work/prompts.jsonl"
check "warm: every slot reads the beginning before" bash -c 'test "$(awk "\$1 == 1 { print \$5 }" "$0" | sort -un | wc -l)" = 10' "$work/asked"
check "its own counts are in the rows" grep -q 'llama-server,-fa on -b 2048 -ub 512 -cram 0 own build,10,2,tokens_written,0,20,tokens' "$work/server.csv"
check "dobby before and after it" test "$(grep -c ',dobby,beside,10,2,functions,' "$work/server.csv")" = 2

# Ended from outside, it leaves no server behind.
SERVER_SLOW=3600 LLAMA_SERVER=$work/server bench/job --models smollm2-135m --cases llama-server-warm --prompts "$work/prompts.jsonl" >/dev/null 2>&1 &
job=$!
asked=$(wc -l <"$work/asked")
for _ in $(seq 600); do # the warm-up answers at once: then the server is there
    [ "$(wc -l <"$work/asked")" -lt $((asked + 10)) ] || break
    sleep 0.1
done
sleep 0.5 # requests that take an hour are under way
kill $job
wait $job
check "ended by a signal, it says so" test $? = 143
check "and its server is gone" bash -c '! pgrep -f "^[^ ]*python3 $0 " >/dev/null' "$work/server"

# ---- bench/compare ---------------------------------------------------------------------------------------------
# Scripts that build nothing, programs that answer at once; both write down what they were asked.
mkdir "$work/peers"
for p in llama-cpp ik-llama candle; do
    printf '#!/bin/sh\necho "build %s $1" >>"$ASKED"\necho "$0-${2:-bench}"\n' $p >"$work/peers/$p"
done
cat >"$work/peers/llama-cpp-bench" <<'P'
#!/bin/sh
echo "$(basename "$0") $*" >>"$ASKED"
echo '[{"n_prompt": 512, "n_gen": 0, "avg_ts": 200.5}, {"n_prompt": 0, "n_gen": 32, "avg_ts": 20.25}]'
P
cp "$work/peers/llama-cpp-bench" "$work/peers/ik-llama-bench"
cat >"$work/peers/llama-cpp-llama-batched-bench" <<'P'
#!/bin/sh
echo "$(basename "$0") $*" >>"$ASKED"
printf 'a line that is not one of results\n{"pl": 10, "speed_pp": 1.5, "speed_tg": 50.5}\n'
P
cat >"$work/peers/candle-bench" <<'P'
#!/bin/sh
echo "$(basename "$0") $*" >>"$ASKED"
printf 'prompt,512,100.00\nwrite,32,10.00\n'
P
chmod +x "$work"/peers/*
model=${DOBBY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dobby}/models/SmolLM2-135M-Instruct.Q4_1.gguf
: >"$work/SmolLM2-135M-Instruct.Q4_0.gguf"
export ASKED=$work/peers.log DOBBY_PEERS=$work/peers
isas=avx2
! grep -qE '^flags.* (avx512|avx_vnni)' /proc/cpuinfo || isas="avx2 native" # the second is more than the first
last=${isas#avx2 }

bench/compare --rounds 1 "$model" >"$work/compare.csv" 2>"$work/err"
check "bench/compare runs" test $? = 0
# rows of compare.csv without date, commit, machine, threads and rate
rows_of() { tail -n +2 "$1" | cut -d, -f5-9; }
want() { printf "SmolLM2-135M-Instruct.$1.gguf,$2,$3,%s\n" prompt,"$4" write,"$4"; }
check "dobby and llama.cpp in turn, reading and writing" \
    cmp <(rows_of "$work/compare.csv") <(for i in $isas; do want Q4_1 $i dobby 0 && want Q4_1 $i llama.cpp 0; done)
check "ten fields in every row" awk -F, 'NF != 10 { exit 1 }' "$work/compare.csv"

bench/compare --rounds 2 --peers llama.cpp,ik_llama.cpp-rtr,candle --peer-model "$work/SmolLM2-135M-Instruct.Q4_0.gguf" "$model" \
    >"$work/compare.csv" 2>"$work/err"
check "it runs beside more" test $? = 0
check "peers run the other format besides; Candle with all that the machine has only" cmp <(rows_of "$work/compare.csv") <(
    for i in $isas; do
        for round in 0 1; do
            want Q4_1 $i dobby $round
            for p in llama.cpp ik_llama.cpp-rtr candle; do
                [ $p != candle ] || [ $i = "$last" ] || continue
                want Q4_1 $i $p $round && want Q4_0 $i $p $round
            done
        done
    done
)
bench/compare --rounds 1 --peers llama.cpp-batched,llama.cpp-batched-nofa,llama.cpp-batched-q8 "$model" >"$work/compare10.csv" 2>"$work/err10"
check "ten sequences at once, in three ways" cmp <(rows_of "$work/compare10.csv") <(
    for i in $isas; do
        want Q4_1 $i dobby 0
        printf "SmolLM2-135M-Instruct.Q4_1.gguf,$i,%s,write10,0\n" dobby llama.cpp-batched llama.cpp-batched-nofa llama.cpp-batched-q8
    done
)
check "each with its own setting" bash -c 'grep -q -- "-fa on -ctk f16 -ctv f16" "$0" && grep -q -- "-fa off -ctk f16" "$0" &&
    grep -q -- "-fa on -ctk q8_0 -ctv q8_0" "$0"' "$ASKED"
check "each as it should be" bash -c 'grep -q "^ik-llama-bench .*Q4_0.gguf.* -rtr 1$" "$0" && ! grep -q "^llama-cpp-bench .*-rtr" "$0" &&
    grep -q "^candle-bench .* 2 512 32$" "$0"' "$ASKED"
check "the summary names program, file and ratio" \
    grep -qE "^SmolLM2-135M-Instruct.Q4_1.gguf $last write: dobby [0-9.]+, candle on SmolLM2-135M-Instruct.Q4_0.gguf 10.0 tokens a second, ratio [0-9.]+$" "$work/err"
check "a peer that there is not is refused" bash -c '! bench/compare --peers nonsense "$1" 2>"$0" && grep -q nonsense "$0"' "$work/err" "$model"

# ---- bench/scale -----------------------------------------------------------------------------------------------
DOBBY=${DOBBY:-$BUILD/dobby} bench/scale --trees functions --files 48 --each 3 --cases cold,warm,edited,ask --rounds 2 --dir "$work/scale" \
    >"$work/scale.csv" 2>"$work/err"
check "bench/scale runs, and sees that edits of three bodies make just these again, twice" test $? = 0
check "nine fields in every row" awk -F, 'NF != 9 { exit 1 }' "$work/scale.csv"
# without date, commit, machine and compiler
check "files and functions are there, none is asked again, then three" cmp <(cut -d, -f5-8 "$work/scale.csv" | grep -E ',(files|units|.*again),') <(
    echo functions,files,0,48 && echo functions,units,0,144
    for case in warm,0,0 warm,1,0 edited,0,3 edited,1,3; do echo "functions,${case%%,*}: summarised again,${case#*,}"; done
)
check "find and status are timed" bash -c 'grep -q ",find parse header,0,[0-9.]*,ms" "$0" && grep -q ",status,0,[0-9.]*,ms" "$0"' "$work/scale.csv"
check "a case that there is not is refused" bash -c '! bench/scale --cases nonsense >/dev/null 2>"$0" && grep -q nonsense "$0"' "$work/err"

# ---- bench/metrics ---------------------------------------------------------------------------------------------
mkdir "$work/results"
# rows FILE DATE FUNCTIONS PSS: a file with three rounds and a memory case
rows() {
    local head="$2,abc,cpu,gcc,SmolLM2-135M-Instruct.Q4_1.gguf"
    {
        echo date,commit,machine,compiler,model,program,settings,agents,threads,case,round,value,unit
        for f in $3; do
            echo "$head,dobby,,10,2,functions,0,$f,1/s"
            echo "$head,dobby,beside,10,2,functions,0,$f,1/s"
        done
        echo "$head,dobby,,10,2,efficiency,0,0.9,ratio"
        echo "$head,llama-server,-fa on,10,2,functions,0,2,1/s"
        echo "$head,dobby,watched,10,2,peak_pss,0,$4,B"
        echo "$head,dobby,watched,10,2,kv_peak,0,30000000,B"
    } >"$work/results/$1"
}
rows 2026-01-01-job-a.csv 2026-01-01 "9 9 9" 1
rows 2026-01-02-job-a.csv 2026-01-02 "3 5 4" 200000000
bench/metrics "$work/results" >"$work/page"
check "the newest file of a machine counts" bash -c 'grep -q 2026-01-02 "$0" && ! grep -q 2026-01-01 "$0"' "$work/page"
check "median, and the range behind" grep -qF '| 10 on 2 | 4 (3 to 5) | 0.9 |' "$work/page"
check "ratio to the rival" grep -qF '`-fa on` | 2 | 2 |' "$work/page"
check "memory within its bound" grep -qF '| dobby-bench job, 10 agents | 200 | 30 | 253 | holds |' "$work/page"
rows 2026-01-03-job-a.csv 2026-01-03 "3 5 4" 254000000
bench/metrics "$work/results" >"$work/page"
check "memory beyond it" grep -qF '| dobby-bench job, 10 agents | 254 | 30 | 253 | does not hold |' "$work/page"
mkdir "$work/compare"
cp "$work/compare.csv" "$work/compare/2026-01-01-compare-a.csv"
bench/metrics "$work/compare" >"$work/page2"
check "one sequence: a column for each peer, the other format beside dobby on the model" bash -c \
    'grep -qF "| dobby | llama.cpp | dobby / it | ik_llama.cpp-rtr | dobby / it | candle | dobby / it |" "$0" &&
    grep -qE "^\| SmolLM2-135M Q4_0, $1 \| writing \| - \| 20.2 \(20.2 to 20.2\) \| [0-9.]+ \|" "$0"' "$work/page2" "$last"
mkdir "$work/compare10"
cp "$work/compare10.csv" "$work/compare10/2026-01-01-compare-a.csv"
bench/metrics "$work/compare10" >"$work/page3"
check "ten sequences: a table of their own" bash -c 'grep -qF "Ten sequences" "$0" && grep -qE "\| writing \| [0-9.]+ .*\| 50.5 .*\| 50.5 .*\| 50.5 " "$0"' "$work/page3"
check "every table names its command" \
    bash -c 'test "$(grep -c "^### " "$0")" = "$(grep -c "^Again: " "$0")" && grep -q -- "--cases memory" "$0"' "$work/page"
head -n 1 "$work/results/2026-01-03-job-a.csv" >"$work/results/2026-01-04-job-a.csv"
check "a file without rows is refused" bash -c '! bench/metrics "$0" >/dev/null 2>"$1" && grep -q 2026-01-04 "$1"' "$work/results" "$work/err"
done_testing
