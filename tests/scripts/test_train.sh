#!/usr/bin/env bash
# test_train.sh - tools/train without PyTorch: which raw pairs are kept and in which form, the list of packages, licences, block types.
. tests/support/tap.sh
export DOBBY_CACHE=$work/cache
cp -r tools/train "$work/train"
train=$work/train

# Three packages of one registry (the first drawn is held out, so each case stands in all), their trees and raw pairs; packages.tsv names them.
python3 - "$work" <<'PY' || exit 1
import gzip, json, os, sys
work = sys.argv[1]
BODY = "def %s(path, limit):\n    lines = open(path).read().split()\n    total = sum(len(line) for line in lines)\n    return %d if total > limit else total\n"
SYSTEM = {"role": "system", "content": "You write one-sentence summaries of code."}
n = 0

def pair(name, target, path="lib.py", code=None, context="", kind="function"):
    global n
    n += 1
    code = code or BODY % (name, n)
    return {"path": path, "name": name, "kind": kind, "language": "python", "code": code, "target": target,
            "messages": [SYSTEM, {"role": "user", "content": context + "Summarize this.\n\n" + code}]}

def cases(p):
    near = "Context:\nNear it:\n- count_words: Count the words of all lines at the given path.\n\n"
    yield pair(f"plain_{p}", f"Sums the length of all lines in the {p} path.")
    yield pair(f"godoc_{p}", f"godoc_{p} returns the total of the {p} lines.")
    yield pair(f"subject_{p}", f"This function will read the {p} path and split its lines.")
    yield pair(f"truth_{p}", f"True if the total of the {p} lines is over the limit.")
    yield pair(f"Total{p}", f"Represents a total of the {p} lines at a path.", kind="class")
    yield pair(f"noun_{p}", "The total number of lines in the path.")
    yield pair(f"link_{p}", "Sum all lines, see also the total of the path.")
    yield pair(f"afar_{p}", "Render shaded polygons onto a rotating canvas.")
    yield pair(f"other_{p}", f"Sum the lines as `no_such_name` does with a {p} path.")
    yield pair(f"accent_{p}", "Sum the lines of the caf\u00e9 path.")
    yield pair(f"near_{p}", "Count the words of all lines at a given path.", context=near)
    yield pair(f"short_{p}", f"Return the limit of the {p} path.", code="x = 1")
    yield pair(f"key_{p}", f"Split the lines of the {p} path.", code="def f(path):\n    key = 'AKIA" + "A" * 16 + "'\n    return path.split(key)\n")
    yield pair(f"same_{p}", f"Read the {p} lines of the path.", code=BODY % ("same", 0))
    yield pair(f"gpl_{p}", f"Read the total of the {p} lines.", path="gpl.py")
    yield pair(f"example_{p}", f"Read the limit of the {p} lines.", path="examples/a.py")
    for i in range(6):
        yield pair(f"checked{i}_{p}", f"Split the lines of path {i} into a {p} total.", path=f"tests/test_{i}.py")

with open(f"{work}/train/packages.tsv", "w") as tsv:
    for p in ("alpha", "beta", "gamma"):
        tree = f"{work}/cache/train/trees/pypi/{p}"
        rows = list(cases(p))
        for path in {r["path"] for r in rows}:
            os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
            with open(f"{tree}/{path}", "w") as f:
                f.write("# GNU General Public License, version 3\n" if path == "gpl.py" else "# MIT License\n")
        os.makedirs(f"{work}/cache/train/raw/pypi", exist_ok=True)
        with gzip.open(f"{work}/cache/train/raw/pypi/{p}.jsonl.gz", "wt") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)
        tsv.write(f"pypi\t{p}\t1.0\t{'0' * 64}\tMIT\n")
PY

# kept NAME TARGET - a pair for training whose name begins so has just this target, %p being its package's name
kept() {
    python3 - "$work/out" "$@" <<'PY'
import gzip, json, sys
out, name, target = sys.argv[1:]
rows = [json.loads(l) for l in gzip.open(out + "/train.jsonl.gz", "rt")]
got = [r["target"] for r in rows if r["name"].startswith(name)]
want = [target.replace("%p", r["package"].split("/")[1]) for r in rows if r["name"].startswith(name)]
print(got)
sys.exit(not (got and got == want))
PY
}
# reason N WHY - so many pairs were left out for that
reason() { python3 -c 'import json, sys; r = json.load(open(sys.argv[1]))["reasons"]; print(r); sys.exit(r.get(sys.argv[3], 0) != int(sys.argv[2]))' "$work/out/counts.json" "$@"; }
number() { python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(r); sys.exit(not eval(sys.argv[2], r))' "$work/out/counts.json" "$1"; }
same() { "$train/pairs" filter "$work/again" >/dev/null && cmp <(zcat "$work/out/train.jsonl.gz") <(zcat "$work/again/train.jsonl.gz"); }
apart() { ! comm -12 <(zcat "$work/out/train.jsonl.gz" | grep -o '"package": "[^"]*"' | sort -u) <(zcat "$work/out/heldout.jsonl.gz" | grep -o '"package": "[^"]*"' | sort -u) | grep .; }

check "good pairs are told from bad ones" "$train/pairs" filter "$work/out"
check "a verb in the third person becomes an imperative" kept plain_ "Sum the length of all lines in the %p path."
check "the name goes from before the verb" kept godoc_ "Return the total of the %p lines."
check "so does \"this function will\"" kept subject_ "Read the %p path and split its lines."
check "what is true becomes what is returned" kept truth_ "Return true if the total of the %p lines is over the limit."
check "a type is a noun phrase" kept Total "A total of the %p lines at a path."
check "a function without a verb is left out" reason 3 "no verb first"
check "a reference to elsewhere is left out" reason 3 boilerplate
check "words that neither code nor context hold are" reason 3 "not grounded"
check "a name from elsewhere is" reason 3 "identifier from elsewhere"
check "other scripts are" reason 3 "not ASCII"
check "nearly a neighbour's sentence is" reason 3 "nearly a neighbour's sentence"
check "too little code is" reason 3 "code too short"
check "a secret is" reason 3 secret
check "a file of other terms is" reason 3 "file of other terms, or generated"
check "an example is" reason 3 "example or benchmark"
check "of equal bodies one is kept" reason 2 "duplicate body"
check "of tests a twentieth is kept at most" number "reasons['test'] >= 10 and 1 <= tests <= 0.05 * (total + 20)"
check "one package in fourteen of a registry is held out whole" number "len(heldout_packages) == 1 and heldout['python'] >= 5"
check "none is in both" apart
check "the same again gives the same" same

listed() { [ "$(DOBBY_CACHE=$1 "$train/packages" list | wc -l)" = "$2" ]; }
check "packages that are there are listed" listed "$work/cache" 3
check "none is listed where nothing was fetched" listed "$work/nothing" 0

# own - alpha and beta as trees of one's own, in a list of one's own: are pairs of its gpl.py kept?
own() {
    mkdir -p "$work/cache/train/trees/own" "$work/cache/train/raw/own"
    for p in alpha beta; do
        ln -s ../pypi/$p "$work/cache/train/trees/own/$p"
        cp "$work/cache/train/raw/pypi/$p.jsonl.gz" "$work/cache/train/raw/own/"
        printf 'own\t%s\t-\t-\tours\n' $p
    done >"$work/own.tsv"
    local -x DOBBY_TRAIN_PACKAGES=$work/own.tsv
    "$train/packages" fetch && "$train/pairs" filter "$work/house" && zcat "$work/house/train.jsonl.gz" | grep -q '"package": "own/.*"name": "gpl_'
}
check "trees of one's own are taken from a list of one's own, whatever their terms" own
check "a step that is none is refused" status 64 "$train/packages" nothing
check "a filter without a folder is refused" status 64 "$train/pairs" filter

# said VERDICT FIELD - what the wheel of alpha says in its metadata, and what becomes of it
said() {
    mkdir -p "$work/cache/train/archives/pypi"
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr("alpha-1.0.dist-info/METADATA", "Name: alpha\n" + sys.argv[2] + "\n\ntext\n")' \
        "$work/cache/train/archives/pypi/alpha@1.0.zip" "$2"
    echo pypi/alpha >"$work/one"
    "$train/packages" licences "$work/one" | tee /dev/stderr | grep -q "^$1	pypi	alpha	"
}
check "a licence that the package states agrees" said agrees "License-Expression: MIT"
check "so does one of a choice" said agrees "License-Expression: GPL-3.0-only OR (MIT AND Zlib)"
check "one that holds beside a refused one does not" said refused "License-Expression: MIT AND GPL-3.0-only"
check "another of those allowed is told" said permissive "License: Apache 2.0"
check "a refused one is" said refused "Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"
check "heads of files speak where metadata are silent" said agrees "Version: 1.0"

if python3 -c 'import numpy' 2>/dev/null; then
    check "blocks of weights have the values of the vectors" python3 "$train/gguf.py" tests/data/quant.json
else
    n=$((n + 1))
    echo "ok $n - blocks of weights have the values of the vectors # SKIP no numpy"
fi
done_testing
