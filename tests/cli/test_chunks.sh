#!/usr/bin/env bash
# test_chunks.sh - files without a grammar, notebooks and Markdown through the verbs: the plan, two summaries by the model, show,
# find, check and its forms.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tree=$T/tree
mkdir -p "$tree/.git" "$tree/docs"
printf '#!/usr/bin/perl\nuse strict;\n\n=head1 NAME\n\nWords.\n\n=cut\n\nmy $sum = 0;\n$sum += $_ for @ARGV;\nprint "$sum\\n";\n' >"$tree/sum"
printf '# Sums\n\n```sh\nfor f in *.txt\ndo\n    wc -l "$f"\ndone\necho\n```\n\n```json\n1\n2\n3\n4\n5\n```\n' >"$tree/docs/use.md"
printf 'Words.\n' >"$tree/docs/why.md"
printf '{}\n' >"$tree/data.json"
python3 - "$tree" <<'PYTHON'
import json, sys
cells = [dict(cell_type="markdown", metadata={}, source=["# Try\n"]),
         dict(cell_type="code", metadata={}, execution_count=1, source=["%matplotlib inline\n", "rate = 3"],
              outputs=[dict(output_type="stream", name="stdout", text=["SHOULD NOT BE SEEN\n"])])]
nb = dict(nbformat=4, nbformat_minor=5, metadata=dict(language_info=dict(name="python")), cells=cells)
open(sys.argv[1] + "/try.ipynb", "w").write(json.dumps(nb, indent=1))
long = "".join("rule%d: dep%d\n\tcc -o rule%d\n\n" % (i, i * 7, i) for i in range(100))
open(sys.argv[1] + "/Makefile", "w").write(long)
PYTHON

# ---- the plan ----
expect 0 "--dry-run --json" summarize --dry-run --json "$tree"
check "  chunks with their lines and languages" python3 - "$T/out" "$tree" <<'PYTHON'
import json, sys
files = {r["path"]: r for r in map(json.loads, open(sys.argv[1]))}
def units(path): return files[path]["units"]
assert files["data.json"]["skipped"] == "unknown language" and files["docs/why.md"]["skipped"] == "no code"
assert units("sum") == [{"name": "use strict", "kind": "chunk", "start_line": 1, "end_line": 12, "calls": None, "uses": None}], units("sum")
assert files["docs/use.md"]["language"] == "markdown"
assert units("docs/use.md") == [{"name": "Sums", "kind": "chunk", "start_line": 4, "end_line": 8, "language": "bash", "calls": None, "uses": None}]
cell, = units("try.ipynb")
lines = open(sys.argv[2] + "/try.ipynb").read().split("\n")
assert (cell["name"], cell["language"]) == ("cell 2", "python")
assert "matplotlib" in lines[cell["start_line"] - 1] and "rate = 3" in lines[cell["end_line"] - 1]
make = units("Makefile")
assert make[0]["start_line"] == 1 and make[-1]["end_line"] == 299 and len(make) > 3
for a, b in zip(make, make[1:]):
    assert a["end_line"] < b["start_line"] and 20 <= b["end_line"] - b["start_line"] + 2 and a["name"].startswith("rule")
PYTHON
rm "$tree/Makefile"

# ---- the rows ----
check "the test model is in the cache" test -f "$SMOL" || finish
expect 0 "summarize" summarize -m fast --format jsonl -q "$tree"
check "  three rows of kind chunk, and nothing that a cell printed" python3 - "$T/out" <<'PYTHON'
import json, sys
text = open(sys.argv[1]).read()
rows = [r for r in map(json.loads, text.splitlines()) if r["start_line"]]
assert [(r["path"], r["name"], r["kind"], r["language"]) for r in rows] == [
    ("docs/use.md", "Sums", "chunk", "bash"), ("sum", "use strict", "chunk", "perl"), ("try.ipynb", "cell 2", "chunk", "python")]
assert all(r["summary"] and r["source"] in ("model", "signature") for r in rows) and "SHOULD" not in text
PYTHON
check "  nor is it in the store" sh -c '! grep -q "SHOULD NOT" "$1"/.dobby/dobby.db*' - "$tree"
expect 0 "show a cell" show "$tree/try.ipynb:cell 2"
prints 'cell 2'
expect 0 "show a block by its heading" show --format jsonl "$tree/docs/use.md:Sums"
prints '"language":"bash"'
(cd "$tree" && "$DOBBY" find --format jsonl sums) >"$T/out" 2>"$T/err"
rc=$?
judge 0 "find by a heading"
prints '"path":"docs/use.md"'
expect 0 "check: all is current" check "$tree"
sed -i 's/rate = 3/rate = 4/' "$tree/try.ipynb"
sed -i '1i Words before it.\n' "$tree/docs/use.md"
expect 1 "check: another cell, a block that moved" check "$tree"
check "  one line" test "$(cat "$T/out")" = "try.ipynb:$(grep -n matplotlib "$tree/try.ipynb" | cut -d: -f1): stale: cell 2"
expect 1 "check as SARIF" check --format sarif "$tree"
check "  a place with a name and no kind" python3 - "$T/out" <<'PYTHON'
import json, sys
result, = json.load(open(sys.argv[1]))["runs"][0]["results"]
assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "cell 2"}]
PYTHON
finish
