# SPDX-License-Identifier: LGPL-2.1-or-later
"""The blob sink from outside: what lies in the directory, byte for byte."""

import collections
import gzip
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

from sinkrun import SinkRun

AGE = 'batch-age=20ms'


class Blob(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix='hawser-blob-')
        self.root = pathlib.Path(self.dir.name) / 'blobs'

    def tearDown(self):
        subprocess.run(['chmod', '-R', 'u+rwx', self.dir.name], check=True)
        self.dir.cleanup()

    def sink(self, *settings, spool=False):
        return SinkRun('blob', 'endpoint=file://%s' % self.root, 'container=c', *settings,
                       spool=os.path.join(self.dir.name, 'spool.db') if spool else None)

    def files(self):
        return sorted(str(p.relative_to(self.root / 'c')) for p in self.root.rglob('*') if not p.is_dir())

    def lines(self):
        return [line for name in self.files() for line in (self.root / 'c' / name).read_text().splitlines()]

    def test_records_are_lines_below_topic_and_hour(self):
        sink = self.sink('path-template={topic}/{yyyy}/{MM}/{dd}/{HH}.ndjson', AGE)
        sink.publish('in/telemetry/ground', '{"altitude": 12.5,\t"n": [1, 2]}', time='2026-11-21T03:11:08Z')
        sink.publish('in/telemetry/ground', '{"altitude": 13}', time='2026-11-21T04:59:59.999Z')
        sink.drain()
        self.assertEqual(self.files(), ['in/telemetry/ground/2026/11/21/03.ndjson', 'in/telemetry/ground/2026/11/21/04.ndjson'])
        self.assertEqual((self.root / 'c' / self.files()[0]).read_bytes(), b'{"altitude":12.5,"n":[1,2]}\n')

    def test_text_becomes_a_cloudevent_in_its_line(self):
        sink = self.sink('path-template=all.ndjson', AGE)
        sink.publish('in/a', 'hello\\nworld')
        sink.publish('in/a', '42', content_type='text/plain')
        sink.drain()
        first, second = map(json.loads, self.lines())
        self.assertEqual((first['subject'], first['data'], first['datacontenttype']), ('in/a', 'hello\\nworld', 'text/plain'))
        self.assertEqual(second['data'], '42')

    def test_ten_thousand_by_thousand_are_ten_objects(self):
        sink = self.sink('path-template=out/{node}-{sequence}.ndjson', 'node=edge-1', 'batch-count=1000', 'batch-size=64MiB',
                         'batch-age=1h')
        for i in range(10000):
            sink.say('pub in/a {"i":%d}' % i)
        sink.wait(written=10000)
        self.assertEqual(self.files(), ['out/edge-1-%08d.ndjson' % i for i in range(1, 11)])
        self.assertEqual([json.loads(line)['i'] for line in self.lines()], list(range(10000)))
        sink.drain()

    def test_rest_is_written_when_it_stops(self):
        sink = self.sink('path-template=all.ndjson', 'batch-age=1h')
        for i in range(7):
            sink.publish('in/a', '{"i":%d}' % i)
        self.assertEqual(sink.drain()['written'], '7')
        self.assertEqual(len(self.lines()), 7)

    def test_gzip_members_are_one_clean_file(self):
        sink = self.sink('path-template=all.ndjson.gz', 'compression=gzip', 'batch-count=100', AGE)
        for i in range(1000):
            sink.publish('in/a', '{"i":%d}' % i)
        sink.drain()
        path = self.root / 'c' / 'all.ndjson.gz'
        subprocess.run(['gzip', '-t', path], check=True)
        text = subprocess.run(['gzip', '-dc', path], check=True, capture_output=True, text=True).stdout
        self.assertEqual([json.loads(line)['i'] for line in text.splitlines()], list(range(1000)))

    def test_raw_is_the_payloads(self):
        sink = self.sink('path-template={topic}.bin', 'format=raw', AGE)
        sink.publish('in/a', 'one')
        sink.publish('in/a', 'two')
        sink.drain()
        self.assertEqual((self.root / 'c' / 'in/a.bin').read_bytes(), b'onetwo')

    def test_names_of_strangers_stay_inside_and_differ(self):
        topics = ['in/../../x', 'in/..', 'in/.', 'in//a', 'in/a', 'in/ a', 'in/%20a', 'in/a%', 'in/CON', 'in/con', 'in/' + 'n' * 300,
                  'in/' + 'n' * 301, 'in/' + 'é' * 150, 'in/{sequence}', 'in/.hawser.part', 'in/a\\b', 'in/a:b', 'in/*', 'in/-']
        topics.remove('in/*')
        sink = self.sink('path-template={topic}.ndjson', AGE)
        for topic in topics:
            sink.say('pub %s %s' % (topic.replace(' ', '\u00a0'), json.dumps({'t': topic})))
        sink.drain()
        self.assertEqual(len(self.files()), len(topics))
        self.assertEqual(sorted(json.loads(line)['t'] for line in self.lines()), sorted(topics))
        self.assertEqual(sorted(p.name for p in self.root.parent.iterdir()), ['blobs'])
        self.assertTrue(all(len(part) <= 255 for name in self.files() for part in name.split('/')))

    def test_symbolic_links_are_not_followed(self):
        outside = pathlib.Path(self.dir.name) / 'outside'
        outside.mkdir()
        (self.root / 'c').mkdir(parents=True)
        (self.root / 'c' / 'in').symlink_to(outside)
        (outside / 'victim').write_text('untouched')
        (self.root / 'c' / 'direct').symlink_to(outside / 'victim')
        sink = self.sink('path-template={topic}', AGE)
        sink.publish('in/a', '{}')
        sink.wait(state='failing')
        sink.kill()
        sink = self.sink('path-template=direct', AGE)
        sink.publish('in/a', '{}')
        sink.wait(state='failing')
        sink.kill()
        self.assertEqual([p.name for p in outside.iterdir()], ['victim'])
        self.assertEqual((outside / 'victim').read_text(), 'untouched')

    def test_unwritable_place_is_temporary(self):
        blocker = self.root
        blocker.write_text('a file where the directory should be')
        sink = self.sink('path-template=all.ndjson', AGE, 'retry-initial=10ms', 'retry-maximum=50ms')
        sink.publish('in/a', '{"i":1}')
        sink.wait(state='failing')
        blocker.unlink()
        sink.wait(written=1, state='running')
        sink.drain()
        self.assertEqual(self.lines(), ['{"i":1}'])

    def test_full_disk_leaves_no_torn_object(self):
        # a file size limit stands for the full disk: write() fails in the middle
        sink = self.sink('path-template=all.ndjson', AGE, 'retry-initial=10ms', 'retry-maximum=50ms')
        sink.publish('in/a', '{"i":1}')
        sink.wait(written=1)
        subprocess.run(['prlimit', '--pid', str(sink.process.pid), '--fsize=4096:'], check=True)
        subprocess.run(['true'], check=True)
        sink.publish('in/a', json.dumps({'big': 'x' * 100000}))
        try:
            sink.wait(state='failing')
            self.assertEqual(self.files(), ['all.ndjson'])
            self.assertEqual(self.lines(), ['{"i":1}'])
            subprocess.run(['prlimit', '--pid', str(sink.process.pid), '--fsize=unlimited:'], check=True)
            sink.wait(written=2)
        finally:
            sink.kill()
        self.assertEqual(len(self.lines()), 2)

    def test_two_daemons_on_one_object_lose_nothing(self):
        sinks = [self.sink('path-template=shared.ndjson', 'batch-age=0s', 'batch-count=5') for _ in range(2)]
        for i in range(200):
            for n, sink in enumerate(sinks):
                sink.publish('in/a', '{"s":%d,"i":%d}' % (n, i))
        for sink in sinks:
            sink.drain()
        records = [json.loads(line) for line in self.lines()]
        self.assertEqual(len(records), 400)
        for n in range(2):
            self.assertEqual([r['i'] for r in records if r['s'] == n], list(range(200)))

    def test_two_daemons_with_sequences_never_collide(self):
        sinks = [self.sink('path-template={sequence}.ndjson', 'batch-age=0s', 'batch-count=5') for _ in range(2)]
        for i in range(100):
            for n, sink in enumerate(sinks):
                sink.publish('in/a', '{"s":%d,"i":%d}' % (n, i))
        for sink in sinks:
            sink.drain()
        self.assertEqual(len(set(self.lines())), 200)
        self.assertEqual(len(self.lines()), 200)

    def test_clock_that_jumps_back_replaces_no_object(self):
        """Two daemons of one node name, as after a wrong copy of a configuration; the hour goes forth and back, over a restart too."""
        hours, n, first = (3, 4, 3, 5, 3, 4), 0, {}
        for _ in range(2):
            sinks = [self.sink('path-template={HH}/{node}-{sequence}.ndjson', 'node=edge', 'batch-age=0s', 'batch-count=3') for _ in range(2)]
            for hour in hours:
                for _ in range(5):
                    for sink in sinks:
                        sink.publish('in/a', '{"i":%d,"hour":%d}' % (n, hour), time='2026-11-21T%02d:59:59Z' % hour)
                        n += 1
            for sink in sinks:
                sink.drain()
            now = {name: (self.root / 'c' / name).read_bytes() for name in self.files()}
            self.assertEqual({name: now.get(name) for name in first}, first)
            first = now
        self.assertEqual(sorted(json.loads(line)['i'] for line in self.lines()), list(range(n)))
        for name, text in first.items():
            self.assertEqual({'%02d' % json.loads(line)['hour'] for line in text.splitlines()}, {name[:2]})

    def kill_rounds(self, template, rounds, seed):
        """SIGKILL after a random number of answers while messages flow; then each that was published lies there exactly once."""
        chance = random.Random(seed)
        published, n = [], 0
        for _ in range(rounds):
            sink = self.sink('path-template=' + template, 'batch-age=2ms', 'batch-count=20', spool=True)
            asked, n_ahead = [], chance.randrange(1, 40)
            for i in range(n_ahead + chance.randrange(1, 150)):
                asked.append(n)
                sink.publish('in/a', '{"i":%d}' % n, id='m-%d' % n)
                n += 1
                if i >= n_ahead:
                    sink.expect('published')
            sink.kill()
            said = sum(1 for line in list(sink.lines.queue) + sink.seen if line == 'published')
            published += asked[:said]
        sink = self.sink('path-template=' + template, 'batch-age=2ms', spool=True)
        sink.wait(depth=0)
        sink.drain()
        counts = collections.Counter(json.loads(line)['i'] for line in self.lines())
        self.assertEqual([i for i, c in counts.items() if c > 1], [], 'twice')
        self.assertEqual([i for i in published if i not in counts], [], 'lost')
        self.assertGreater(len(published), rounds)
        return len(published)

    def test_append_is_exactly_once_across_sigkill(self):
        n = self.kill_rounds('{topic}.ndjson', 12, 1)
        self.assertEqual(self.files(), ['in/a.ndjson'])
        print('exactly once: %d messages, 12 kills' % n)

    def test_sequenced_objects_are_exactly_once_across_sigkill(self):
        self.kill_rounds('{topic}-{sequence}.ndjson', 12, 2)
        self.assertTrue(all(re.fullmatch(r'in/a-\d{8}\.ndjson', name) for name in self.files()))

    def test_gzip_append_is_whole_after_sigkill(self):
        for i in range(3):
            sink = self.sink('path-template=all.gz', 'compression=gzip', 'batch-age=1ms', spool=True)
            for k in range(50):
                sink.publish('in/a', '{"r":%d,"k":%d}' % (i, k))
            sink.kill()
            if (self.root / 'c' / 'all.gz').exists():
                gzip.decompress((self.root / 'c' / 'all.gz').read_bytes())

    def test_wrong_settings_are_refused(self):
        for settings in (['endpoint=https://x'], ['endpoint=file:relative'], ['container=a/b'], ['container=..'],
                         ['path-template=x/'], ['path-template={nonsense}'], ['path-template={sequence}/x'], ['path-template={topic']):
            sink = self.sink(*settings)
            self.assertTrue(sink.first.startswith('unstarted'), settings)
            sink.kill()


if __name__ == '__main__':
    unittest.main(verbosity=2)
