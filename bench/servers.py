# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawserd and its peers for bench/compare: each with memory only, without limits of queues, on free ports of loopback.

A Server is one process with one door: NATS, which speaks two protocols, is two servers, `nats` (its own) and `nats-mqtt`.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HAWSER = """[policy anyone]
allow=true
[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
[listener mqtt]
type=mqtt
address=tcp:127.0.0.1:%(port)d
anonymous=allow
max-inflight=1000
max-queued-messages=100000000
max-queued-bytes=1GiB
"""
HAWSER_TLS = """tls=bench
[tls bench]
certificate-file=%(folder)s/certificate.pem
private-key-file=%(folder)s/key.pem
"""
MOSQUITTO = """listener %(port)d 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
persistence false
log_type error
max_connections -1
"""
MOSQUITTO_TLS = """certfile %(folder)s/certificate.pem
keyfile %(folder)s/key.pem
"""
NATS = """host: 127.0.0.1
port: %(port)d
max_connections: 20000
max_pending: 512MB
max_payload: 2MB
write_deadline: "30s"
"""
NATS_MQTT = """host: 127.0.0.1
port: -1
server_name: bench
jetstream { store_dir: "%(own)s", max_mem: 4G, max_file: 4G }
mqtt { host: 127.0.0.1, port: %(port)d, max_ack_pending: 1000 }
max_connections: 20000
max_pending: 512MB
max_payload: 2MB
write_deadline: "30s"
"""
REDIS = ['--bind', '127.0.0.1', '--protected-mode', 'no', '--save', '', '--appendonly', 'no', '--maxclients', '15000',
         '--client-output-buffer-limit', 'pubsub 0 0 0', '--tcp-backlog', '4096']
PROGRAMS = {'mosquitto': 'mosquitto', 'nats': 'nats-server', 'nats-mqtt': 'nats-server', 'redis': 'redis-server'}
PROTOCOLS = {'nats': 'nats', 'redis': 'redis'}     # the others speak MQTT
# what a name after --peers stands for
PEERS = {'mosquitto': ['mosquitto'], 'nats': ['nats-mqtt', 'nats'], 'redis': ['redis']}


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def find(name):
    program = PROGRAMS[name]
    return shutil.which(program) or shutil.which(program, path='/usr/sbin:/usr/local/sbin')


def make_certificate(folder):
    """One for all servers, and what the generator checks them against."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder / 'key.pem', '-out', folder / 'certificate.pem'], check=True, capture_output=True)
    (folder / 'key.pem').chmod(0o600)
    if os.geteuid() == 0 and shutil.which('mosquitto'):
        # mosquitto reads it after it has become another user
        subprocess.run(['chown', 'mosquitto', folder / 'key.pem'], capture_output=True)


class Server:
    """Started, and ready to accept; stop() ends it."""

    def __init__(self, name, program, folder, plugin_path=None, tls=False, threads=1):
        self.name, self.folder, self.port = name, folder, free_port()
        self.protocol = PROTOCOLS.get(name, 'mqtt')
        self.own = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix=name))
        command = [str(part) for part in self._configure(program, tls)]
        if name == 'hawser' and threads > 1:
            command += ['--set', f'hawser.threads={threads}']
        environment = dict(os.environ, **({'HAWSER_PLUGIN_PATH': plugin_path} if plugin_path and name == 'hawser' else {}))
        self.log_path = folder / f'{name}.log'
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, cwd=self.own)
        self._wait()

    def _configure(self, program, tls):
        values = {'port': self.port, 'folder': self.folder, 'own': self.own}
        text = {'hawser': HAWSER + HAWSER_TLS * tls, 'mosquitto': MOSQUITTO + MOSQUITTO_TLS * tls, 'nats': NATS, 'nats-mqtt': NATS_MQTT}.get(self.name)
        if text is None:
            return [program, '--port', self.port, *REDIS]
        file = self.own / 'conf'
        file.write_text(text % values)
        return [program, '--config' if self.name == 'hawser' else '-c', file]

    def _wait(self):
        deadline = time.monotonic() + 15
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        sys.exit(f'{self.name} did not start: {self.log_path.read_text()[-500:]}')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.own, ignore_errors=True)
