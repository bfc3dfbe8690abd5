# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sinks of a real hawserd: configuration, MQTT in, objects out, SIGTERM and SIGKILL."""

import collections
import grp
import http.server
import json
import os
import pathlib
import pwd
import random
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'daemon'))
from fixture import DEADLINE_S, MQTT, OPEN, Case, wait_for  # noqa: E402
from waiting import Known  # noqa: E402

import paho.mqtt.client as mqtt  # noqa: E402

TOPICS = ('craft/telemetry/ground', 'craft/telemetry/chase', 'chase/location')


class Publisher:
    """Publishes at QoS 1 and knows what was acknowledged."""

    def __init__(self, port):
        self.acked, self.pending = Known(), {}
        version = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, 'CallbackAPIVersion') else []
        self.client = mqtt.Client(*version)
        self.client.max_inflight_messages_set(200)
        self.client.on_publish = lambda client, data, mid: self.acked.__setitem__(mid, True)
        self.client.connect('127.0.0.1', port)
        self.client.loop_start()

    def publish(self, topic, payload):
        self.pending[self.client.publish(topic, payload, qos=1).mid] = (topic, payload)

    def wait(self, n_ahead=0):
        """Until all but so many are acknowledged."""
        wait_for(lambda: len(self.acked) >= len(self.pending) - n_ahead, 'the acknowledgements')

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
        return [self.pending[mid] for mid in self.acked if mid in self.pending]


class Sinks(Case):
    def config(self, extra=''):
        groups = ''.join('''
[subscription archive-%s]
topic=%s
type=blob
endpoint=file://%s/blobs
container=%s
path-template={topic}/{yyyy}/{MM}/{dd}/{HH}.ndjson
batch-size=1MiB
batch-age=30ms
retry-initial=1s
dead-letter=deadletter/archive
''' % (topic.replace('/', '-'), topic, self.scratch, topic.replace('/', '-')) for topic in TOPICS)
        return '[hawser]\nname=test\nstate-dir=%s/state\n%s%s%s%s' % (self.scratch, OPEN, MQTT, groups, extra)

    def records(self, at_rest=True):
        files = [p for p in (self.scratch / 'blobs').rglob('*') if p.is_file()]
        if at_rest:
            self.assertTrue(all(p.suffix == '.ndjson' for p in files), files)
        files = [p for p in files if p.suffix == '.ndjson']
        whole = {p: p.read_text().rpartition('\n')[0] for p in files}   # the last line may be on its way
        return [(str(p.relative_to(self.scratch / 'blobs').parts[0]), json.loads(line)) for p, text in whole.items() for line in text.splitlines()]

    def test_each_record_is_there_once_after_sigterm(self):
        (self.scratch / 'state').mkdir()
        daemon = self.start(self.config())
        publisher = Publisher(daemon.port('mqtt'))
        for i in range(3000):
            publisher.publish(TOPICS[i % 3], '{"i":%d}' % i)
        publisher.wait()
        publisher.close()
        code, _, err = daemon.stop()
        self.assertEqual(code, 0, err)
        records = self.records()
        self.assertEqual(sorted(r['i'] for _, r in records), list(range(3000)))
        self.assertTrue(all(container == TOPICS[r['i'] % 3].replace('/', '-') for container, r in records))

    def test_each_acknowledged_record_is_there_once_after_sigkills(self):
        (self.scratch / 'state').mkdir()
        chance = random.Random(7)
        acked, n, rounds = [], 0, 8
        for _ in range(rounds):
            daemon = self.start(self.config())
            publisher = Publisher(daemon.port('mqtt'))
            goal, n_ahead = chance.randrange(20, 400), chance.randrange(1, 100)
            while len(publisher.acked) < goal:
                publisher.publish(TOPICS[n % 3], '{"i":%d}' % n)
                n += 1
                publisher.wait(n_ahead)
            daemon.stop(signal.SIGKILL)
            acked += [json.loads(payload)['i'] for _, payload in publisher.close()]
        daemon = self.start(self.config())
        wait_for(lambda: set(acked) <= {r['i'] for _, r in self.records(at_rest=False)}, 'the records')
        code, _, err = daemon.stop()
        self.assertEqual(code, 0, err)
        counts = collections.Counter(r['i'] for _, r in self.records())
        self.assertEqual([i for i in acked if i not in counts], [], 'lost')
        self.assertEqual([i for i, c in counts.items() if c > 1], [], 'twice')
        self.assertGreater(len(acked), 100)
        print('%d acknowledged of %d published, %d kills' % (len(acked), n, rounds))

    def test_webhook_by_its_plugin(self):
        got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append((self.headers['ce-subject'], self.rfile.read(int(self.headers['Content-Length']))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        daemon = self.start(self.config('''
[subscription alert]
topic=craft/#
type=webhook
uri=http://127.0.0.1:%d/hook
allow-private=true
filter=/altitude > 25000
batch-age=0s
cloudevents-mode=binary
timeout=10s
max-in-flight=4
''' % server.server_address[1]))
        publisher = Publisher(daemon.port('mqtt'))
        for altitude in (100, 26000, 24999, 25001):
            publisher.publish(TOPICS[0], '{"altitude":%d}' % altitude)
        publisher.wait()
        publisher.close()
        self.assertEqual(daemon.stop()[0], 0)
        self.assertEqual(got, [(TOPICS[0], b'{"altitude":26000}'), (TOPICS[0], b'{"altitude":25001}')])

    def journal(self):
        """A daemon that writes a file, what publishes one line to it, and what it holds open."""
        daemon = self.start(self.config('''
[subscription journal]
topic=craft/#
type=file
path=%s/journal.ndjson
batch-age=0s
''' % self.scratch))
        publisher = Publisher(daemon.port('mqtt'))
        self.addCleanup(publisher.close)

        def publish(i):
            publisher.publish(TOPICS[0], '{"i":%d}' % i)
            wait_for(lambda: any('"i":%d}' % i in p.read_text() for p in self.scratch.glob('journal*')))

        def held():
            links = []
            for fd in pathlib.Path('/proc/%d/fd' % daemon.process.pid).iterdir():
                try:
                    links.append(os.path.basename(os.readlink(fd)))
                except OSError:
                    pass
            return [name for name in links if name.startswith('journal')]
        return daemon, publish, held

    def test_sighup_reopens_files(self):
        daemon, publish, held = self.journal()
        publish(0)
        self.assertEqual(held(), ['journal.ndjson'])
        os.rename(self.scratch / 'journal.ndjson', self.scratch / 'journal.old')
        self.assertEqual(held(), ['journal.old'])
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: held() == [], 'the file to be closed')
        publish(1)
        self.assertEqual(held(), ['journal.ndjson'])
        self.assertEqual((self.scratch / 'journal.old').read_text(), '{"i":0}\n')
        self.assertEqual((self.scratch / 'journal.ndjson').read_text(), '{"i":1}\n')
        self.assertEqual(daemon.stop()[0], 0)

    def test_logrotate_loses_no_line(self):
        daemon, publish, held = self.journal()
        rules = self.scratch / 'rules'
        rules.write_text('''%s/journal.ndjson {
  su %s %s
  rotate 9
  nocompress
  postrotate
    kill -HUP %d
  endscript
}
''' % (self.scratch, pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name, daemon.process.pid))
        rules.chmod(0o644)
        for i in range(4):
            publish(i)
            if i < 3:
                subprocess.run(['/usr/sbin/logrotate', '--force', '--state', self.scratch / 'logrotate.state', rules], check=True,
                               timeout=DEADLINE_S)
                daemon.wait_log('was reloaded')
        self.assertEqual(daemon.stop()[0], 0)
        texts = [(self.scratch / ('journal.ndjson' + end)).read_text() for end in ('.3', '.2', '.1', '')]
        self.assertEqual(texts, ['{"i":%d}\n' % i for i in range(4)])

    def test_wrong_settings_name_the_line(self):
        path = self.write(self.config('\n[subscription bad]\ntopic=a\ntype=blob\nendpoint=file:///tmp\ncompresion=gzip\n'))
        done = self.run_daemon('--config', path, '--check-config')
        self.assertEqual(done.returncode, 3)
        self.assertIn('compression', done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
