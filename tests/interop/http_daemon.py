# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawserd with an HTTP listener on a free port, for black-box tests."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from waiting import DEADLINE_S, must_be_before, wait_for  # noqa: E402,F401

HAWSERD = os.environ['HAWSER_TEST_DAEMON']
LANES = ['--set', 'hawser.threads=' + os.environ['HAWSER_TEST_THREADS']] if 'HAWSER_TEST_THREADS' in os.environ else []

OPEN = '''
[hawser]
name=test
[policy anyone]
allow=true
[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
'''

LISTENER = '''
[listener web]
type=http
address=tcp:127.0.0.1:0
anonymous=allow
admin=true
'''


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Daemon:
    def __init__(self, listener='', config=OPEN + LISTENER):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, 'hawser.conf')
        with open(path, 'w') as file:
            file.write(config + listener)
        self.process = subprocess.Popen([HAWSERD, *LANES, '--config', path], stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words and words[0] == 'ready', words
        self.ports = {name: int(address.rsplit(':', 1)[1]) for name, address in (word.split('=', 1) for word in words[1:] if 'tcp:' in word)}
        self.port = self.ports.get('web')

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, body=None, headers=None, timeout=DEADLINE_S):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def publish(self, topic, body, query='', **headers):
        return self.request('POST', f'/v1/topics/{urllib.parse.quote(topic)}{query}', body, headers)

    def listing(self, kind):
        return self.request('GET', f'/v1/admin/{kind}?limit=5000').json()['items']

    def resident_kib(self):
        with open(f'/proc/{self.process.pid}/status') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))

    def cpu_s(self):
        """Seconds that its threads were running."""
        return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/schedstat')) / 1e9

    def may_grow_kib(self, kib):
        """The bound, times what a sanitizer's quarantine and red zones cost."""
        with open(f'/proc/{self.process.pid}/maps') as file:
            return kib * 6 if 'libasan' in file.read() else kib

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=DEADLINE_S)


class EventStream:
    """Server-sent events over a plain socket."""

    def __init__(self, daemon, filters, last_id=None, headers=''):
        query = '&'.join('filter=' + urllib.parse.quote(f, safe='') for f in filters)
        self.socket = daemon.connect()
        resume = f'Last-Event-ID: {last_id}\r\n' if last_id else ''
        self.socket.sendall(f'GET /v1/events?{query} HTTP/1.1\r\nHost: localhost\r\n{resume}{headers}\r\n'.encode())
        self.file = self.socket.makefile('rb')
        self.status = int(self.file.readline().split()[1])
        while self.file.readline() not in (b'\r\n', b''):
            pass
        self.last_id = last_id

    def next(self):
        """(kind, data) of the next event; comments and retry are passed over."""
        kind, data = 'message', None
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            line = line.rstrip(b'\n')
            if line.startswith(b'data: '):
                data = json.loads(line[6:])
            elif line.startswith(b'id: '):
                self.last_id = line[4:].decode()
            elif line.startswith(b'event: '):
                kind = line[7:].decode()
            elif not line and data is not None:
                return kind, data

    def close(self):
        self.file.close()
        self.socket.close()
