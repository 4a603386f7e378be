#!/usr/bin/env bash
# test_eval.sh - dobby eval: the sample, the sheet and its key, the tally, pairs, texts by others, wrong arguments; the
# store is left alone.
. "$(dirname "$0")/lib.sh"

mkdir -p "$T/tree/sub"
cat >"$T/tree/queue.py" <<'PY'
def take_all(queue, limit):
    """Remove up to limit entries from the front of the queue."""
    taken = []
    while queue and len(taken) < limit:
        taken.append(queue.popleft())
    return taken


def is_full(queue, limit):
    """Tell whether the queue holds as many entries as the limit."""
    return len(queue) >= limit


def undocumented(a):
    return a + 1
PY
cat >"$T/tree/sub/list.c" <<'C'
struct node { int value; struct node *next; };

/* Add up the values of all nodes of the list. */
int list_sum(const struct node *head)
{
    int sum = 0;
    for (; head; head = head->next)
        sum += head->value; /* a comment inside stays */
    return sum;
}

/* Find the largest value of the list. */
int list_max(const struct node *head, int otherwise)
{
    int best = otherwise;
    for (; head; head = head->next)
        if (head->value > best)
            best = head->value;
    return best;
}
C
before=$(cd "$T/tree" && find . | sort)

# fill SHEET: score every text, 4 for those that are longer than 30 characters.
fill() {
    python3 - "$1" <<'PY'
import json, re, sys
name = sys.argv[1]
if name.endswith(".jsonl"):
    lines = [json.loads(l) for l in open(name)]
    for d in lines:
        if "id" in d:
            d["scores"] = [4 if len(t) > 30 else 1 for t in d["texts"]]
    open(name, "w").write("".join(json.dumps(d) + "\n" for d in lines))
else:
    text = open(name).read()
    text = re.sub(r"^- \[ \] (.*)$", lambda m: "- [%d] %s" % (4 if len(m[1]) > 30 else 1, m[1]), text, flags=re.M)
    open(name, "w").write(text)
PY
}
# of SYSTEM MEMBER: of the JSON on stdout of the last run, a member of a system's object for all languages.
of() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
for s in d.get("systems") or d["figures"]:
    if s["system"] == sys.argv[2] and not s.get("language"):
        print(s[sys.argv[3]])' "$T/out" "$1" "$2"
}

# ---- without a model
expect 0 "baselines alone" eval --no-model "$T/tree"
prints "author"
prints "sibling"
says "4 of 4 documented units in 2 files"
expect 0 "as JSON" eval --no-model --json "$T/tree"
check "  the author is like the author" [ "$(of author bleu)" = 100.0 ]
check "  a sibling's comment is a copy" [ "$(of sibling n_copied)" = 4 ]
expect 0 "one language" eval --no-model --language python "$T/tree"
says "2 of 2 documented units"

# ---- the sample
sheet() { # NAME ARGUMENT...
    local name=$1
    shift
    run eval --no-model --sheet "$T/$name" "$@" "$T/tree"
}
sheet a.md --limit 2
sheet b.md --limit 2
check "the same seed, the same sheet" cmp "$T/a.md" "$T/b.md"
check "  a unit of each language" [ "$(grep -cE '^## u00[12] (c|python)$' "$T/a.md")" = 2 ]
check "  the meaning of scores stands on top" grep -q '4 right and specific' "$T/a.md"
for seed in 1 2 3 4 5 6 7 8; do sheet "s$seed.md" --limit 2 --seed "$seed"; done
check "another seed, another sample" [ "$(cat "$T"/s?.md.key.jsonl | grep -o '"name":"[a-z_]*"' | sort -u | wc -l)" = 4 ]

# ---- pairs
expect 0 "pairs" eval --pairs "$T/p.jsonl" "$T/tree"
silent
check "  all documented units, their comments hidden, their targets whole" python3 - "$T/p.jsonl" <<'PY'
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1])]
assert [r["name"] for r in rows] == ["take_all", "is_full", "list_sum", "list_max"], rows
r = rows[0]
assert list(r) == ["path", "name", "kind", "language", "messages", "code", "target"], list(r)
assert r["path"] == "queue.py" and r["kind"] == "function" and r["language"] == "python"
assert r["target"] == "Remove up to limit entries from the front of the queue."
assert r["messages"][0]["role"] == "system" and r["messages"][-1]["role"] == "user"
for r in rows:
    assert r["code"] in r["messages"][-1]["content"] and r["target"] not in r["messages"][-1]["content"]
assert "a comment inside stays" in rows[2]["code"]
PY

# ---- texts by others
cat >"$T/other.jsonl" <<'J'
{"path":"queue.py","name":"take_all","system":"other","text":"Find the largest value of the list."}
{"path":"queue.py","name":"is_full","system":"other","text":"Call free_all with the queue."}
{"path":"sub/list.c","name":"gone","system":"other","text":"Nothing of the kind."}
J
expect 0 "texts by other programs" eval --no-model --json --systems "$T/other.jsonl" "$T/tree"
says "some texts are for no unit"
check "  counted" [ "$(of other n)" = 2 ]
check "  a neighbour's comment, copied" [ "$(of other n_copied)" = 1 ]
check "  a word that is not in the code" [ "$(of other n_ungrounded)" = 1 ]
echo '{"path":"queue.py","name":"take_all","system":"name","text":"Two are called so."}' >"$T/bad.jsonl"
expect 64 "a system called like another" eval --no-model --systems "$T/bad.jsonl" "$T/tree"
echo '{"path":"queue.py","name":"take_all","text":"No system."}' >"$T/bad.jsonl"
expect 65 "a text without a system" eval --no-model --systems "$T/bad.jsonl" "$T/tree"
says "bad.jsonl: line 1"

# ---- with a model
for form in md jsonl; do
    expect 0 "a sheet with a model, $form" eval -m "$SMOL" --systems "$T/other.jsonl" --sheet "$T/m.$form" "$T/tree"
    prints "refused answers:"
    check "  the sheet does not say whose a text is" sh -c "! grep -qiE 'author|sibling|smol' '$T/m.$form'"
    expect 65 "  not filled in" eval --tally "$T/m.$form"
    says "has no score from 0 to 4"
    fill "$T/m.$form"
    expect 0 "  tallied" eval --tally "$T/m.$form" --json
    check "  the author's own" [ "$(of author mean) $(of author way)" = "4.0 1.0" ]
    check "  the name in words" [ "$(of name mean) $(of name way) $(of name share_0_1)" = "1.0 0.0 1.0" ]
    check "  texts by others" [ "$(of other n)" = 2 ]
    expect 0 "  for people" eval --tally "$T/m.$form"
    prints "by confidence"
done
run eval --tally "$T/m.md" --json
cp "$T/out" "$T/one.json"
run eval --tally "$T/m.jsonl" --json
check "both forms say the same" cmp "$T/out" "$T/one.json"
expect 0 "sheets are pooled" eval --tally "$T/m.md" --tally "$T/m.jsonl" --json
check "  eight units" [ "$(of author n)" = 8 ]
python3 - "$T" <<'PY'
import json, sys
t = sys.argv[1]
rows = [json.loads(l) for l in open(t + "/m.jsonl")]
open(t + "/only.jsonl", "w").write("".join(json.dumps({"id": r["id"], "scores": r["scores"]}) + "\n" for r in rows if "id" in r))
PY
expect 0 "scores alone, as they can be published" eval --tally "$T/only.jsonl" --key "$T/m.jsonl.key.jsonl" --json
check "  say the same" cmp "$T/out" "$T/one.json"
sed 's/^- \[4\]/- [5]/' "$T/m.md" >"$T/five.md"
expect 65 "a score beyond 4" eval --tally "$T/five.md" --key "$T/m.md.key.jsonl"
sed 's/^\(- \[.\] .*\)$/\1 edited/' "$T/m.md" >"$T/edited.md"
expect 65 "a text that was changed" eval --tally "$T/edited.md" --key "$T/m.md.key.jsonl"
says "change only the scores"
expect 66 "a key that is not there" eval --tally "$T/m.md" --key "$T/nothing"
run eval -m "$SMOL" --json "$T/tree"
sed 's/"seconds":[0-9.]*//' "$T/out" >"$T/first"
run eval -m "$SMOL" --agents 1 --json "$T/tree"
check "the same figures with one agent" python3 - "$T/first" "$T/out" <<'PY'
import re, sys
a, b = (re.sub(r'"(seconds|tokens_\w+)":[0-9.]*', "", open(f).read()) for f in sys.argv[1:])
assert re.sub(",,+", ",", a) == re.sub(",,+", ",", b), (a, b)
PY

# ---- a tally by hand: the model is half of the way, and the surer the better
python3 - "$T" <<'PY'
import json, sys
sheet, key = open(sys.argv[1] + "/hand.jsonl", "w"), open(sys.argv[1] + "/hand.jsonl.key.jsonl", "w")
for i, (author, name, model, confidence) in enumerate([(4, 2, 2, 0.2), (4, 1, 2, 0.1), (4, 3, 3, 0.4), (4, 2, 3, 0.3), (4, 2, 4, 0.6), (4, 2, 4, 0.5)]):
    print(json.dumps({"id": f"u{i}", "scores": [model, author, name]}), file=sheet)
    texts = [[{"system": "m", "source": "model", "confidence": confidence, "rouge_l": model / 4}], [{"system": "author", "source": "author"}], [{"system": "name", "source": "name"}]]
    print(json.dumps({"id": f"u{i}", "language": "c" if i < 3 else "go", "texts": texts}), file=key)
PY
expect 0 "a tally that can be done by hand" eval --tally "$T/hand.jsonl" --json
check "  mean and way" [ "$(of m mean) $(of m way) $(of name mean) $(of author mean)" = "3.0 0.5 2.0 4.0" ]
check "  thirds, halves, correlations, languages" python3 - "$T/out" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
r = d["reliability"][0]
assert [p["score"] for p in r["thirds"]] == [2, 3, 4], r
assert [p["score"] for p in r["halves"]] == [2.3333, 3.6667], r
assert r["spearman"] == 0.9562, r  # scipy.stats.spearmanr
assert {f["figure"]: f["spearman"] for f in d["figures"]} == {"bleu": None, "rouge_l": 1, "recall": None, "ungrounded": None}, d["figures"]
go = [l for l in d["languages"] if l["language"] == "go"][0]
assert [s["way"] for s in go["systems"] if s["system"] == "m"] == [0.8333], go
PY

# ---- nothing to measure, wrong arguments
mkdir "$T/bare"
echo 'int f(void) { return 1; }' >"$T/bare/f.c"
expect 66 "no comments at all" eval --no-model "$T/bare"
says "has a comment whose first sentence"
expect 66 "no such language" eval --no-model --language cobol "$T/tree"
expect 66 "no such tree" eval --no-model "$T/nothing"
expect 64 "a model and none" eval --no-model -m "$SMOL" "$T/tree"
expect 64 "a prompt that there is not" eval --prompt poem --no-model "$T/tree"
for prompt in plain project bare; do
    expect 0 "a prompt: $prompt" eval -m "$SMOL" --prompt $prompt --json "$T/tree"
    check "  the system is named so" grep -q "\"system\":\"[^\"]* $prompt\"" "$T/out"
done
expect 64 "a key without a sheet" eval --no-model --key "$T/k" "$T/tree"
expect 64 "a tally of a tree" eval --tally "$T/m.md" "$T/tree"
expect 64 "keys that do not fit the sheets" eval --tally "$T/m.md" --key a --key b
expect 66 "a model that is not there" eval -m "$T/none.gguf" "$T/tree"
expect 73 "a sheet that cannot be made" eval --no-model --sheet "$T/none/sheet.md" "$T/tree"

check "the tree is as it was, without a store" [ "$(cd "$T/tree" && find . | sort)" = "$before" ]
run summarize -m "$SMOL" -q "$T/tree"
sum=$(sha256sum "$T"/tree/.dobby/dobby.db)
run eval -m "$SMOL" "$T/tree"
check "a store that is there is not touched" [ "$(sha256sum "$T"/tree/.dobby/dobby.db)" = "$sum" ]
finish
