# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives tests/sinks/sink-run: one sink behind a bus, in a process of its own."""

import os
import pathlib
import queue
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from waiting import DEADLINE_S as DEADLINE, wait_for  # noqa: E402


class SinkRun:
    def __init__(self, kind, *settings, spool=None, env=None, under=()):
        args = [*under, os.environ['SINK_RUN'], kind, *settings]
        if spool:
            args.append('--spool=' + spool)
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.lines = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.first = self.expect('ready', 'unstarted')

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put(None)

    def expect(self, *starts):
        end = time.monotonic() + DEADLINE
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            if line is None:
                raise AssertionError('ended before saying %s; said %s' % (starts, self.seen[-10:]))
            self.seen.append(line)
            if line.startswith(starts):
                return line

    def say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def publish(self, topic, payload, **properties):
        for name, value in properties.items():
            self.say('prop %s %s' % (name.replace('_', '-'), value))
        self.say('pub %s %s' % (topic, payload))

    def stats(self):
        self.say('stats')
        return self.parse(self.expect('stats '))

    @staticmethod
    def parse(line):
        return dict(word.split('=', 1) for word in line.split(' ', 8)[1:] if '=' in word)

    def wait(self, **wanted):
        """The figures when they are as wanted."""
        def found():
            stats = self.stats()
            return stats if all(stats[key] == str(value) for key, value in wanted.items()) else None

        return wait_for(found, '%s, last seen %s' % (wanted, self.seen[-1:]))

    def drain(self):
        self.say('drain')
        stats = self.parse(self.expect('stats '))
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        return stats

    def kill(self):
        """What it said before that is among the lines."""
        self.process.kill()
        self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()
