# SPDX-License-Identifier: LGPL-2.1-or-later
"""The webhook sink against a server of the test's own, which checks what arrives without any of our code."""

import base64
import gzip
import hashlib
import hmac
import http.server
import json
import os
import socket
import tempfile
import threading
import time
import unittest
import urllib.parse

from sinkrun import DEADLINE, SinkRun

KEYS = [b'0123456789abcdef0123456789abcdef', b'fedcba9876543210fedcba9876543210']


class Server(http.server.ThreadingHTTPServer):
    """Records requests; `script` is what it answers, request by request; then 200."""
    daemon_threads = True

    def __init__(self):
        self.requests, self.script, self.lock = [], [], threading.Lock()
        self.is_over, self.is_cut = threading.Event(), threading.Event()
        self.options = (200, {'WebHook-Allowed-Origin': '*'})
        self.reply = b''
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        self.uri = 'http://127.0.0.1:%d/hook' % self.server_address[1]

    def handle_error(self, request, address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def record(self):
        length = int(self.headers.get('Content-Length', 0))
        body = self.rfile.read(length)
        if len(body) < length:
            return 'drop'   # the sender was killed: it has asked for nothing
        with self.server.lock:
            self.server.requests.append((self.command, self.path, self.headers, body, time.monotonic()))
            return self.server.script.pop(0) if self.server.script and self.command == 'POST' else (200, {})

    def answer(self, status, headers, body=b''):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        self.record()
        self.answer(*self.server.options)

    def do_POST(self):
        step = self.record()
        if step == 'hang':
            self.server.is_over.wait(DEADLINE)
        elif step == 'drop':
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif step == 'endless':
            self.send_response(200)
            self.send_header('Content-Type', 'text/plain')
            self.end_headers()
            try:
                for _ in range(2000):
                    self.wfile.write(b'x' * 65536)
            except OSError:
                self.server.is_cut.set()
            self.close_connection = True
        else:
            self.answer(step[0], step[1], self.server.reply)


class Webhook(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.dir = tempfile.TemporaryDirectory(prefix='hawser-webhook-')
        self.addCleanup(self.dir.cleanup)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.is_over.set)

    def sink(self, *settings, uri=None, private=True, **options):
        return SinkRun('webhook', 'uri=' + (uri or self.server.uri), 'allow-private=' + ('true' if private else 'false'),
                       'batch-age=0s', 'retry-initial=20ms', 'retry-maximum=100ms', 'dead-letter=dead/hook', *settings, **options)

    def file(self, name, text):
        path = os.path.join(self.dir.name, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def posts(self):
        return [r for r in self.server.requests if r[0] == 'POST']

    def test_binary_mode(self):
        sink = self.sink()
        sink.publish('in/telemetry', '{"a":1}', id='id-1', content_type='application/json', region='eu', time='2026-11-21T03:11:08Z')
        sink.wait(written=1)
        sink.drain()
        _, path, headers, body, _ = self.posts()[0]
        self.assertEqual((path, body), ('/hook', b'{"a":1}'))
        self.assertEqual({k: headers['ce-' + k] for k in ('specversion', 'id', 'subject', 'type', 'region', 'time', 'hawserhops')},
                         {'specversion': '1.0', 'id': 'id-1', 'subject': 'in/telemetry', 'type': 'in.telemetry', 'region': 'eu',
                          'time': '2026-11-21T03:11:08Z', 'hawserhops': '1'})
        self.assertTrue(headers['ce-source'])
        self.assertEqual(headers['Content-Type'], 'application/json')

    def test_structured_mode(self):
        sink = self.sink('cloudevents-mode=structured')
        sink.publish('in/a', '{"a":1}', id='id-1', hawserhops='3')
        sink.wait(written=1)
        sink.drain()
        _, _, headers, body, _ = self.posts()[0]
        event = json.loads(body, object_pairs_hook=self.no_duplicates)
        self.assertTrue(headers['Content-Type'].startswith('application/cloudevents+json'))
        self.assertEqual((event['specversion'], event['id'], event['subject'], event['data'], event['hawserhops']),
                         ('1.0', 'id-1', 'in/a', {'a': 1}, '4'))

    def no_duplicates(self, pairs):
        self.assertEqual(len(pairs), len(dict(pairs)))
        return dict(pairs)

    def test_batch_mode(self):
        sink = self.sink('cloudevents-mode=batch', 'batch-count=50', 'batch-age=1h')
        for i in range(100):
            sink.publish('in/a', '{"i":%d}' % i)
        sink.wait(written=100)
        sink.drain()
        self.assertEqual([len(json.loads(r[3])) for r in self.posts()], [50, 50])
        self.assertTrue(self.posts()[0][2]['Content-Type'].startswith('application/cloudevents-batch+json'))

    def test_gzip(self):
        sink = self.sink('cloudevents-mode=structured', 'compression=gzip')
        sink.publish('in/a', '{"a":1}')
        sink.wait(written=1)
        sink.drain()
        _, _, headers, body, _ = self.posts()[0]
        self.assertEqual(headers['Content-Encoding'], 'gzip')
        self.assertEqual(json.loads(gzip.decompress(body))['data'], {'a': 1})

    def verify(self, request, key):
        """Standard Webhooks, as its specification says it."""
        _, _, headers, body, _ = request
        signed = b'.'.join([headers['webhook-id'].encode(), headers['webhook-timestamp'].encode(), body])
        wanted = 'v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        self.assertLess(abs(time.time() - int(headers['webhook-timestamp'])), 60)
        return wanted in headers['webhook-signature'].split(' ')

    def test_signature_verifies_with_both_keys_during_rotation(self):
        text = '\n'.join('whsec_' + base64.b64encode(key).decode() for key in KEYS) + '\n'
        self.server.script = [(503, {})]
        sink = self.sink('signing-file=' + self.file('keys', text))
        sink.publish('in/a', '{"a":1}', id='a.b')
        sink.wait(written=1)
        sink.drain()
        first, second = self.posts()
        for key in KEYS:
            self.assertTrue(self.verify(first, key) and self.verify(second, key))
        self.assertFalse(self.verify(first, b'another key of sixteen bytes'))
        self.assertEqual(first[2]['webhook-id'], second[2]['webhook-id'])
        self.assertNotIn('.', first[2]['webhook-id'])

    def test_credential_is_sent_and_never_shown(self):
        self.server.script = [(400, {})]
        sink = self.sink('credential-file=' + self.file('token', 'sesame-4711\n'), uri=self.server.uri + '?key=hidden-4712')
        sink.publish('in/a', '{}')
        sink.expect('message dead/hook')
        sink.stats()
        sink.drain()
        self.assertEqual(self.posts()[0][2]['Authorization'], 'Bearer sesame-4711')
        self.assertFalse([line for line in sink.seen if 'sesame' in line or '4712' in line])

    def test_server_that_fails_is_tried_until_it_works(self):
        self.server.script = [(503, {}), (500, {}), 'drop', (429, {}), (408, {})]
        sink = self.sink()
        sink.publish('in/a', '{}')
        stats = sink.wait(written=1)
        sink.drain()
        self.assertEqual((len(self.posts()), stats['dead']), (6, '0'))

    def test_retry_after_is_obeyed(self):
        self.server.script = [(503, {'Retry-After': '2'})]
        sink = self.sink()
        sink.publish('in/a', '{}')
        sink.wait(written=1)
        sink.drain()
        first, second = self.posts()
        self.assertGreaterEqual(second[4] - first[4], 1.95)

    def test_refused_message_goes_to_the_dead_letters(self):
        self.server.script = [(422, {})]
        sink = self.sink()
        sink.publish('in/a', '{"bad":1}')
        sink.publish('in/a', '{"good":1}')
        self.assertRegex(sink.expect('message dead/hook'), r'\{"bad":1\} .*422')
        sink.wait(written=1, dead=1)
        sink.drain()
        self.assertEqual(len(self.posts()), 2)

    def test_gone_pauses_and_keeps_the_message(self):
        self.server.script = [(410, {})]
        sink = self.sink()
        sink.publish('in/a', '{}')
        sink.wait(state='paused', depth=1, written=0)
        sink.say('resume')
        sink.wait(written=1, state='running')
        sink.drain()

    def test_hanging_server_ends_at_the_timeout(self):
        self.server.script = ['hang']
        sink = self.sink('timeout=300ms')
        sink.publish('in/a', '{}')
        stats = sink.wait(written=1)
        sink.drain()
        self.assertIn('no answer in time', stats['error'] + ' '.join(sink.seen))

    def test_endless_answer_is_cut(self):
        self.server.script = ['endless']
        sink = self.sink()
        sink.publish('in/a', '{}')
        sink.wait(written=1)
        self.assertTrue(self.server.is_cut.wait(DEADLINE))
        sink.drain()

    def test_redirect_is_not_followed(self):
        other = Server()
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        for location in (other.uri, self.server.uri + '/elsewhere', 'http://[::1]:1/', '//x'):
            self.server.script.append((307, {'Location': location}))
        sink = self.sink()
        for i in range(4):
            sink.publish('in/a', '{}')
        sink.wait(dead=4)
        sink.drain()
        self.assertEqual((len(self.posts()), other.requests), (4, []))

    def test_private_addresses_are_refused_before_anything_is_sent(self):
        for uri in (self.server.uri, self.server.uri.replace('127.0.0.1', 'localhost'),
                    self.server.uri.replace('127.0.0.1', '[::ffff:127.0.0.1]'), self.server.uri.replace('127.0.0.1', '0.0.0.0')):
            sink = self.sink(uri=uri, private=False)
            sink.publish('in/a', '{}')
            stats = sink.wait(state='failing', written=0)
            self.assertTrue(stats['error'] and self.server.requests == [], uri)
            self.assertTrue(any('private address' in line for line in sink.seen), uri)
            sink.kill()

    def test_strangers_cannot_add_headers(self):
        sink = self.sink()
        sink.publish('in/a', '{}', id='x\\r\\nX-Evil: 1', region='e\\r\\nX-Evil: 2', content_type='text/plain\\r\\nX-Evil: 3', Bad_Name='v')
        sink.wait(written=1)
        sink.drain()
        headers = self.posts()[0][2]
        self.assertNotIn('X-Evil', headers)
        self.assertEqual(urllib.parse.unquote(headers['ce-region']), 'e\r\nX-Evil: 2')

    def test_the_trace_of_a_message_goes_on_to_the_target(self):
        trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        sink = self.sink()
        sink.publish('in/a', '{}', traceparent=trace, tracestate='vendor=1')
        sink.wait(written=1)
        sink.drain()
        headers = self.posts()[0][2]
        self.assertEqual((headers['traceparent'], headers['tracestate'], headers['ce-traceparent']), (trace, 'vendor=1', trace))

    def test_values_are_percent_encoded_utf8(self):
        sink = self.sink()
        sink.publish('in/ä', '{}', city='Euro € 😀 "q" 100%')
        sink.wait(written=1)
        sink.drain()
        headers = self.posts()[0][2]
        self.assertEqual(headers['ce-city'], 'Euro%20%E2%82%AC%20%F0%9F%98%80%20%22q%22%20100%25')

    def test_permission_is_asked_for_first(self):
        self.server.options = (200, {'WebHook-Allowed-Origin': 'bus.example.org', 'WebHook-Allowed-Rate': '600'})
        sink = self.sink('validate-origin=true', 'origin=bus.example.org')
        began = time.monotonic()
        for i in range(5):
            sink.publish('in/%d' % i, '{}')
        sink.wait(written=5)
        sink.drain()
        self.assertEqual([r[0] for r in self.server.requests], ['OPTIONS'] + ['POST'] * 5)
        self.assertEqual(self.server.requests[0][2]['WebHook-Request-Origin'], 'bus.example.org')
        self.assertGreaterEqual(self.posts()[4][4] - began, 0.35)   # 600 a minute: 100 ms apart

    def test_without_permission_nothing_is_posted(self):
        for options in ((405, {}), (200, {}), (200, {'WebHook-Allowed-Origin': 'other.example.org'})):
            self.server.options = options
            sink = self.sink('validate-origin=true', 'origin=bus.example.org')
            sink.publish('in/a', '{}')
            sink.wait(state='failing', written=0)
            sink.kill()
        self.assertEqual(self.posts(), [])

    def test_loop_ends_at_max_hops(self):
        sink = self.sink('max-hops=3')
        sink.publish('in/a', '{}', hawserhops='2')
        sink.publish('in/a', '{}', hawserhops='3')
        sink.wait(written=1, dead=1)
        sink.drain()
        self.assertEqual(len(self.posts()), 1)

    def test_reply_is_published(self):
        self.server.reply = b'pong'
        sink = self.sink('reply-topic=replies/hook')
        sink.publish('in/a', '{}')
        self.assertTrue(sink.expect('message replies').startswith('message replies/hook pong'))
        sink.drain()

    def test_in_flight_is_bounded_and_one_topic_stays_in_order(self):
        sink = self.sink('max-in-flight=4')
        for i in range(200):
            sink.publish('in/%d' % (i % 10), str(i))
        sink.wait(written=200)
        sink.drain()
        for topic in range(10):
            got = [int(r[3]) for r in self.posts() if r[2]['ce-subject'] == 'in/%d' % topic]
            self.assertEqual(got, sorted(got))

    def test_server_killed_between_accept_and_reply_loses_nothing(self):
        self.server.script = ['drop'] * 5
        sink = self.sink(spool=os.path.join(self.dir.name, 'spool.db'))
        for i in range(20):
            sink.publish('in/a', str(i), id='m%d' % i)
        sink.wait(written=20)
        sink.drain()
        self.assertEqual({r[2]['ce-id'] for r in self.posts()}, {'m%d' % i for i in range(20)})
        self.assertEqual(len(self.posts()), 25)   # the same id again: the receiver can tell

    def test_test_says_what_the_server_says(self):
        sink = self.sink()
        self.server.script = [(204, {}), (403, {})]
        sink.say('test')
        self.assertEqual(sink.expect('tested'), 'tested 204 No Content')
        sink.say('test')
        self.assertIn('403', sink.expect('tested'))
        sink.drain()

    def test_wrong_settings_are_refused(self):
        for settings in (['uri=ftp://x/'], ['uri=https://user:pass@x/'], ['uri=nonsense'], ['uri=https:///x'],
                         ['credential-file=/nonexistent'], ['signing-file=' + self.file('short', 'abc')],
                         ['credential-file=' + self.file('two', 'a\nb')], ['reply-topic=a/#']):
            sink = self.sink(*settings)
            self.assertTrue(sink.first.startswith('unstarted'), settings)
            sink.kill()
        sink = self.sink('credential-file=' + self.file('plain', 'secret'), private=False)
        self.assertIn('TLS', sink.first)
        sink.kill()


if __name__ == '__main__':
    unittest.main(verbosity=2)
