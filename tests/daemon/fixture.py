# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hawserd of our own: a configuration in a scratch directory, free ports, waiting for `ready`. No sleeps: everything waits for
an event with a deadline that is generous enough for a loaded machine."""
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

HAWSERD = os.environ['HAWSERD']
HAWSER = os.environ['HAWSER']
DEADLINE_S = 60
# The suites that run a second time with several lanes say here how many.
LANES = ['--set', 'hawser.threads=' + os.environ['HAWSER_TEST_THREADS']] if 'HAWSER_TEST_THREADS' in os.environ else []

OPEN = '''
[policy anyone]
allow=true

[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
'''
MQTT = '''
[listener mqtt]
type=mqtt
address=tcp:127.0.0.1:0
anonymous=allow
'''
WEB = '''
[listener web]
type=http
address=tcp:127.0.0.1:0
anonymous=allow
admin=true
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('HAWSER_URL', 'HAWSER_CONTEXT', 'HAWSER_CONFIG', 'HAWSER_TOKEN',
                                                                    'NOTIFY_SOCKET', 'WATCHDOG', 'RUNTIME_DIRECTORY'))}
    env.update(LC_ALL='C.UTF-8', NO_COLOR='1')
    env.update(more)
    return env


class Daemon:
    """A running hawserd. addresses: name of a listener -> (host, port) or path."""

    def __init__(self, *arguments, env=None):
        self.started = time.monotonic()
        self.process = subprocess.Popen([HAWSERD, *LANES, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env or environment())
        self.ready = self.read_line()
        self.addresses = {}
        for name, kind, rest in re.findall(r' (\S+?)=(tcp|wss?|unix):(\S+)', self.ready):
            host, _, port = rest.partition('/')[0].rpartition(':')
            self.addresses[name] = rest if kind == 'unix' else (host.strip('[]'), int(port))

    def read_line(self):
        line = b''
        end = time.monotonic() + DEADLINE_S
        while not line.endswith(b'\n'):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            byte = os.read(self.process.stdout.fileno(), 1) if readable else b''
            if not byte:
                break
            line += byte
        return line.decode()

    def port(self, name):
        return self.addresses[name][1]

    def url(self, name):
        return f"{'http' if name == 'web' else 'mqtt'}://127.0.0.1:{self.port(name)}"

    def status(self, field):
        text = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(rf'^{field}:\s+(\d+)', text, re.M).group(1))

    def stop(self, number=signal.SIGTERM):
        """Exit status, the rest of stdout, stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        return self.process.returncode, out.decode(), err.decode()


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='hawser-test-')
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def write(self, text, name='hawser.conf'):
        path = self.scratch / name
        path.write_text(text)
        return str(path)

    def start(self, text, *arguments, env=None):
        daemon = Daemon('--config', self.write(text), *arguments, env=env)
        self.addCleanup(daemon.stop)
        self.assertTrue(daemon.ready.startswith('ready'), daemon.ready + ('' if daemon.process.poll() is None else daemon.stop()[2]))
        return daemon

    def run_daemon(self, *arguments, env=None):
        return subprocess.run([HAWSERD, *arguments], capture_output=True, text=True, env=env or environment(), timeout=DEADLINE_S)

    def hawser(self, *arguments, input=None, env=None, text=True):
        more = {} if env is None else env
        base = environment(XDG_CONFIG_HOME=str(self.scratch / 'config'), **more)
        return subprocess.run([HAWSER, *arguments], capture_output=True, text=text, input=input, env=base, timeout=DEADLINE_S,
                              stdin=subprocess.DEVNULL if input is None else None)
