# SPDX-License-Identifier: LGPL-2.1-or-later
"""What we send and serve as CloudEvents is read by somebody else's SDK, as its users do: webhooks in each mode, server-sent
events, long poll. The SDK is installed as its lock file says; without it this test fails."""

import base64
import http.client
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'daemon'))
from fixture import DEADLINE_S, OPEN, WEB, Case  # noqa: E402

HERE = pathlib.Path(__file__).parent / 'cloudevents'
THERE = pathlib.Path(os.environ['CLOUDEVENTS_DIR'])
BYTES = bytes(range(256))
# Attributes are of printable ASCII here: the binary mode percent-encodes all else (HTTP binding, 3.1.3.2), which this SDK does
# not undo; test_webhook.py checks that.
EVENTS = [   # as CloudEvents of the JSON format, and what the SDK should see
    {'specversion': '1.0', 'id': 'j-1', 'source': '/test/craft', 'type': 'craft.telemetry', 'subject': 'ce/json', 'region': 'eu-1',
     'traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'time': '2026-11-21T03:11:08Z',
     'datacontenttype': 'application/json', 'data': {'altitude': 12.5, 'name': 'Grüße "%"', 'n': [1, None, True]}},
    {'specversion': '1.0', 'id': 't-1', 'source': 'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66', 'type': 'note', 'subject': 'ce/text',
     'datacontenttype': 'text/plain', 'data': 'line one\nline "two" €'},
    {'specversion': '1.0', 'id': 'b-1', 'source': '/test/craft', 'type': 'picture', 'subject': 'ce/binary', 'schema': 'none',
     'datacontenttype': 'application/octet-stream', 'data_base64': base64.b64encode(BYTES).decode()},
]


def install():
    wanted = json.loads((HERE / 'package.json').read_text())['dependencies']['cloudevents']
    installed = THERE / 'node_modules/cloudevents/package.json'
    if installed.exists() and json.loads(installed.read_text())['version'] == wanted:
        return
    THERE.mkdir(parents=True, exist_ok=True)
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(HERE / name, THERE / name)
    subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], cwd=THERE, check=True, timeout=240)


class Receiver:
    def __init__(self):
        self.process = subprocess.Popen(['node', HERE / 'receiver.cjs'], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, 'NODE_PATH': str(THERE / 'node_modules')})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.port = self.next()['port']

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self):
        return self.lines.get(timeout=DEADLINE_S)

    def tell(self, path, content_type, body):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=DEADLINE_S)
        connection.request('POST', path, body, {'Content-Type': content_type})
        connection.getresponse().read()
        connection.close()
        return self.next()

    def close(self):
        self.process.kill()
        self.process.communicate()


class CloudEvents(Case):
    @classmethod
    def setUpClass(cls):
        install()

    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def begin(self, mode=None, settings=''):
        sink = '' if mode is None else '''
[subscription hook]
topic=ce/#
type=webhook
uri=http://127.0.0.1:%d/%s
allow-private=true
cloudevents-mode=%s
max-in-flight=1
dead-letter=dead/hook
%s
''' % (self.receiver.port, mode, mode, settings)
        self.daemon = self.start(OPEN + WEB + sink)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.daemon.port('web'), timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def publish(self):
        answer = self.request('POST', '/v1/events', json.dumps(EVENTS), {'Content-Type': 'application/cloudevents-batch+json'})
        self.assertIn(answer.status, (200, 202, 204), answer.read())

    @staticmethod
    def encoded(event):
        """Binary data: the SDK has it as bytes (binary mode) or as data_base64 (JSON)."""
        return event.get('bytes', event.get('data_base64'))

    def check(self, events):
        """Each attribute and the data of each event, as the SDK names them."""
        by_id = {event['id']: event for event in events}
        self.assertEqual(sorted(by_id), sorted(e['id'] for e in EVENTS))
        for wanted in EVENTS:
            got = by_id[wanted['id']]
            for name, value in wanted.items():
                if name == 'data_base64':
                    self.assertEqual(self.encoded(got), value)
                elif name == 'time':
                    self.assertEqual(got['time'].replace('.000', ''), value)
                else:
                    self.assertEqual(got[name], value, name)

    def hook(self, mode, n_requests, settings=''):
        self.begin(mode, settings)
        self.publish()
        lines = [self.receiver.next() for _ in range(n_requests)]
        self.assertEqual([line.get('error') for line in lines], [None] * n_requests, lines)
        self.check([event for line in lines for event in line['events']])
        self.assertEqual(self.daemon.stop()[0], 0)
        self.assertTrue(self.receiver.lines.empty())

    def test_binary_mode(self):
        self.hook('binary', 3, 'batch-age=0s')

    def test_structured_mode(self):
        self.hook('structured', 3, 'batch-age=0s')

    def test_batch_mode(self):
        self.hook('batch', 1, 'batch-count=3\nbatch-age=1h')

    def test_plain_messages_are_events_too(self):
        """Published without a word about CloudEvents: id, source and type are ours, and the SDK's schema holds."""
        for mode in ('binary', 'structured'):
            with self.subTest(mode=mode):
                self.begin(mode, 'batch-age=0s')
                for content_type, body in (('application/json', b'{"a":1}'), ('text/plain', 'ä'.encode()), ('image/png', BYTES)):
                    self.assertLess(self.request('POST', '/v1/topics/ce/plain', body, {'Content-Type': content_type}).status, 300)
                lines = [self.receiver.next() for _ in range(3)]
                self.assertEqual([line.get('error') for line in lines], [None] * 3, lines)
                events = [line['events'][0] for line in lines]
                self.assertEqual([e['subject'] for e in events], ['ce/plain'] * 3)
                self.assertEqual([e['datacontenttype'] for e in events], ['application/json', 'text/plain', 'image/png'])
                self.assertEqual(len({e['id'] for e in events}), 3)
                self.assertEqual((events[0]['data'], events[1]['data'], self.encoded(events[2])), ({'a': 1}, 'ä', base64.b64encode(BYTES).decode()))
                self.assertEqual(self.daemon.stop()[0], 0)

    def test_server_sent_events(self):
        self.begin()
        stream = self.request('GET', '/v1/events?filter=ce/%23')
        self.assertEqual(stream.status, 200)
        self.publish()
        events = []
        while len(events) < len(EVENTS):
            line = stream.readline()
            self.assertTrue(line, 'the stream ended')
            if line.startswith(b'data: '):
                seen = self.receiver.tell('/sse', 'application/cloudevents+json', line[6:].strip())
                self.assertNotIn('error', seen)
                events += seen['events']
        self.check(events)

    def test_long_poll(self):
        self.begin()
        cursor = self.request('GET', '/v1/poll?filter=ce/%23&wait=0s').headers['Hawser-Cursor']
        self.publish()
        events = []
        while len(events) < len(EVENTS):
            answer = self.request('GET', '/v1/poll?filter=ce/%23&wait=50s', headers={'Last-Event-ID': cursor})
            cursor = answer.headers['Hawser-Cursor']
            self.assertEqual(answer.status, 200)
            seen = self.receiver.tell('/poll', answer.headers['Content-Type'], answer.read())
            self.assertNotIn('error', seen)
            events += seen['events']
        self.check(events)


if __name__ == '__main__':
    unittest.main(verbosity=2)
