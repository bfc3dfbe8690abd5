# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file sink from outside: what lies in the directory, and what the process holds open."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from sinkrun import SinkRun, wait_for

AGE = 'batch-age=20ms'


class File(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='hawser-file-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def sink(self, *settings, path='log', **options):
        return SinkRun('file', 'path=%s/%s' % (self.dir, path), *settings, **options)

    def publish(self, sink, count, topic='in/a'):
        for i in range(count):
            sink.publish(topic, '{"i":%d}' % i)

    def names(self):
        return sorted(str(p.relative_to(self.dir)) for p in self.dir.rglob('*') if p.is_file())

    def read(self, name):
        return [json.loads(line)['i'] for line in (self.dir / name).read_text().splitlines()]

    def held(self, sink):
        """Names of files below the directory that the process has open."""
        found = []
        for fd in pathlib.Path('/proc/%d/fd' % sink.process.pid).iterdir():
            try:
                target = os.readlink(fd)
            except OSError:
                continue
            if target.startswith(str(self.dir)):
                found.append(os.path.relpath(target, self.dir))
        return found

    def wait_held(self, sink, names):
        wait_for(lambda: self.held(sink) == names, names)

    def test_rotates_by_count_within_a_batch(self):
        sink = self.sink('rotate-count=100', 'batch-count=1000', 'batch-age=1h')
        self.publish(sink, 1050)
        sink.drain()
        self.assertEqual(self.names(), ['log'] + ['log.%08d' % i for i in range(1, 11)])
        lines = [i for name in self.names()[1:] + ['log'] for i in self.read(name)]
        self.assertEqual(lines, list(range(1050)))
        self.assertEqual({len(self.read(name)) for name in self.names()[1:]}, {100})

    def test_rotates_by_size(self):
        sink = self.sink('rotate-size=1KiB', AGE)
        self.publish(sink, 500)
        sink.drain()
        sizes = [(self.dir / name).stat().st_size for name in self.names()]
        self.assertTrue(all(size <= 1024 for size in sizes) and all(size > 1000 for size in sizes[1:]), sizes)
        self.assertEqual([i for name in self.names()[1:] + ['log'] for i in self.read(name)], list(range(500)))

    def test_rotates_by_age(self):
        sink = self.sink('rotate-age=200ms', 'batch-age=0s')
        sink.publish('in/a', '{"i":0}')
        sink.wait(written=1)
        n = 1

        def is_rotated_by_one_more():
            nonlocal n
            sink.publish('in/a', '{"i":%d}' % n)
            n += 1
            sink.wait(written=n)
            return self.names() != ['log']

        wait_for(is_rotated_by_one_more, 'the rotation')
        sink.drain()
        self.assertEqual([i for name in self.names()[1:] + ['log'] for i in self.read(name)], list(range(n)))
        first = (self.dir / 'log.00000001').stat()
        self.assertGreater(len(self.names()), 1)
        self.assertLess(first.st_size, n * 20)

    def test_rotation_goes_on_after_a_restart(self):
        for i in range(3):
            sink = self.sink('rotate-count=4', AGE)
            self.publish(sink, 3)
            sink.drain()
        self.assertEqual({name: len(self.read(name)) for name in self.names()}, {'log': 1, 'log.00000001': 4, 'log.00000002': 4})

    def test_name_has_fields_of_the_message(self):
        sink = self.sink(AGE, path='{yyyy}-{MM}/{topic}-{dd}-{field:/craft}.ndjson')
        for craft in ('one', '../../two'):
            sink.publish('in/a', json.dumps({'craft': craft}), time='2026-11-21T03:11:08Z')
        sink.drain()
        self.assertEqual(self.names(), ['2026-11/in%2Fa-21-%2E.%2F..%2Ftwo.ndjson', '2026-11/in%2Fa-21-one.ndjson'])

    def test_rotated_name_is_a_template(self):
        sink = self.sink('rotate-count=1', AGE, 'rotate-to=%s/old/{yyyy}/{sequence}.ndjson' % self.dir)
        for i in range(3):
            sink.publish('in/a', '{"i":%d}' % i, time='2026-11-21T03:11:08Z')
        sink.drain()
        self.assertEqual(self.names(), ['log', 'old/2026/00000001.ndjson', 'old/2026/00000002.ndjson'])

    def test_name_too_long_for_a_file_is_a_dead_letter(self):
        sink = self.sink(AGE, 'dead-letter=dead/x', path='{topic}')
        sink.publish('in/' + 'n' * 300, '{"i":1}')
        sink.publish('in/a', '{"i":2}')
        sink.wait(written=1, dead=1)
        sink.drain()
        self.assertEqual(self.names(), ['in%2Fa'])

    def test_reopens_when_told(self):
        sink = self.sink('batch-age=0s')
        self.publish(sink, 1)
        sink.wait(written=1)
        self.wait_held(sink, ['log'])
        os.rename(self.dir / 'log', self.dir / 'log.1')
        self.wait_held(sink, ['log.1'])
        sink.say('reopen')
        self.wait_held(sink, [])
        self.publish(sink, 1)
        sink.wait(written=2)
        self.wait_held(sink, ['log'])
        sink.drain()
        self.assertEqual((len(self.read('log')), len(self.read('log.1'))), (1, 1))

    def test_file_that_was_deleted_takes_nothing(self):
        sink = self.sink('batch-age=0s')
        self.publish(sink, 1)
        sink.wait(written=1)
        os.unlink(self.dir / 'log')
        self.publish(sink, 1)
        sink.wait(written=2)
        self.assertEqual(self.read('log'), [0])
        sink.drain()

    def test_fsync_comes_before_the_acknowledgement(self):
        calls = {}
        for value in ('true', 'false'):
            trace = self.dir / ('trace-' + value)
            sink = self.sink('fsync=' + value, 'batch-age=0s', 'rotate-count=1', path='log-' + value,
                             under=('strace', '-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', str(trace)))
            self.publish(sink, 2)
            sink.wait(written=2)
            calls[value] = trace.read_text()   # before it drains: what it said was written was on the disk
            sink.drain()
        # two lines in two files: each line, the name of each new file, the rename
        self.assertEqual((calls['true'].count('fdatasync('), calls['true'].count(' fsync(')), (2, 3), calls['true'])
        self.assertEqual(calls['false'].count('sync('), 0, calls['false'])

    def test_full_disk_leaves_whole_lines(self):
        sink = self.sink('batch-age=0s', 'retry-initial=10ms', 'retry-maximum=50ms', 'rotate-count=1000')
        self.publish(sink, 1)
        sink.wait(written=1)
        subprocess.run(['prlimit', '--pid', str(sink.process.pid), '--fsize=4096:'], check=True)
        sink.publish('in/a', json.dumps({'i': 1, 'big': 'x' * 100000}))
        sink.wait(state='failing')
        self.assertEqual(self.read('log'), [0])
        subprocess.run(['prlimit', '--pid', str(sink.process.pid), '--fsize=unlimited:'], check=True)
        sink.wait(written=2)
        sink.drain()
        self.assertEqual(self.read('log'), [0, 1])

    def test_two_daemons_in_one_directory_never_collide(self):
        sinks = [self.sink('rotate-count=7', 'batch-age=0s', 'batch-count=5') for _ in range(2)]
        for i in range(200):
            for n, sink in enumerate(sinks):
                sink.publish('in/a', '{"i":%d}' % (1000 * n + i))
        for sink in sinks:
            sink.drain()
        lines = [i for name in self.names()[1:] + ['log'] for i in self.read(name)]
        self.assertEqual(sorted(lines), list(range(200)) + list(range(1000, 1200)))
        self.assertEqual({len(self.read(name)) for name in self.names()[1:]}, {7})
        for n in range(2):
            self.assertEqual([i for i in lines if i // 1000 == n], list(range(1000 * n, 1000 * n + 200)))

    def test_wrong_settings_are_refused(self):
        for settings, path in ((['rotate-to=x'], 'log'), (['rotate-to={sequence}/x'], 'log'), ([], '{what}'), ([], '{sequence}')):
            sink = self.sink(*settings, path=path)
            self.assertTrue(sink.first.startswith('unstarted'), (settings, path))
            sink.kill()


if __name__ == '__main__':
    unittest.main(verbosity=2)
