#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES D7 E6, HARDENING R1 R7 R9: rates, memory and full queues hold publishers back, then refuse them, and nobody else; what the
system runs out of, and what a flood writes into the log, is bounded."""
import http.server
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, MQTT, OPEN, WEB, Case, TooSlow, in_time, let_pass, mosquitto, must_be_before, wait_for, wait_quiet, wire

MIB = 1 << 20


def anonymous_memory(daemon):
    return daemon.status('RssAnon') * 1024


class Rates(Case):
    def serve(self, **rates):
        extra = ''.join(f'{name.replace("_", "-")}={value}\n' for name, value in rates.items())
        return self.open(conf=OPEN + MQTT + extra + WEB + extra)

    def test_mosquitto_pub_is_slowed_down_and_loses_nothing(self):
        daemon = self.serve(identity_message_rate=40)
        subscriber = self.client(daemon)
        subscriber.subscribe('t')
        began = time.monotonic()
        lines = ''.join(f'{i}\n' for i in range(100)).encode()
        self.assertEqual(mosquitto('mosquitto_pub', daemon.mqtt, '-i', 'fast', '-q', '1', '-t', 't', '-l', input=lines).returncode, 0)
        took = time.monotonic() - began
        self.assertEqual(subscriber.wait(100), [str(i) for i in range(100)])
        self.assertGreater(took, 1.4)  # 40 at once, 60 at 40 a second; on a slow machine it is longer
        metrics = daemon.web.metrics()
        self.assertGreater(metrics['hawser_publisher_pauses_total{reason="rate"}'], 0)
        self.assertEqual(metrics['hawser_publish_throttled_total{reason="rate"}'], 0)

    def curl(self, daemon, *more):
        out = subprocess.run(['curl', '-s', '-D', '-', '-o', '/dev/null', '-d', 'x', *more, f'http://127.0.0.1:{daemon.web.port}/v1/topics/t'],
                             capture_output=True, text=True, timeout=DEADLINE_S).stdout
        retry = re.search(r'(?im)^retry-after: (\d+)', out)
        return int(out.split()[1]), int(retry.group(1)) if retry else None

    def test_curl_gets_429_with_the_time_to_wait(self):
        daemon = self.serve(identity_message_rate=0.001, rate_burst='1000s')
        began = time.monotonic()
        self.assertEqual(self.curl(daemon), (202, None))
        status, retry = self.curl(daemon)
        self.assertEqual(status, 429)
        self.assertLessEqual(retry, 1000)
        self.assertGreaterEqual(retry, 999 - (time.monotonic() - began))
        self.assertGreater(daemon.web.metrics()['hawser_publish_throttled_total{reason="rate"}'], 0)

    def test_time_pays_the_debt(self):
        in_time(self, self.pay_in, 1, 8, 40)

    def pay_in(self, seconds):
        daemon = self.serve(message_rate=1 / seconds, rate_burst=f'{seconds}s')
        began = time.monotonic()
        self.assertEqual(self.curl(daemon)[0], 202)
        status = self.curl(daemon)[0]
        if status == 202:
            self.assertGreaterEqual(time.monotonic() - began, seconds)
            raise TooSlow
        self.assertEqual(status, 429)
        wait_for(lambda: self.curl(daemon)[0] == 202, 'the bucket fills again', DEADLINE_S + seconds)

    def test_a_rate_changes_by_reload_for_who_is_connected(self):
        daemon = self.serve(identity_message_rate=0.1)
        publisher, subscriber = self.client(daemon, 'p'), self.client(daemon)
        subscriber.subscribe('t')
        for i in range(50):
            publisher.client.publish('t', str(i), 1)
        subscriber.wait(1)
        path = self.scratch / 'hawser.conf'
        path.write_text(path.read_text().replace('identity-message-rate=0.1\n', 'identity-message-rate=0\n'))
        daemon.reload()
        subscriber.wait(50)  # at one in ten seconds it would be too late


class Memory(Case):
    """max-memory: publishers are held back, whatever holds the memory."""

    LIMIT = 64 * MIB

    def serve(self):
        return self.open(conf=f'[hawser]\nmax-memory={self.LIMIT}\n' + OPEN + MQTT + 'max-queued-bytes=256MiB\n' + WEB)

    def stop_at(self, daemon, peer, data):
        """Sends for as long as the daemon reads and is not over its budget; the highest memory seen."""
        peer.socket.settimeout(0.2)
        highest = 0
        while daemon.web.metrics()['hawser_memory_tight'] == 0:
            for _ in range(32):
                try:
                    peer.socket.sendall(data)
                except TimeoutError:
                    break
            highest = max(highest, anonymous_memory(daemon))
        return highest

    def test_it_stays_bounded_says_so_and_goes_on_when_there_is_room(self):
        daemon = self.serve()
        absent = wire.connected(daemon.mqtt, 'absent', 5, block=b'\x11' + (3600).to_bytes(4, 'big'))
        absent.send(wire.subscribe(('t', 1), version=5))
        absent.read()
        absent.close()
        publisher = wire.connected(daemon.mqtt, 'p', 5)
        highest = self.stop_at(daemon, publisher, wire.publish('t', b'x' * 16000, 5, 1, 1))
        for _ in range(3):  # those who come now are held back too, after a message each
            other = wire.connected(daemon.mqtt, '', 5)
            self.addCleanup(other.close)
            try:
                other.socket.settimeout(0.2)
                for _ in range(1000):
                    other.socket.sendall(wire.publish('t', b'x' * 16000, 5, 1, 1))
            except TimeoutError:
                pass
            highest = max(highest, anonymous_memory(daemon))
        self.assertLess(highest, self.LIMIT * 1.25)
        refused = daemon.web.publish('t', b'x' * 1000)
        self.assertEqual(refused.status, 429)
        self.assertGreaterEqual(int(refused.headers['Retry-After']), 1)
        self.assertEqual(daemon.web.get('/readyz').status, 200)  # who reads is served
        metrics = daemon.web.metrics()
        self.assertGreater(metrics['hawser_publisher_pauses_total{reason="memory"}'], 0)
        self.assertGreater(metrics['hawser_publish_throttled_total{reason="memory"}'], 0)
        self.assertEqual(metrics['hawser_memory_limit_bytes'], self.LIMIT)

        publisher.close()
        wire.connected(daemon.mqtt, 'absent', 5).close()  # starts clean: what waited for it is gone
        wait_for(lambda: daemon.web.metrics()['hawser_memory_tight'] == 0, 'the memory is given back')
        self.assertEqual(daemon.web.publish('t', b'x').status, 202)
        self.assertGreaterEqual(self.client(daemon).publish('t', b'x').rc, 0)

    def test_packets_that_are_half_there_count(self):
        daemon = self.serve()
        head = bytes([0x30]) + wire.varint(50_000_000) + wire.string('t')
        peers, ended = [], 0
        for _ in range(8):
            peer = wire.connected(daemon.mqtt, '', 4)
            self.addCleanup(peer.close)
            peer.socket.settimeout(0.5)
            try:
                peer.send(head)
                for _ in range(40):
                    peer.socket.sendall(b'x' * MIB)
            except OSError:
                ended += 1
            peers.append(peer)
            self.assertLess(anonymous_memory(daemon), self.LIMIT * 1.25)
        self.assertGreater(ended, 0)  # 320 MB did not fit
        self.assertEqual(daemon.web.get('/readyz').status, 200)
        for peer in peers:
            peer.close()
        wait_for(lambda: daemon.web.metrics()['hawser_memory_tight'] == 0, 'the memory is given back')


class Descriptors(Case):
    """No descriptor is left (HARDENING R1)."""

    def test_who_is_inside_is_served_nobody_spins_and_room_is_used_again(self):
        daemon = self.open()
        inside = [wire.connected(daemon.mqtt, f'c{i}', 4) for i in range(20)]
        for peer in inside:
            self.addCleanup(peer.close)
        pid = daemon.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f'/proc/{pid}/fd')) + 4, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
        outside = [socket.create_connection(('127.0.0.1', daemon.mqtt), DEADLINE_S) for _ in range(40)]  # the system holds them
        for peer in outside:
            self.addCleanup(peer.close)
            peer.sendall(wire.connect('', 4))

        for peer in inside:
            peer.send(wire.PINGREQ)
            self.assertEqual(peer.read().type, 13)
        wait_quiet(lambda: int(daemon.cpu_s() * 1000), 1, 250)  # milliseconds of a second: who spins takes what the machine has

        for peer in inside[:10] + outside[:30]:
            peer.close()
        for peer in outside[30:]:
            peer.settimeout(DEADLINE_S)
            self.assertEqual(peer.recv(4), b'\x20\x02\0\0')
        log = daemon.stop()[2]
        self.assertGreaterEqual(log.count('cannot accept'), 1)
        self.assertLessEqual(log.count('cannot accept'), 10, log)  # once for each time that it happens, not for each attempt


class Log(Case):
    """What strangers provoke cannot fill the disk (HARDENING R7)."""

    def test_a_flood_is_cut_and_counted(self):
        daemon = self.open(conf=OPEN + MQTT + 'flapping-count=1\nflapping-window=1h\nflapping-duration=1h\n')
        written, began = [], time.monotonic()
        reader = threading.Thread(target=lambda: written.extend(daemon.process.stderr), daemon=True)
        reader.start()
        for i in range(700):
            for _ in range(2):  # the second time is one too many, and that is said
                with wire.Wire(daemon.mqtt, wire.connect(f'{i}', 4)) as peer:
                    peer.read()
        took = time.monotonic() - began

        daemon.process.send_signal(signal.SIGTERM)  # it says good-bye, and what it had not said before
        daemon.process.wait(DEADLINE_S)
        reader.join(DEADLINE_S)
        flood = [line for line in written if b'is banned' in line]
        self.assertLessEqual(len(flood), 200 + 20 * took + 20)
        self.assertGreaterEqual(len(flood), 100)
        left_out = sum(int(line.split(b' messages were not written')[0].split()[-1]) for line in written if b'messages were not written' in line)
        self.assertEqual(len(flood) + left_out, 700)


class Wills(Case):
    """A will whose delay runs is published when it is over, whatever happens to the daemon meanwhile."""

    def leave(self, daemon, delay_s):
        will = ('w', b'gone', 1, True, b'\x18' + delay_s.to_bytes(4, 'big') + b'\x03\x00\x01c')
        wire.connected(daemon.mqtt, 'c', 5, block=b'\x11' + (3600).to_bytes(4, 'big'), will=will).close()
        return time.monotonic()

    def wait_left(self, daemon):
        wait_for(lambda: not [c for c in daemon.web.items('connections') if c['protocol'] == 'mqtt'], 'it has left')

    def value(self, daemon):
        answer = daemon.web.get('/v1/topics/w')
        return answer.body if answer.status == 200 else None

    def test_it_comes_in_time(self):
        daemon = self.open()
        began = time.monotonic()
        self.leave(daemon, 2)
        wait_for(lambda: self.value(daemon) == b'gone', 'the will')
        self.assertGreaterEqual(time.monotonic() - began, 1.75)  # a quarter of a second is shown where the clock is ours: tests/protocols/mqtt

    def test_it_comes_after_a_restart_and_after_a_kill(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                daemon = self.open()
                began = time.monotonic()
                self.leave(daemon, 6)
                self.wait_left(daemon)
                self.assertEqual(daemon.web.publish('other', b'x', '?qos=1&retain=true').status, 202)  # whose commit is behind that of the will
                daemon.stop(number)
                daemon = self.open()
                wait_for(lambda: self.value(daemon) == b'gone', 'the will')
                self.assertGreaterEqual(time.monotonic() - began, 5.75)
                daemon.web.request('DELETE', '/v1/topics/w')
                daemon.stop()
                daemon = self.open()
                self.assertIsNone(self.value(daemon))  # once
                daemon.stop()

    def come_back(self, clean, delay_s):
        """The daemon and when the client left, after a restart in between."""
        daemon = self.open()
        began = time.monotonic()
        left = self.leave(daemon, delay_s)
        self.wait_left(daemon)
        daemon.stop()
        daemon = self.open()
        with wire.connected(daemon.mqtt, 'c', 5, clean=clean, block=b'\x11' + (3600).to_bytes(4, 'big')):
            must_be_before(began + delay_s)
            if clean:
                wait_for(lambda: self.value(daemon) == b'gone', 'the will of the session that ended')
        return daemon, left

    def test_who_starts_clean_after_the_restart_has_it_at_once(self):
        self.come_back(True, 600)

    def test_who_comes_back_after_the_restart_has_none(self):
        in_time(self, self.comes_back_in_time, 5, 20, 60)

    def comes_back_in_time(self, delay_s):
        daemon, left = self.come_back(False, delay_s)
        let_pass(delay_s + 0.5, left)
        self.assertIsNone(self.value(daemon))


class Sleepy(http.server.BaseHTTPRequestHandler):
    """A sink's destination that answers when it is let."""

    def do_POST(self):
        length = int(self.headers['Content-Length'])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # its sender is gone
            return
        self.server.bodies.append(body)
        self.server.may_answer.wait()
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Block(Case):
    """on-overflow=block (D7)."""

    def serve(self):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Sleepy)
        server.daemon_threads, server.bodies, server.may_answer = True, [], threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.may_answer.set)
        self.sink = server
        return self.open(f'''
[subscription slow]
topic=full/#
type=webhook
uri=http://127.0.0.1:{server.server_address[1]}/
allow-private=true
batch-count=1
max-in-flight=1
max-queued=50
on-overflow=block
''')

    def test_publishers_stall_and_http_is_told_to_come_again(self):
        daemon = self.serve()
        publisher = self.client(daemon, 'p')
        infos = [publisher.client.publish('full/a', f'{i:0>1000}', 1) for i in range(400)]
        wait_for(lambda: len(publisher.acks) >= 50, 'as many as fit are acknowledged')
        wait_for(lambda: self.sink.bodies, 'the sink has the first')
        stalled = wait_for(lambda: daemon.web.publish('full/a', b'x').status == 429 and len(publisher.acks), 'the queue is full')
        self.assertLess(stalled, 400)
        before = daemon.status('VmRSS')
        for _ in range(200):
            refused = daemon.web.publish('full/b', b'x' * 10000)
            self.assertEqual(refused.status, 429)
            self.assertGreaterEqual(int(refused.headers['Retry-After']), 1)
        self.assertEqual(daemon.web.publish('other', b'x').status, 202)  # nobody else is slowed down
        self.assertLess(len(publisher.acks), 400)
        self.assertLess(daemon.status('VmRSS') - before, 4096)  # KiB: 200 refusals of 10 kB, and the publisher goes on trying

        self.sink.may_answer.set()
        for info in infos:
            info.wait_for_publish(DEADLINE_S)
        wait_for(lambda: daemon.web.publish('full/a', b'last').status == 202, 'there is room again')
        wait_for(lambda: any(b'last' in body for body in self.sink.bodies), 'the sink has all')
        bodies = b'\n'.join(self.sink.bodies)
        self.assertEqual([i for i in range(400) if f'{i:0>1000}'.encode() not in bodies], [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
