# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hawserd of our own: a configuration in a scratch directory, free ports, waiting for `ready`. No sleeps: everything waits for
an event with a deadline that is generous enough for a loaded machine."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from waiting import DEADLINE_S, free_port, read_until, wait_for  # noqa: E402,F401

HAWSERD = os.environ['HAWSERD']
HAWSER = os.environ['HAWSER']
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


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('HAWSER_URL', 'HAWSER_CONTEXT', 'HAWSER_CONFIG', 'HAWSER_TOKEN',
                                                                    'NOTIFY_SOCKET', 'WATCHDOG', 'RUNTIME_DIRECTORY'))}
    env.update(LC_ALL='C.UTF-8', NO_COLOR='1')
    env.update(more)
    return env


class Daemon:
    """A running hawserd. addresses: name of a listener -> (host, port) or path."""

    def __init__(self, *arguments, env=None):
        self.started, self.logged = time.monotonic(), b''
        self.process = subprocess.Popen([HAWSERD, *LANES, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env or environment())
        self.ready = read_until(self.process.stdout.fileno(), [b'\n']).decode()
        self.addresses = {}
        for name, kind, rest in re.findall(r' (\S+?)=(tcp|wss?|unix):(\S+)', self.ready):
            host, _, port = rest.partition('/')[0].rpartition(':')
            self.addresses[name] = rest if kind == 'unix' else (host.strip('[]'), int(port))

    def wait_log(self, *words):
        """What it logs up to the end of the first line that has one of the words."""
        descriptor = self.process.stderr.fileno()
        text = read_until(descriptor, [word.encode() for word in words])
        text += read_until(descriptor, [b'\n'])
        self.logged += text
        return text.decode()

    def reload(self):
        """Reads the configuration again; what it said about that, to the end."""
        self.process.send_signal(signal.SIGHUP)
        return self.wait_log('was reloaded', 'stays as it was')

    def port(self, name):
        return self.addresses[name][1]

    def url(self, name):
        return f"{'http' if name == 'web' else 'mqtt'}://127.0.0.1:{self.port(name)}"

    def cpu_s(self):
        """Seconds that all its threads were running: what it costs, whatever else the machine does."""
        return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/schedstat')) / 1e9

    def wake_ups(self):
        """How often its threads began to wait, and so were woken."""
        return sum(int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', path.read_text(), re.M).group(1))
                   for path in pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/status'))

    def status(self, field):
        text = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(rf'^{field}:\s+(\d+)', text, re.M).group(1))

    def stop(self, number=signal.SIGTERM):
        """Exit status, the rest of stdout, all of stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        self.logged += err
        return self.process.returncode, out.decode(), self.logged.decode()


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
