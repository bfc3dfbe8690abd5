#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets that somebody else opened, and peers that somebody else speaks for: the PROXY protocol and socket activation."""
import json
import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, HAWSERD, LANES, OPEN, Case, environment, free_port, read_until, wait_for

CONNECT = bytes.fromhex('100c00044d5154540402003c0000')
CONNACK = bytes.fromhex('20020000')
SIGNATURE = bytes.fromhex('0d0a0d0a000d0a515549540a')
V1 = b'PROXY TCP4 192.0.2.7 198.51.100.1 40112 1883\r\n'
V2 = SIGNATURE + b'\x21\x11\x00\x0c' + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b'\x9c\xb0\x07\x5b'
V2_6 = SIGNATURE + b'\x21\x21\x00\x2b' + socket.inet_pton(socket.AF_INET6, '2001:db8::7') + bytes(16) + b'\x9c\xb0\x07\x5b' + b'\x05\x00\x04abcd'


def listener(extra, address='tcp:127.0.0.1:0'):
    return f'[listener mqtt]\ntype=mqtt\naddress={address}\nanonymous=allow\n{extra}'


class Ways(Case):
    def serve(self, text):
        self.admin = self.scratch / 'admin.sock'
        return self.start(text + f'[admin]\naddress=unix:{self.admin}\n')

    def addresses(self):
        answer = subprocess.run(['curl', '-s', '--unix-socket', str(self.admin), 'http://localhost/v1/admin/connections'], capture_output=True, check=True, timeout=DEADLINE_S)
        return [item['address'] for item in json.loads(answer.stdout)['items'] if item['protocol'] == 'mqtt']

    def dial(self, daemon, data=b''):
        peer = socket.create_connection(daemon.addresses['mqtt'], timeout=DEADLINE_S)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(peer.close)
        peer.sendall(data)
        return peer

    def answer(self, peer):
        """Four bytes, or fewer when the server closed."""
        got = b''
        try:
            while len(got) < 4 and (data := peer.recv(4 - len(got))):
                got += data
        except ConnectionResetError:
            pass
        return got

    def test_the_address_in_a_header_of_either_version_is_the_peers(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\n'))
        for header, address in ((V1, 'tcp:192.0.2.7:40112'), (V2, 'tcp:192.0.2.7:40112'), (V2_6, 'tcp:[2001:db8::7]:40112')):
            peer = self.dial(daemon, header + CONNECT)
            self.assertEqual(self.answer(peer), CONNACK)
            self.assertEqual(self.addresses(), [address])
            peer.close()
            wait_for(lambda: not self.addresses(), 'its end')

    def test_a_proxy_that_speaks_for_itself_keeps_its_own_address(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\n'))
        for header in (b'PROXY UNKNOWN\r\n', b'PROXY UNKNOWN ffff:: ffff:: 1 2\r\n', SIGNATURE + b'\x20\x00\x00\x00'):
            peer = self.dial(daemon, header + CONNECT)
            self.assertEqual(self.answer(peer), CONNACK)
            self.assertRegex(self.addresses()[0], r'^tcp:127\.0\.0\.1:')
            peer.close()
            wait_for(lambda: not self.addresses(), 'its end')

    def test_a_header_may_come_byte_by_byte(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\n'))
        for header in (V1, V2, V2_6):
            peer = self.dial(daemon)
            for i in range(len(header + CONNECT)):
                peer.send((header + CONNECT)[i:i + 1])
            self.assertEqual(self.answer(peer), CONNACK)

    def test_anything_else_is_closed(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\n'))
        bad = [CONNECT, b'GET / HTTP/1.1\r\n\r\n', b'PROXY TCP4 192.0.2.7 198.51.100.1 40112\r\n', b'PROXY TCP4 192.0.2.700 198.51.100.1 1 2\r\n',
               b'PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n', b'PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n', b'PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n',
               b'PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n', b'PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n', b'proxy UNKNOWN\r\n', b'PROXY TCP4 ' + b'1' * 200,
               b'PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n', SIGNATURE + b'\x11\x11\x00\x0c' + bytes(12), SIGNATURE + b'\x22\x11\x00\x0c' + bytes(12),
               SIGNATURE + b'\x21\x12\x00\x0c' + bytes(12), SIGNATURE + b'\x21\x11\x00\x0b' + bytes(11), SIGNATURE + b'\x21\x11\xff\xff', SIGNATURE[:11] + b'\x00' * 8]
        for header in bad:
            with self.subTest(header=header[:50]):
                self.assertEqual(self.answer(self.dial(daemon, header + CONNECT)), b'')
        self.assertEqual(self.answer(self.dial(daemon, V1 + CONNECT)), CONNACK)

    def test_a_header_that_does_not_end_is_closed_in_time(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\nhandshake-timeout=200ms\n'))
        for header in (b'', V1[:20], V2[:20]):
            self.assertEqual(self.answer(self.dial(daemon, header)), b'')

    def test_only_named_proxies_are_believed(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\nproxy-from=10.0.0.0/8;192.168.1.1;\n'))
        self.assertEqual(self.answer(self.dial(daemon, V1 + CONNECT)), b'')
        result = self.run_daemon('--config', self.write(OPEN + listener('proxy-protocol=true\nproxy-from=somewhere;\n')))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("'somewhere' is not an address or network", result.stderr)

    def test_a_listener_without_proxy_protocol_believes_nobody(self):
        daemon = self.serve(OPEN + listener(''))
        self.assertEqual(self.answer(self.dial(daemon, V1 + CONNECT)), b'')

    def test_policies_see_the_address_of_the_header(self):
        rules = '[policy near]\nallow=address == "192.0.2.7"\n[topic #]\ncreate=auto\npublish-policy=near\nsubscribe-policy=near\n'
        daemon = self.serve(rules + listener('proxy-protocol=true\n'))
        subscribe = bytes.fromhex('820600010001610 0'.replace(' ', ''))
        for header, code in ((V1, 0), (V1.replace(b'192.0.2.7', b'192.0.2.8'), 0x80)):
            peer = self.dial(daemon, header + CONNECT)
            self.assertEqual(self.answer(peer), CONNACK)
            peer.sendall(subscribe)
            self.assertEqual(peer.recv(5, socket.MSG_WAITALL)[4], code)

    def test_a_websocket_and_tls_come_behind_the_header(self):
        daemon = self.serve(OPEN + listener('proxy-protocol=true\n', 'ws:127.0.0.1:0/mqtt'))
        peer = self.dial(daemon, V2 + b'GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                         b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n')
        self.assertIn(b'101 Switching', peer.recv(1000))
        self.assertEqual(self.addresses(), ['tcp:192.0.2.7:40112'])

    # ---- sockets that were open before ----

    def hand_over(self, text, *sockets, names='mqtt'):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                high = [socket.socket(fileno=os.dup(one.fileno())) for one in sockets]
                os.dup2(write, 1)
                for one, i in zip(high, range(len(high))):
                    os.dup2(one.fileno(), 3 + i, inheritable=True)
                env = environment(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=names)
                os.execve(HAWSERD, [HAWSERD, *LANES, '--config', self.write(text)], env)
            finally:
                os._exit(127)
        os.close(write)
        self.addCleanup(os.close, read)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, 15)
        return read_until(read, [b'\n']).decode()

    def test_sockets_of_the_service_manager_are_taken_by_name(self):
        first, second = socket.socket(), socket.socket()
        for one in (first, second):
            self.addCleanup(one.close)
            one.bind(('127.0.0.1', 0))
            one.listen()
        text = OPEN + listener('', 'fd:two') + '[listener other]\ntype=line\naddress=fd:one\nanonymous=allow\n'
        ready = self.hand_over(text, first, second, names='one:two')
        self.assertEqual(ready, f'ready mqtt=tcp:127.0.0.1:{second.getsockname()[1]} other=tcp:127.0.0.1:{first.getsockname()[1]}\n')
        with socket.create_connection(second.getsockname(), DEADLINE_S) as peer:
            peer.sendall(CONNECT)
            self.assertEqual(self.answer(peer), CONNACK)

    def test_systemd_starts_us_at_the_first_connection(self):
        port = free_port()
        process = subprocess.Popen(['systemd-socket-activate', '-l', f'127.0.0.1:{port}', '--fdname=mqtt', HAWSERD, '--config', self.write(OPEN + listener('', 'fd:mqtt'))],
                                   env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, DEADLINE_S)
        self.addCleanup(process.terminate)

        def dial():
            try:
                return socket.create_connection(('127.0.0.1', port), DEADLINE_S)
            except ConnectionRefusedError:
                return None

        peer = wait_for(dial, 'the socket of the service manager')
        self.addCleanup(peer.close)
        peer.sendall(CONNECT)
        self.assertEqual(self.answer(peer), CONNACK)

    def test_a_name_that_was_not_handed_over_is_told(self):
        result = self.run_daemon('--config', self.write(OPEN + listener('', 'fd:nothing')))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('handed over no socket of that name', result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
