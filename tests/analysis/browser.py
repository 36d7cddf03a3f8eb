"""A headless Chromium that tests drive through choreographer, which kaleido brings: clicks as a person's, and all that a page said and asked for."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import threading
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 60.0


def browser_or_skip() -> Browser:
    """A browser, or a skipped test with the reason."""
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None and shutil.which("google-chrome") is None:
        pytest.skip("no Chromium is installed here (Debian: apt-get install chromium), so nothing can be clicked")
    pytest.importorskip("choreographer", reason="choreographer is not installed (pip install 'lal[images]'), so no browser can be driven")
    return Browser()


class Browser:
    """One tab of one browser, in a thread of its own.

    Attributes:
        said: console errors and exceptions.   asked: addresses of all requests.   failed: those that had no answer, or an error for one.
    """

    def __init__(self):
        self.said, self.asked, self.failed = list[str](), list[str](), list[str]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._begin())

    async def _begin(self) -> None:
        import choreographer

        self._browser = choreographer.Browser(headless=True)
        await self._browser.open()
        self._tab: Any = await self._browser.create_tab("about:blank")
        for event, what in (
            ("Runtime.exceptionThrown", lambda told: self.said.append(json.dumps(told["exceptionDetails"])[:600])),
            ("Runtime.consoleAPICalled", lambda told: self.said.append(json.dumps(told["args"])[:600]) if told["type"] in ("error", "assert") else None),
            ("Log.entryAdded", lambda told: self.said.append(json.dumps(told["entry"])[:600]) if told["entry"]["level"] == "error" else None),
            ("Network.requestWillBeSent", lambda told: self.asked.append(told["request"]["url"])),
            ("Network.responseReceived", lambda told: self.failed.append(told["response"]["url"]) if told["response"]["status"] >= 400 else None),
        ):
            self._tab.subscribe(event, self._taker(what), repeating=True)
        for domain in ("Runtime", "Log", "Network", "Page"):
            await self._tab.send_command(f"{domain}.enable")

    @staticmethod
    def _taker(what: Any) -> Any:
        async def take(message: dict[str, Any]) -> None:
            what(message["params"])

        return take

    def _do(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)  # type: ignore[arg-type]

    def command(self, name: str, **params: Any) -> dict[str, Any]:
        """A command of the browser's protocol, and its answer."""
        answer = self._do(self._tab.send_command(name, params=params))
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, address: str, width: int = 1280, height: int = 1000, dark: bool = False) -> None:
        """Goes there, and forgets what was said and asked before."""
        self.command("Page.navigate", url="about:blank")
        self.until("location.href == 'about:blank'")
        for noted in (self.said, self.asked, self.failed):
            noted.clear()
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.command("Page.navigate", url=address)

    def js(self, expression: str) -> Any:
        """The value of `expression` on the page."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (expression, answer)
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = DEADLINE_S) -> Any:
        """The value of `expression` once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.js(expression)):
            assert time.monotonic() < deadline, f"never true: {expression}; the page says {self.js('document.body.innerText')[:800]}; {self.said}"
            time.sleep(0.05)
        return value

    def click(self, selector: str, text: str = "") -> None:
        """A click in the middle of the first element that fits and holds `text`, once it is there and in its place."""
        fits = f"each => each.textContent.includes({json.dumps(text)}) && each.getClientRects().length"
        find = f"[...document.querySelectorAll({json.dumps(selector)})].find({fits})"
        self.until(f"!!({find})")
        middle = "const box = each.getBoundingClientRect(), at = [box.x + box.width / 2, box.y + box.height / 2]"
        shown = f"(each => {{ each.scrollIntoView({{block: 'center'}}); {middle}; return each.contains(document.elementFromPoint(...at)) && at }})({find})"
        looks = [None, self.js(shown)]
        while not looks[-1] or looks[-1] != looks[-2]:  # lists that open scroll by themselves a moment later
            time.sleep(0.1)
            looks.append(self.js(shown))
            assert len(looks) < 100, f"never to be seen: {selector} {text}"
        place = looks[-1]
        self.click_at(*place)

    def click_at(self, x: float, y: float, once: str = "true") -> None:
        """A click at a place of the window, once `once` is true with the pointer there."""
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.until(once)
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def keys(self, text: str) -> None:
        """Types `text` where the focus is."""
        self.command("Input.insertText", text=text)

    def key(self, name: str, code: int) -> None:
        """One key, such as Escape (27) or ArrowRight (39)."""
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """The window as a PNG file."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """Ends the browser."""
        self._do(self._browser.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()
