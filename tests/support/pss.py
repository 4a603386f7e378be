#!/usr/bin/env python3
"""pss.py - run a command and sample, from outside, the memory of its process tree.

    pss.py OUT [-t] COMMAND...

Every ten milliseconds the proportional set sizes (Pss) of the command and everything below it are read from
/proc/PID/smaps_rollup and added up. OUT gets, in bytes, the largest sum ("peak"), the largest sums of anonymous
and of file-backed memory, the most processes seen at once, the number of samples, and "hwm": the largest resident
size that the command's own process ever had, by the kernel's count, so that a peak between two samples shows.
-t writes each sample as "at SECONDS SUM ANON FILE PROCESSES" too. The exit status is the command's.

A process that forbids being looked at (a parser worker, when the test is not root) counts with its resident
size from /proc/PID/statm, which is more than its share.
"""
import os
import sys
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
PERIOD = 0.01


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(word) for word in f.read().split()]
    except (OSError, ValueError):
        pass  # it has ended meanwhile
    return found


def tree(pid):
    pids = [pid]
    for p in pids:
        pids += children(p)
    return pids


def memory(pid):
    """(pss, anonymous part, file part) of one process; zeros when it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in f if line.endswith("kB\n")}
        return sizes.get("Pss", 0), sizes.get("Pss_Anon", 0), sizes.get("Pss_File", 0)
    except PermissionError:
        try:
            with open(f"/proc/{pid}/statm") as f:
                rss, shared = (int(word) * PAGE for word in f.read().split()[1:3])
            return rss, rss - shared, shared
        except (OSError, ValueError):
            return 0, 0, 0
    except OSError:
        return 0, 0, 0


def hwm(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def main():
    out, argv = sys.argv[1], sys.argv[2:]
    trace = argv[0] == "-t"
    argv = argv[1:] if trace else argv
    pid = os.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    start, peak, anon, files, most, n, high, lines = time.monotonic(), 0, 0, 0, 0, 0, 0, []
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        pids = tree(pid)
        sums = [sum(column) for column in zip(*(memory(p) for p in pids))]
        peak, anon, files = max(peak, sums[0]), max(anon, sums[1]), max(files, sums[2])
        most, n, high = max(most, len(pids)), n + 1, max(high, hwm(pid))
        lines.append((time.monotonic() - start, *sums, len(pids)))
        time.sleep(PERIOD)
    with open(out, "w") as f:
        f.write(f"peak {peak}\nanon {anon}\nfile {files}\nprocesses {most}\nsamples {n}\nhwm {high}\n")
        if trace:
            f.writelines("at %.3f %d %d %d %d\n" % line for line in lines)
    sys.exit(os.waitstatus_to_exitcode(status) & 255 if os.waitstatus_to_exitcode(status) >= 0 else 128)


main()
