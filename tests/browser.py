"""A page in a real browser (Chromium, driven over WebDriver): its messages, its requests and its measures."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """One window. `open` shows a page; everything else is about the page that is shown."""

    def __init__(self, session: str) -> None:
        self.session = session

    def open(self, path: Path, width: int, height: int = 900) -> None:
        """In a window so wide, also narrower than a desktop allows."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        self._call("url", {"url": path.resolve().as_uri()})

    def evaluate(self, script: str) -> Any:
        """What a function body in JavaScript returns."""
        return self._call("execute/sync", {"script": script, "args": []})

    def messages(self) -> list[str]:
        """Everything that went to the console since the last call."""
        return [entry["message"] for entry in self._call("se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """What pages asked for since the last call, but data that they hold, and the browser's own pages."""
        events = (json.loads(entry["message"])["message"] for entry in self._call("se/log", {"type": "performance"}))
        found = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in found if not url.startswith(("data:", "chrome:", "chrome-untrusted:"))]

    def _devtools(self, command: str, parameters: dict[str, Any]) -> None:
        self._call("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _call(self, command: str, body: dict[str, Any]) -> Any:
        return _post(f"{self.session}/{command}", body)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone afterwards."""
    assert BROWSER
    assert DRIVER
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "driver.log"
        with log.open("w") as stream:
            driver = subprocess.Popen([DRIVER, "--port=0"], stdout=stream, stderr=subprocess.STDOUT)
        session = ""
        try:
            address = _address(driver, log)
            session = f"{address}/{_start(address, Path(profile) / 'profile')}"
            yield Browser(session)
        finally:
            if session:
                _DIRECT.open(urllib.request.Request(session, method="DELETE"), timeout=30).close()
            driver.terminate()
            driver.wait()


def _address(driver: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and driver.poll() is None:
        _, found, port = log.read_text().partition("started successfully on port ")
        if found and "." in port:
            return f"http://127.0.0.1:{port.partition('.')[0]}/session"
        time.sleep(0.05)
    raise RuntimeError(f"chromedriver did not start: {log.read_text()}")


def _start(address: str, profile: Path) -> str:
    options = {"binary": BROWSER, "args": [*FLAGS, f"--user-data-dir={profile}"]}
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
    session: str = _post(address, {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
    return session


def _post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with _DIRECT.open(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from None
