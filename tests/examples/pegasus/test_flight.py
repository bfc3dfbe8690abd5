#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pegasus-I from end to end: the daemon with the flight configuration, the simulator, the page in a headless Chromium.

usage: test_flight.py HAWSERD SIMULATOR SOURCE-ROOT"""

import collections
import glob
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

import paho.mqtt.client as mqtt

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import Chromium, free_port, wait_for   # noqa: E402

HAWSERD, SIMULATOR, ROOT = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
PATIENCE_S = 120
N_TOPICS, N_DURABLE, N_COMMANDS, N_PAGE_FILTERS = 7, 3, 4, 3


class Process:
    """A child whose output is read as it comes, so that it never blocks, and can be waited for."""

    def __init__(self, *argv, **values):
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **values)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def wait_for_line(self, pattern, timeout=PATIENCE_S):
        expression = re.compile(pattern)
        with self.changed:
            found = self.changed.wait_for(
                lambda: next((line for line in self.lines if line is None or expression.search(line)), False) is not False, timeout)
            line = next((line for line in self.lines if line and expression.search(line)), None)
        if not found or line is None:
            raise AssertionError(f'no line like {pattern} in {self.lines}')
        return line

    def end(self, signal_number=signal.SIGTERM, timeout=PATIENCE_S):
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        self.process.wait(timeout)
        self.reader.join(timeout)
        self.process.stdout.close()
        return self.process.returncode


class Flight(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = Chromium().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='hawser-flight-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.mqtt_port, self.http_port = free_port(), free_port()
        self.origin = f'http://127.0.0.1:{self.http_port}'
        self.start_daemon()
        self.addCleanup(lambda: self.daemon.end(signal.SIGKILL))

    def start_daemon(self):
        environment = dict(os.environ, FLIGHT_DIR=self.folder, FLIGHT_PAGE=os.path.join(ROOT, 'examples/pegasus/page'),
                           MQTT_PORT=str(self.mqtt_port), HTTP_PORT=str(self.http_port))
        self.daemon = Process(HAWSERD, '--config', os.path.join(ROOT, 'examples/pegasus/hawser.conf'), env=environment)
        self.daemon.wait_for_line(r'^ready\b')

    def start_simulator(self, *options):
        simulator = Process(SIMULATOR, '--port', str(self.mqtt_port), *options)
        self.addCleanup(simulator.end, signal.SIGKILL)
        return simulator

    def open_page(self, **values):
        page = self.browser.open(self.origin + '/flight/', **values)
        page.wait_for('document.querySelector("#bus").dataset.state === "live"', PATIENCE_S)
        return page

    def listen(self, topic_filter):
        """A queue of (topic, id) of what comes; subscribed when this returns."""
        heard, subscribed = queue.Queue(), threading.Event()
        client = mqtt.Client(client_id='test-listener', protocol=mqtt.MQTTv5)
        client.on_connect = lambda *_: client.subscribe(topic_filter, 1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _client, _data, message: heard.put((message.topic, dict(message.properties.UserProperty)['id']))
        client.connect('127.0.0.1', self.mqtt_port)
        client.loop_start()
        self.addCleanup(lambda: (client.disconnect(), client.loop_stop()))
        self.assertTrue(subscribed.wait(PATIENCE_S))
        return heard

    def listing(self, kind):
        items, cursor = [], None
        while True:
            query = f'?cursor={cursor}' if cursor else ''
            with urllib.request.urlopen(f'{self.origin}/v1/admin/{kind}{query}', timeout=PATIENCE_S) as answer:
                page = json.load(answer)
            items += page['items']
            cursor = page['next']
            if not cursor:
                return items

    def wait_for_subscriptions(self, n):
        def found():
            items = self.listing('subscriptions')
            return items if len(items) == n else None

        return wait_for(found, f'{n} subscriptions')

    def test_listing_is_7_and_3_at_rest_and_again_after_page_and_simulator_are_gone(self):
        self.assertEqual(len(self.listing('topics')), N_TOPICS)
        at_rest = self.wait_for_subscriptions(N_DURABLE)
        self.assertTrue(all(s['durable'] for s in at_rest))

        simulator = self.start_simulator()
        self.wait_for_subscriptions(N_DURABLE + N_COMMANDS)
        page = self.open_page()
        self.wait_for_subscriptions(N_DURABLE + N_COMMANDS + N_PAGE_FILTERS)
        page.close()
        self.wait_for_subscriptions(N_DURABLE + N_COMMANDS)
        page = self.open_page()
        self.wait_for_subscriptions(N_DURABLE + N_COMMANDS + N_PAGE_FILTERS)
        page.close()
        simulator.end()
        self.assertEqual({s['id'] for s in self.wait_for_subscriptions(N_DURABLE)}, {s['id'] for s in at_rest})
        self.assertEqual(len(self.listing('topics')), N_TOPICS)

    def test_page_shows_the_flight_and_asks_nobody_else(self):
        page = self.open_page()
        self.start_simulator('--speed', '100')
        page.wait_for('document.querySelector("[data-is=now]")?.dataset.phase === "ascent"', PATIENCE_S)
        for receiver in ('ground', 'chase'):
            page.wait_for(f'document.querySelector("#hears-{receiver}").dataset.state === "live"')
        page.wait_for('parseInt(document.querySelector("#altitude-ft").textContent.replace(",", "")) > 5000')
        page.wait_for('document.querySelector("#latency").textContent.includes("ms")')
        self.assertGreater(page.evaluate('''(() => { const c = document.querySelector("#map"); const d = c.getContext("2d")
            .getImageData(0, 0, c.width, c.height).data; return new Set(new Uint32Array(d.buffer)).size; })()'''), 50)
        self.assertEqual({request for request in page.requests if not request.startswith(self.origin + '/')}, set())
        self.assertEqual(page.complaints, [])
        page.close()

    def test_page_fits_a_phone(self):
        self.start_simulator()
        page = self.open_page(width=360, height=740, scheme='dark', ratio=2)
        page.wait_for('document.querySelector("#altitude-ft").textContent !== "–"')
        self.assertLessEqual(page.evaluate('document.documentElement.scrollWidth'), 360)
        self.assertGreaterEqual(page.evaluate('document.querySelector(".command button").getBoundingClientRect().height'), 44)
        self.assertEqual(page.evaluate('(c => c.width / c.getBoundingClientRect().width)(document.querySelector("#map"))'), 2)
        page.close()

    def test_page_opened_late_starts_from_the_retained_values(self):
        simulator = self.start_simulator()
        self.open_page().wait_for('document.querySelector("#altitude-ft").textContent !== "–"')
        simulator.end()
        page = self.open_page()
        page.wait_for('document.querySelector("#altitude-ft").textContent !== "–"')
        page.wait_for('document.querySelector("#hears-ground").dataset.state === "gone"', PATIENCE_S)
        page.close()

    def test_held_button_reaches_ground_and_chase_and_the_craft_obeys(self):
        heard = self.listen('command/+/+')
        page = self.open_page()
        self.start_simulator('--speed', '100')
        page.wait_for('document.querySelector("[data-is=now]")?.dataset.phase === "ascent"', PATIENCE_S)
        page.wait_for('parseInt(document.querySelector("#altitude-ft").textContent.replace(",", "")) > 10000', PATIENCE_S)

        page.tap('[data-command=release] button')    # too short: sends nothing
        let_go = page.press('[data-command=release] button')
        page.wait_for('document.querySelector("#release-status").textContent.startsWith("Done by the craft")')
        let_go()
        topics, ids = zip(*sorted((heard.get(timeout=PATIENCE_S) for _ in range(2))))
        self.assertEqual(topics, ('command/release/chase', 'command/release/ground'))
        self.assertEqual(ids[0], ids[1])
        self.assertTrue(heard.empty())
        page.wait_for('["descent", "parachute"].includes(document.querySelector("[data-is=now]").dataset.phase)')
        page.close()

    def test_page_comes_back_after_the_daemon(self):
        self.start_simulator()
        page = self.open_page()
        page.wait_for('document.querySelector("#altitude-ft").textContent !== "–"')
        self.assertEqual(self.daemon.end(), 0)
        page.wait_for('document.querySelector("#bus").dataset.state !== "live" && document.querySelector(".command button").disabled')
        self.start_daemon()
        page.wait_for('document.querySelector("#bus").dataset.state === "live"', PATIENCE_S)
        page.wait_for('document.querySelector("#hears-ground").dataset.state === "live"', PATIENCE_S)
        self.wait_for_subscriptions(N_DURABLE + N_COMMANDS + N_PAGE_FILTERS)
        page.close()

    def test_blobs_hold_each_record_exactly_once(self):
        simulator = self.start_simulator('--rate', '50', '--speed', '300', '--duration', '8')
        simulator.wait_for_line('^chase: ')
        self.assertEqual(simulator.end(), 0)
        published = {}
        for station in ('ground', 'chase'):
            counts = re.match(r'\w+: (\d+) published, (\d+) acknowledged', simulator.wait_for_line(f'^{station}: '))
            self.assertEqual(counts.group(1), counts.group(2))
            published[station] = int(counts.group(1))
        self.assertEqual(self.daemon.end(), 0)

        written = {}
        for container in ('telemetry-ground', 'telemetry-chase', 'location'):
            records = []
            for path in glob.glob(os.path.join(self.folder, 'blobs', container, '**'), recursive=True):
                if os.path.isfile(path):
                    with open(path) as file:
                        records += [json.loads(line) for line in file]
            keys = collections.Counter(json.dumps(record, sort_keys=True) for record in records)
            self.assertEqual([key for key, n in keys.items() if n != 1], [])
            written[container] = len(records)
        self.assertEqual(written['telemetry-ground'], published['ground'])
        self.assertEqual(written['telemetry-chase'] + written['location'], published['chase'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
