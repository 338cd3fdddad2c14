"""A headless Chromium, spoken to through a pipe in its DevTools protocol: what it draws, says and asks for."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--mute-audio")


class Browser:
    """One browser with one page.

    Attributes:
        said: warnings and errors of the console, and exceptions, of the page that is open.
        asked: addresses that the page has asked for.
    """

    def __init__(self, folder):
        self.said, self.asked, self._number, self._rest = [], [], 0, b""
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        command = [
            "bash",
            "-c",
            script,
            "sh",
            CHROMIUM,
            *_FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={folder}",
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), **quiet)
        os.close(to_read)
        os.close(to_write)
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        """End the browser."""
        self._session = None
        self.call("Browser.close")
        os.close(self._to)
        self._process.wait(timeout=20)
        os.close(self._from)

    def open(self, path, width=1280, height=900, dark=False, script=True, media=""):
        """Show a file, with another page's words forgotten."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=scheme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.said.clear()
        self.asked.clear()
        self._loaded = False
        self.call("Page.navigate", url=path.as_uri())
        self._wait(lambda: self._loaded)
        # A turn of the loop later all observers have spoken.
        if script:
            self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def run(self, code):
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"].get("exception", {}).get("description", found))
        return found["result"].get("value")

    def press(self, key, code=0, text=""):
        """A key."""
        down = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **down)

    def picture(self, path, whole=True):
        """A picture of the page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def printed(self, path):
        """The page as PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def call(self, method, **parameters):
        """One command of the protocol."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answers = []
        self._wait(lambda: answers, lambda told: answers.append(told) if told.get("id") == number else None)
        if "error" in answers[0]:
            raise AssertionError(f"{method}: {answers[0]['error']}")
        return answers[0]["result"]

    def _wait(self, is_done, heard=lambda told: None, seconds=60):
        until = time.monotonic() + seconds
        while not is_done():
            while b"\0" not in self._rest:
                left = until - time.monotonic()
                if left < 0 or not select.select([self._from], [], [], left)[0]:
                    raise TimeoutError("Chromium does not answer.")
                more = os.read(self._from, 1 << 20)
                if not more:
                    raise EOFError("Chromium has ended.")
                self._rest += more
            text, _, self._rest = self._rest.partition(b"\0")
            told = json.loads(text)
            self._note(told)
            heard(told)

    def _note(self, told):
        method, parameters = told.get("method"), told.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.said.append(parameters["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.said.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.said.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])
