# SPDX-License-Identifier: LGPL-2.1-or-later
"""A headless Chromium for tests: the few calls of its DevTools protocol that a test of a page needs, made to look synchronous.

Keeps what the page asked for (`requests`) and complained about (`complaints`), so that a test can say: nothing from elsewhere,
no error, no violation of the content security policy."""

import asyncio
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import websockets

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
from waiting import DEADLINE_S as START_S, free_port, wait_for   # noqa: E402,F401


class Page:
    def __init__(self, chromium, socket, target):
        self.chromium, self.socket, self.target = chromium, socket, target
        self.number = 0
        self.answers = {}
        self.requests = []
        self.complaints = []
        self.reader = chromium.loop.create_task(self._read())

    async def _read(self):
        async for text in self.socket:
            message = json.loads(text)
            if 'id' in message:
                self.answers.pop(message['id']).set_result(message)
                continue
            method, values = message['method'], message['params']
            if method == 'Network.requestWillBeSent':
                self.requests.append(values['request']['url'])
            elif method == 'Runtime.exceptionThrown':
                self.complaints.append(values['exceptionDetails'].get('exception', {}).get('description', 'exception'))
            elif method == 'Log.entryAdded' and values['entry']['level'] in ('error', 'warning'):
                self.complaints.append(values['entry']['text'] + ' ' + values['entry'].get('url', ''))

    async def _call(self, method, **values):
        self.number += 1
        answer = self.answers[self.number] = self.chromium.loop.create_future()
        await self.socket.send(json.dumps({'id': self.number, 'method': method, 'params': values}))
        message = await asyncio.wait_for(answer, START_S)
        if 'error' in message:
            raise RuntimeError(f'{method}: {message["error"]}')
        return message['result']

    def call(self, method, **values):
        return self.chromium.loop.run_until_complete(self._call(method, **values))

    def evaluate(self, expression):
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(result['exceptionDetails']['exception'].get('description', expression))
        return result['result'].get('value')

    def text(self, selector):
        return self.evaluate(f'document.querySelector({json.dumps(selector)}).textContent')

    def wait_for(self, expression, timeout=START_S):
        """Waits until the expression is true; returns its value. A page says nothing when it changes: it is asked again."""
        deadline = time.monotonic() + timeout
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f'{expression}: still {value!r} after {timeout} s')
            self.chromium.loop.run_until_complete(asyncio.sleep(0.05))

    def _mouse(self, kind, x, y):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', buttons=int(kind != 'mouseReleased'), clickCount=1)

    def _middle(self, selector):
        return self.evaluate(f'''(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});
            const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()''')

    def tap(self, selector):
        """Puts the mouse down and lets go in one breath: both are sent before either is answered."""
        x, y = self._middle(selector)

        async def both():
            await asyncio.gather(*(self._call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', buttons=int(kind == 'mousePressed'), clickCount=1)
                                   for kind in ('mousePressed', 'mouseReleased')))

        self.chromium.loop.run_until_complete(both())

    def press(self, selector):
        """Puts the mouse down in the middle of an element and keeps it there; returns a function that lets go."""
        x, y = self._middle(selector)
        self._mouse('mouseMoved', x, y)
        self._mouse('mousePressed', x, y)
        return lambda: self._mouse('mouseReleased', x, y)

    def key(self, key, kind):
        codes = {'Enter': 13, ' ': 32, 'Tab': 9}
        self.call('Input.dispatchKeyEvent', type=kind, key=key, code={' ': 'Space'}.get(key, key), windowsVirtualKeyCode=codes[key])

    def screenshot(self, path, whole=False):
        values = {}
        if whole:
            width, height = self.evaluate('[innerWidth, document.documentElement.scrollHeight]')
            values = {'captureBeyondViewport': True, 'clip': {'x': 0, 'y': 0, 'width': width, 'height': height, 'scale': 1}}
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('Page.captureScreenshot', format='png', **values)['data']))

    def close(self):
        self.reader.cancel()
        self.chromium.loop.run_until_complete(self.socket.close())
        urllib.request.urlopen(f'http://127.0.0.1:{self.chromium.port}/json/close/{self.target["id"]}').read()


class Chromium:
    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.mkdtemp(prefix='hawser-chromium-')
        self.process = subprocess.Popen(
            ['chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
             '--remote-debugging-port=0', '--user-data-dir=' + self.folder, 'about:blank'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_for_port(self):
        path = os.path.join(self.folder, 'DevToolsActivePort')

        def said():
            if self.process.poll() is not None:
                raise RuntimeError(f'chromium ended with {self.process.returncode}')
            if os.path.exists(path):
                with open(path) as file:
                    lines = file.read().split('\n')
                return lines[0] if len(lines) >= 2 else None
            return None

        return int(wait_for(said, 'the port of chromium'))

    async def _connect(self, url):
        return await websockets.connect(url, max_size=None)

    def open(self, url, width=1280, height=900, scheme='light', ratio=1, calm=False):
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}/json/new?about:blank', method='PUT')
        target = json.load(urllib.request.urlopen(request))
        socket = self.loop.run_until_complete(self._connect(target['webSocketDebuggerUrl']))
        page = Page(self, socket, target)
        for domain in ('Runtime', 'Log', 'Page', 'Network'):
            page.call(domain + '.enable')
        page.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=ratio, mobile=width < 500)
        page.call('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': scheme},
            {'name': 'prefers-reduced-motion', 'value': 'reduce' if calm else 'no-preference'}])
        page.call('Emulation.setFocusEmulationEnabled', enabled=True)   # a tab behind another draws nothing otherwise
        page.call('Page.navigate', url=url)
        page.wait_for('location.href !== "about:blank" && document.readyState === "complete"')
        return page

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            self.loop.run_until_complete(asyncio.wait([task]))
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)
