#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES T20: pipelines between topics, in a daemon, with mosquitto's clients at both ends."""
import json
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, HAWSERD, Case, environment, mosquitto, wait_for

PIPELINES = '''
[pipeline megawatts]
from=grid/+/power
to=region/{2}/power
stages=filter /kw > 0;map mw=/kw / 1000, from=/place

[pipeline totals]
from=meter/+
to=total/{2}
stages=window 4 kwh=sum(/kwh), most=max(/kwh)

[pipeline calm]
from=noisy/+
to=calm/{topic}
stages=conflate 1s

[pipeline slow]
from=flood
to=trickle
stages=throttle 50/s
on-overflow=block
max-queued=100

[pipeline lossy]
from=spill
to=drip
stages=throttle 1/1h
max-queued=10
'''


class T20Pipelines(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.open(PIPELINES)

    def listen(self, topic, n, *more):
        """mosquitto_sub, subscribed when this returns."""
        sub = subprocess.Popen(['mosquitto_sub', '-h', '127.0.0.1', '-p', str(self.daemon.mqtt), '-t', topic, '-C', str(n), '-v', '-W', str(DEADLINE_S), *more],
                               stdout=subprocess.PIPE, text=True)
        self.addCleanup(sub.stdout.close)
        self.addCleanup(sub.wait)
        self.addCleanup(sub.kill)
        wait_for(lambda: topic in self.daemon.web.filters(), topic)
        return sub

    def publish(self, topic, *payloads):
        for payload in payloads:
            done = mosquitto('mosquitto_pub', self.daemon.mqtt, '-t', topic, '-m', payload, '-q', '1')
            self.assertEqual(done.returncode, 0, done.stderr)

    def pipeline(self, name):
        return next(item for item in self.daemon.web.items('pipelines') if item['name'] == name)

    def test_filter_and_map(self):
        sub = self.listen('region/#', 2)
        self.publish('grid/north/power', '{"kw": 1500, "place": "n1"}', '{"kw": -3}', 'no json', '{"kw": 250, "place": ["a", 1]}')
        lines = [line.split(' ', 1) for line in sub.communicate(timeout=DEADLINE_S)[0].splitlines()]
        self.assertEqual([(topic, json.loads(text)) for topic, text in lines],
                         [('region/north/power', {'mw': 1.5, 'from': 'n1'}), ('region/north/power', {'mw': 0.25, 'from': ['a', 1]})])
        item = self.pipeline('megawatts')
        self.assertEqual((item['n_received'], item['n_filtered'], item['n_published']), (4, 2, 2))
        self.assertEqual([(stage['n_in'], stage['n_out']) for stage in item['stages']], [(4, 2), (2, 2)])

    def test_window_by_topic(self):
        sub = self.listen('total/#', 2)
        for i in range(4):
            for meter, kwh in ('a', i), ('b', 10 * i):
                self.publish(f'meter/{meter}', json.dumps({'kwh': kwh}))
        lines = [line.split(' ', 1) for line in sub.communicate(timeout=DEADLINE_S)[0].splitlines()]
        totals = {topic: json.loads(text) for topic, text in lines}
        self.assertEqual({topic: (value['count'], value['kwh'], value['most']) for topic, value in totals.items()},
                         {'total/a': (4, 6, 3), 'total/b': (4, 60, 30)})

    def test_conflate_gives_the_last_of_each(self):
        sub = self.listen('calm/#', 2)
        lines = ''.join(f'{i}\n' for i in range(200))
        for topic in 'noisy/a', 'noisy/b':
            mosquitto('mosquitto_pub', self.daemon.mqtt, '-t', topic, '-l', '-q', '1', input=lines.encode())
        first = dict(line.split() for line in sub.communicate(timeout=DEADLINE_S)[0].splitlines())
        wait_for(lambda: self.pipeline('calm')['n_queued'] == 0, 'the rest')
        item = self.pipeline('calm')
        self.assertEqual(item['n_received'], 400)
        self.assertEqual(item['n_combined'] + item['n_published'], 400)
        self.assertGreater(item['n_combined'], 200)
        self.assertLessEqual(set(first), {'calm/noisy/a', 'calm/noisy/b'})

    def test_a_slow_stage_holds_the_publisher_back_and_loses_nothing(self):
        sub = self.listen('trickle', 260, '-q', '1')
        began = time.monotonic()
        publisher = subprocess.Popen(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(self.daemon.mqtt), '-t', 'flood', '-l', '-q', '1'], stdin=subprocess.PIPE, text=True)
        publisher.stdin.write(''.join(f'{i}\n' for i in range(260)))
        publisher.stdin.close()
        self.addCleanup(publisher.wait)
        lines = sub.communicate(timeout=DEADLINE_S)[0].split()
        self.assertEqual(lines[1::2], [str(i) for i in range(260)])
        self.assertGreater(time.monotonic() - began, 259 / 50 - 0.5)
        self.assertEqual(publisher.wait(DEADLINE_S), 0)
        self.assertEqual((self.pipeline('slow')['n_overflow'], self.pipeline('slow')['n_published']), (0, 260))

    def test_what_a_full_queue_drops_is_counted_and_shown_in_metrics(self):
        lines = ''.join(f'{i}\n' for i in range(1000))
        mosquitto('mosquitto_pub', self.daemon.mqtt, '-t', 'spill', '-l', '-q', '1', input=lines.encode())
        queued = wait_for(lambda: self.pipeline('lossy')['n_published'] == 1 and self.pipeline('lossy')['n_queued'], 'the first')
        metrics = self.daemon.web.metrics()
        dropped = metrics['hawser_messages_dropped_total{reason="overflow"}']
        self.assertGreater(dropped, 800)
        self.assertEqual(dropped + queued + 1, 1000)
        self.assertEqual(self.pipeline('lossy')['n_overflow'], dropped)
        self.assertEqual(metrics['hawser_pipeline_messages_total{pipeline="lossy",outcome="published"}'], 1)
        self.assertEqual(metrics['hawser_pipeline_queued{pipeline="lossy"}'], queued)

    def test_an_orderly_end_tells_what_open_windows_hold(self):
        more = '\n[pipeline hourly]\nfrom=heat/+\nto=hourly/{2}\nstages=window 100d sum=sum(/v)\nretain=true\n'
        daemon = self.open(more, STATE_DIR=str(self.scratch / 'hourly'))
        for value in 1, 2, 4:
            daemon.web.publish('heat/oven', json.dumps({'v': value}).encode(), '?qos=1')
        wait_for(lambda: daemon.web.items('pipelines')[-1]['stages'][0]['n_in'] == 3, 'the window')
        self.assertEqual(daemon.stop()[0], 0)
        told = self.open(more, STATE_DIR=str(self.scratch / 'hourly')).web.get('/v1/topics/hourly/oven').json()
        self.assertEqual((told['count'], told['sum'], told['partial']), (3, 7, True))

    def test_a_bad_pipeline_is_an_error_with_its_place(self):
        for key, line, text in (('stages', 'stages=throtle 5/s', "begins with none of filter, map, window, throttle, conflate"),
                                ('to', 'to=a/b', "one of its own topics")):
            with self.subTest(key):
                other = 'to=x' if key != 'to' else 'stages=conflate'
                file = self.scratch / 'bad.conf'
                file.write_text(f'[pipeline p]\nfrom=a/#\n{other}\n{line}\n')
                done = self.check(file)
                self.assertEqual(done.returncode, 3)
                self.assertIn('bad.conf:4:', done.stdout + done.stderr)
                self.assertIn(text, done.stdout + done.stderr)

    def check(self, file):
        return subprocess.run([HAWSERD, '--config', str(file), '--check-config'], capture_output=True, text=True, timeout=DEADLINE_S, env=environment())


if __name__ == '__main__':
    unittest.main(verbosity=2)
