"""screen.py COLUMNSxROWS LOG TYPE ARGUMENT...: run the program with stderr on a terminal of that size, and be that terminal.
TYPE is a comma-separated list of what happens, half a second apart, once the progress line shows that the model works: ^C types
Ctrl-C, 45x10 makes the terminal another size. LOG gets JSON: `raw`, all bytes as latin-1; `frames`, the lines that stood at
the end of the screen each time when the progress line had been drawn, the progress line last; `drawn`, the progress lines; `left`,
all lines in the end. Exits as the program did.

The terminal wraps what is too long and joins it again when it grows, as most do, and knows the few sequences that dobby sends."""
import fcntl, json, os, pty, re, select, struct, subprocess, sys, termios, time


class Screen:
    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines, self.line, self.at = [""], 0, 0  # at: offset of the cursor in its line
        self.frames, self.widest = [], 0

    def heights(self):
        return [max(1, -(-len(s) // self.columns)) for s in self.lines]

    def up(self, n):
        h = self.heights()
        row = sum(h[: self.line]) + min(self.at // self.columns, h[self.line] - 1)
        row = max(row - n, max(0, sum(h) - self.rows))
        self.line = 0
        while row >= h[self.line]:
            row -= h[self.line]
            self.line += 1
        self.at = row * self.columns

    def put(self, c):
        s = self.lines[self.line].ljust(self.at)
        self.lines[self.line] = s[: self.at] + c + s[self.at + 1 :]
        self.at += 1

    def newline(self):
        self.line += 1
        if self.line == len(self.lines):
            self.lines.append("")
        self.at = min(self.at, len(self.lines[self.line]))

    def erase(self, kind):
        self.lines[self.line] = self.lines[self.line][: self.at]
        if kind == "J":
            del self.lines[self.line + 1 :]

    def feed(self, text):
        for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[\s\S]", text):
            if token == "\r":
                self.at = max(0, self.at - 1) // self.columns * self.columns if self.at else 0
            elif token == "\n":
                self.newline()
            elif token[0] != "\x1b":
                self.put(token)
            elif token[-1] == "A":
                self.up(int(token[2:-1]))
            elif token[-1] in "KJ":
                self.erase(token[-1])
                self.widest = max(self.widest, len(self.lines[self.line]) - self.columns + 1)
                if re.match(r"(walk|parse|plan|load|summarize)\b", self.lines[self.line]):
                    self.frames.append([self.columns] + self.lines[-self.rows :])
            elif token[-1] != "m":
                raise SystemExit("unknown sequence %r" % token)


def size_of(text):
    return tuple(map(int, text.split("x")))


def main():
    columns, rows = size_of(sys.argv[1])
    log, todo = sys.argv[2], [t for t in sys.argv[3].split(",") if t]
    screen, raw, done_at = Screen(columns, rows), "", None
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def start():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    env = dict(os.environ, TERM="xterm")
    p = subprocess.Popen(sys.argv[4:], stdin=slave, stdout=subprocess.DEVNULL, stderr=slave, env=env, preexec_fn=start)
    os.close(slave)
    while True:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                block = os.read(master, 65536)
            except OSError:
                break
            if not block:
                break
            raw += block.decode("latin-1")
            screen.feed(block.decode("latin-1"))
        works = re.search(r"summarize[^\r\n]* of \d+ done[^\r\n]*tokens/s", re.sub(r"\x1b\[[0-9;]*m", "", raw))
        if todo and works and (done_at is None or time.time() - done_at > 0.5):
            what, done_at = todo.pop(0), time.time()
            if what == "^C":
                os.write(master, b"\x03")
            else:
                screen.columns, screen.rows = size_of(what)
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", screen.rows, screen.columns, 0, 0))
        if p.poll() is not None and not ready:
            break
    drawn = [f[-1] for f in screen.frames]
    with open(log, "w") as out:
        json.dump({"raw": raw, "frames": screen.frames, "drawn": drawn, "left": screen.lines, "undone": todo}, out)
    sys.exit(p.wait())


main()
