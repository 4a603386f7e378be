"""Headless Chromium over its debugging pipe: a page from a file, keys, screenshots, what the page says of itself.
What the browser is asked for and answers are NUL-ended JSON objects on its descriptors 3 and 4."""
import base64, json, os, shutil, signal, subprocess, tempfile, time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"]
KEYS = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Escape": 27, "Tab": 9, "Home": 36, "End": 35}


class Browser:
    def __init__(self, program="chromium"):
        self.profile = tempfile.mkdtemp(prefix="dobby-browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        self.log = open(os.path.join(self.profile, "log"), "wb")
        # The shell puts the descriptors where the browser looks for them, whatever numbers they have here.
        script = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'
        self.process = subprocess.Popen(["sh", "-c", script, "sh", program, *FLAGS, "--user-data-dir=" + self.profile, "about:blank"],
                                        pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        os.close(theirs_in), os.close(theirs_out)
        self.read, self.write = os.fdopen(ours_in, "rb", buffering=0), os.fdopen(ours_out, "wb", buffering=0)
        self.left, self.n, self.events, self.session = b"", 0, [], None
        target = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"][0]
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.left:
            block = self.read.read(1 << 16)
            if not block:
                raise RuntimeError("the browser is gone: " + open(self.log.name, errors="replace").read()[-2000:])
            self.left += block
        one, self.left = self.left.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.n += 1
        request = {"id": self.n, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        self.write.write(json.dumps(request).encode() + b"\0")
        while True:
            m = self.message()
            if m.get("id") == self.n:
                if "error" in m:
                    raise RuntimeError(f"{method}: {m['error']}")
                return m["result"]
            self.events.append(m)

    def js(self, code):
        """The value of an expression; a promise is waited for."""
        r = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in r:
            raise RuntimeError(code + ": " + json.dumps(r["exceptionDetails"])[:1000])
        return r["result"].get("value")

    def size(self, width, height, dark=False, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path, fragment=""):
        """Load a page anew; returns when it was painted."""
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url="file://" + os.path.abspath(path) + fragment)
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")
        self.painted()

    def painted(self):
        self.js("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def wait(self, code, seconds=30):
        end = time.monotonic() + seconds
        while not self.js(code):
            if time.monotonic() > end:
                raise RuntimeError("never true: " + code)
            time.sleep(0.02)

    def key(self, key, modifiers=0):
        code = KEYS[key] if key in KEYS else ord(key.upper()) if key.isalnum() else 0
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text, modifiers=modifiers)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code, modifiers=modifiers)

    def type(self, text):
        for c in text:
            self.key(c)

    def screenshot(self, path):
        self.painted()
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def complaints(self):
        """What the page threw, logged as an error, or asked the network for."""
        self.js("0")
        out = []
        for m in self.events:
            p = m.get("params", {})
            if m.get("method") == "Runtime.exceptionThrown":
                out.append("threw: " + json.dumps(p["exceptionDetails"])[:600])
            elif m.get("method") == "Log.entryAdded" and p["entry"]["level"] == "error":
                out.append("logged: " + p["entry"]["text"])
            elif m.get("method") == "Network.requestWillBeSent" and not p["request"]["url"].startswith(("file:", "about:")):
                out.append("asked for: " + p["request"]["url"])
        return out

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.read.close(), self.write.close(), self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
