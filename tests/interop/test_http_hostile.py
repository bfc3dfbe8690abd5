#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What strangers send: each of these is refused as the standards say and the connection is closed; a good client is
served within a second after every one; memory stays flat."""

import gzip
import socket
import struct
import time
import unittest

from http_daemon import DEADLINE_S, Daemon

HOST = b'Host: a\r\n'
POST = b'POST /v1/topics/h HTTP/1.1\r\n' + HOST


def chunked(body):
    return POST + b'Transfer-Encoding: chunked\r\n\r\n' + body


# name -> (bytes, status the answer must have)
REQUESTS = {
    # lengths of a request: RFC 9112 6
    'two hosts': (b'GET /livez HTTP/1.1\r\n' + HOST + HOST + b'\r\n', 400),
    'two differing hosts': (b'GET /livez HTTP/1.1\r\n' + HOST + b'Host: b\r\n\r\n', 400),
    'no host': (b'GET /livez HTTP/1.1\r\n\r\n', 400),
    'empty host': (b'GET /livez HTTP/1.1\r\nHost: \r\n\r\n', 400),
    'host with a blank': (b'GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n', 400),
    'host with a path': (b'GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n', 400),
    'host with a user': (b'GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n', 400),
    'differing lengths': (POST + b'Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400),
    'equal lengths': (POST + b'Content-Length: 1\r\nContent-Length: 1\r\n\r\nx', 400),
    'length list': (POST + b'Content-Length: 1, 1\r\n\r\nx', 400),
    'negative length': (POST + b'Content-Length: -1\r\n\r\n', 400),
    'signed length': (POST + b'Content-Length: +1\r\n\r\nx', 400),
    'hexadecimal length': (POST + b'Content-Length: 0x1\r\n\r\nx', 400),
    'length with a blank': (POST + b'Content-Length: 1 1\r\n\r\nx', 400),
    'empty length': (POST + b'Content-Length:\r\n\r\n', 400),
    'overflowing length': (POST + b'Content-Length: 99999999999999999999\r\n\r\n', 400),
    'length over the limit': (POST + b'Content-Length: 999999999999\r\n\r\n', 413),
    'ten gigabytes expected': (POST + b'Content-Length: 10737418240\r\nExpect: 100-continue\r\n\r\n', 413),
    'other expectation': (POST + b'Content-Length: 1\r\nExpect: tea\r\n\r\nx', 417),
    'length and chunked': (POST + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'chunked and length': (POST + b'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n', 400),
    'blank before the colon': (POST + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n', 400),
    'tab before the colon': (POST + b'Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n', 400),
    'encoding twice': (POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'encoding identity': (POST + b'Transfer-Encoding: identity\r\n\r\n', 501),
    'encoding gzip': (POST + b'Transfer-Encoding: gzip, chunked\r\n\r\n', 501),
    'encoding chunked chunked': (POST + b'Transfer-Encoding: chunked, chunked\r\n\r\n', 501),
    'encoding with a vertical tab': (POST + b'Transfer-Encoding: \x0bchunked\r\n\r\n', 400),
    'encoding quoted': (POST + b'Transfer-Encoding: "chunked"\r\n\r\n', 501),
    'chunked in HTTP/1.0': (b'POST /v1/topics/h HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    # chunks: RFC 9112 7
    'nonsense chunk size': (chunked(b'xyz\r\n'), 400),
    'empty chunk size': (chunked(b'\r\n'), 400),
    'negative chunk size': (chunked(b'-1\r\n'), 400),
    'prefixed chunk size': (chunked(b'0x5\r\nhello\r\n'), 400),
    'chunk size with a blank': (chunked(b'5 \r\nhello\r\n'), 400),
    'overflowing chunk size': (chunked(b'fffffffffffffffff\r\n'), 400),
    'chunk over the limit': (chunked(b'fffffffffff\r\n' + b'x' * 100_000 * 20), 413),
    'chunk too long': (chunked(b'1\r\nxx\r\n'), 400),
    'chunk too short': (chunked(b'5\r\nabc\r\n0\r\n\r\n'), 400),
    'chunk size ends in LF': (chunked(b'1\nx\r\n'), 400),
    'chunk ends in LF': (chunked(b'1\r\nx\n0\r\n\r\n'), 400),
    'endless chunk extension': (chunked(b'1;' + b'a' * 10_000), 400),
    'line feed in an extension': (chunked(b'1;a\n\r\nx\r\n'), 400),
    'folded trailer': (chunked(b'0\r\n a: b\r\n\r\n'), 400),
    'endless trailer': (chunked(b'0\r\n' + b'a: b\r\n' * 10_000), 431),
    'nul in a trailer': (chunked(b'0\r\na: \0\r\n\r\n'), 400),
    # lines: RFC 9112 2.2 and 5
    'folded line': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: a\r\n b\r\n\r\n', 400),
    'folded by tab': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: a\r\n\tb\r\n\r\n', 400),
    'blank after the request line': (b'GET /livez HTTP/1.1\r\n ' + HOST + b'\r\n', 400),
    'bare CR': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: a\rb\r\n\r\n', 400),
    'bare CR before the end': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: a\r\r\n\r\n', 400),
    'bare LF': (b'GET /livez HTTP/1.1\n' + HOST + b'\r\n', 400),
    'bare LF in headers': (b'GET /livez HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400),
    'nul in a value': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: a\0b\r\n\r\n', 400),
    'nul in a name': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X\0: a\r\n\r\n', 400),
    'control character': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: \x01\r\n\r\n', 400),
    'delete character': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: \x7f\r\n\r\n', 400),
    'no colon': (b'GET /livez HTTP/1.1\r\n' + HOST + b'abc\r\n\r\n', 400),
    'empty name': (b'GET /livez HTTP/1.1\r\n' + HOST + b': b\r\n\r\n', 400),
    'name with a blank': (b'GET /livez HTTP/1.1\r\n' + HOST + b'a b: c\r\n\r\n', 400),
    'name with a parenthesis': (b'GET /livez HTTP/1.1\r\n' + HOST + b'a(b): c\r\n\r\n', 400),
    'name in Latin-1': (b'GET /livez HTTP/1.1\r\n' + HOST + b'\xe9: c\r\n\r\n', 400),
    # the request line: RFC 9112 3
    'no version': (b'GET /livez\r\n\r\n', 400),
    'two blanks': (b'GET  /livez HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'trailing blank': (b'GET /livez HTTP/1.1 \r\n' + HOST + b'\r\n', 400),
    'tab for a blank': (b'GET\t/livez\tHTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'no target': (b'GET HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'relative target': (b'GET livez HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'raw bytes in the target': (b'GET /\xc3\xa9 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'fragment in the target': (b'GET /livez#a HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'other scheme': (b'GET gopher://a/ HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'connect': (b'CONNECT a:443 HTTP/1.1\r\n' + HOST + b'\r\n', 405),
    'asterisk of GET': (b'GET * HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'HTTP/2 preface': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    'HTTP/0.9': (b'GET /\r\n', 400),
    'HTTP/1.2': (b'GET /livez HTTP/1.2\r\n' + HOST + b'\r\n', 505),
    'HTTP/11': (b'GET /livez HTTP/11\r\n' + HOST + b'\r\n', 400),
    'small http': (b'GET /livez http/1.1\r\n' + HOST + b'\r\n', 400),
    'method with a brace': (b'G{T /livez HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'endless method': (b'A' * 5000, 400),
    'TLS hello': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400),
    'MQTT connect': (b'\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc', 400),
    'AMQP header': (b'AMQP\x00\x01\x00\x00', 400),
    'empty lines': (b'\r\n' * 100, 400),
    # sizes: RFC 6585 5
    'endless first line': (b'GET /' + b'a' * 200_000, 414),
    'endless query': (b'GET /livez?' + b'a=b&' * 50_000 + b' HTTP/1.1\r\n' + HOST + b'\r\n', 414),
    'header of a megabyte': (b'GET /livez HTTP/1.1\r\n' + HOST + b'X: ' + b'a' * 1_000_000 + b'\r\n\r\n', 431),
    'ten thousand headers': (b'GET /livez HTTP/1.1\r\n' + HOST + b'a: b\r\n' * 10_000 + b'\r\n', 431),
    'a hundred and one headers': (b'GET /livez HTTP/1.1\r\n' + HOST + b'a: b\r\n' * 100 + b'\r\n', 431),
    # bodies
    'deep JSON': (POST + b'Content-Type: application/cloudevents+json\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n' + b'[' * 200_000, 400),
    'batch that is none': (POST + b'Content-Type: application/cloudevents-batch+json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}', 400),
    'event without id': (POST + b'Content-Type: application/cloudevents+json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}', 400),
    'not a number': (POST + b'Content-Type: application/cloudevents+json\r\nConnection: close\r\nContent-Length: 3\r\n\r\nNaN', 400),
    'bad gzip': (POST + b'Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello', 400),
    'unknown coding': (POST + b'Content-Encoding: br\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello', 415),
    # paths and values
    'nul in the topic': (b'POST /v1/topics/a%00b HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'line end in the topic': (b'POST /v1/topics/a%0d%0ab HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'dots in the topic': (b'POST /v1/topics/%2e%2e/x HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'double coding': (b'POST /v1/topics/%252e%252e HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'bad UTF-8 in the topic': (b'POST /v1/topics/%c0%ae HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'surrogate in the topic': (b'POST /v1/topics/%ed%a0%80 HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'wildcard in the topic': (b'POST /v1/topics/a/%23 HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'line end in a ce- header': (POST + b'ce-x: a%0d%0aSet-Cookie: b\r\nConnection: close\r\n\r\n', 400),
    'line end in a filter': (b'GET /v1/events?filter=a%0ab HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'bad escape in the query': (b'GET /v1/events?filter=%zz HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'deep filter': (b'GET /v1/events?filter=' + b'a/' * 5000 + b' HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'forged event id': (b'GET /v1/events?filter=a HTTP/1.1\r\nLast-Event-ID: ' + b'9' * 60_000 + b'\r\nConnection: close\r\n' + HOST + b'\r\n', 400),
    'foreign origin': (POST + b'Origin: https://evil.example\r\nConnection: close\r\n\r\n', 403),
    'rebound host': (b'GET /v1/admin/topics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 403),
    'trace': (b'TRACE /v1/topics/a HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 405),
    'unknown method': (b'BREW /v1/topics/a HTTP/1.1\r\nConnection: close\r\n' + HOST + b'\r\n', 405),
}

UPGRADE = (b'GET /v1/ws HTTP/1.1\r\n' + HOST + b'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
MASK = bytes(4)

# name -> (frames, close code the answer must have)
FRAMES = {
    'unmasked': (b'\x81\x05hello', 1002),
    'reserved bit': (b'\xc1\x80' + MASK, 1002),
    'unknown opcode': (b'\x83\x80' + MASK, 1002),
    'fragmented ping': (b'\x09\x80' + MASK, 1002),
    'long ping': (b'\x89\xfe\x00\x7e' + MASK + b'x' * 126, 1002),
    'length of two to the 63rd': (b'\x81\xff\x80' + bytes(7) + MASK, 1002),
    'length not in the shortest form': (b'\x81\xfe\x00\x01' + MASK + b'x', 1002),
    'huge length': (b'\x81\xff\x00' + b'\xff' * 7 + MASK, 1009),
    'continuation of nothing': (b'\x80\x80' + MASK, 1002),
    'message inside a message': (b'\x01\x80' + MASK + b'\x81\x80' + MASK, 1002),
    'bad UTF-8': (b'\x81\x82' + MASK + b'\xc3\x28', 1007),
    'binary': (b'\x82\x81' + MASK + b'x', 1003),
    'endless fragments': (b'\x01\x80' + MASK + (b'\x00\x80' + MASK) * 5000, 1008),
    'close 1005': (b'\x88\x82' + MASK + struct.pack('>H', 1005), 1002),
    'close of one byte': (b'\x88\x81' + MASK + b'\x03', 1002),
}


def exchange(daemon, data):
    """All bytes that come back until the connection is closed."""
    with daemon.connect() as peer:
        answer = b''
        try:
            peer.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass # refused before all was taken
        try:
            while block := peer.recv(65536):
                answer += block
        except ConnectionResetError:
            pass
        return answer


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon('max-message-size=1MiB\n')

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def exchange(self, data):
        return exchange(self.daemon, data)

    def assert_good_client_is_served(self):
        """Within a second; a machine that was busy then is given another chance."""
        took = []
        while not took or took[-1] >= 1 and len(took) < 10:
            began = time.monotonic()
            self.assertEqual(self.daemon.request('GET', '/livez').body, b'ok\n')
            took.append(time.monotonic() - began)
        self.assertLess(took[-1], 1, took)

    def test_there_are_a_hundred(self):
        self.assertGreaterEqual(len(REQUESTS), 100)

    def test_requests_are_refused_and_closed(self):
        for name, (data, status) in REQUESTS.items():
            with self.subTest(name):
                answer = self.exchange(data)
                self.assertEqual(answer.count(b'\r\nDate: '), 1, answer[:300])
                self.assertEqual(int(answer.split(b' ', 2)[1]), status, answer[:300])
                self.assertIn(b'Connection: close\r\n', answer)
                self.assert_good_client_is_served()

    def test_the_second_request_of_a_connection_is_checked_too(self):
        for name in ('two hosts', 'length and chunked', 'blank before the colon', 'bare CR', 'folded line'):
            with self.subTest(name):
                answer = self.exchange(b'GET /livez HTTP/1.1\r\n' + HOST + b'\r\n' + REQUESTS[name][0])
                self.assertIn(b'HTTP/1.1 200 ', answer)
                self.assertIn(b'HTTP/1.1 400 ', answer)
        self.assert_good_client_is_served()

    def test_frames_are_closed_with_their_code(self):
        for name, (data, code) in FRAMES.items():
            with self.subTest(name):
                answer = self.exchange(UPGRADE + data)
                head, _, frames = answer.partition(b'\r\n\r\n')
                self.assertIn(b' 101 ', head)
                self.assertEqual(frames[0], 0x88, frames)
                self.assertEqual(struct.unpack('>H', frames[2:4])[0], code)
                self.assert_good_client_is_served()

    def test_five_hundred_slow_heads_keep_nobody_waiting(self):
        peers = [self.daemon.connect() for _ in range(500)]
        for peer in peers:
            peer.sendall(b'GET /livez HTTP/1.1\r\nX: ')
        self.assert_good_client_is_served()
        for peer in peers:
            peer.close()

    def test_ping_flood_is_bounded(self):
        before = self.daemon.resident_kib()
        with self.daemon.connect() as peer:
            peer.sendall(UPGRADE)
            peer.settimeout(0.5)
            flood = (b'\x89\xfd' + MASK + b'x' * 125) * 1000
            try:
                for _ in range(200): # 26 MB of pings whose answers nobody reads
                    peer.sendall(flood)
            except (socket.timeout, ConnectionResetError, BrokenPipeError):
                pass
            self.assert_good_client_is_served()
            self.assertLess(self.daemon.resident_kib() - before, self.daemon.may_grow_kib(8 * 1024))

    def test_oversized_bodies_leave_memory_flat(self):
        self.daemon.publish('warm', b'x' * 1000_000)
        before = self.daemon.resident_kib()
        block = b'x' * 65536
        for head in (POST + b'Content-Length: 150000000\r\n\r\n', POST + b'Transfer-Encoding: chunked\r\n\r\n8f0d180\r\n'):
            with self.daemon.connect() as peer:
                try:
                    peer.sendall(head)
                    for _ in range(2300):
                        peer.sendall(block)
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertLess(self.daemon.resident_kib() - before, self.daemon.may_grow_kib(6 * 1024))
        self.assert_good_client_is_served()

    def test_gzip_bomb_is_413(self):
        bomb = gzip.compress(bytes(200 * 1024 * 1024))
        self.assertLess(len(bomb), 1024 * 1024)
        before = self.daemon.resident_kib()
        answer = self.daemon.request('POST', '/v1/topics/h', bomb, {'Content-Encoding': 'gzip'})
        self.assertEqual((answer.status, answer.json()['reason']), (413, 'too-large'))
        self.assertLess(self.daemon.resident_kib() - before, self.daemon.may_grow_kib(6 * 1024))

    def test_a_million_members_are_linear(self):
        body = b'{' + b','.join(b'"k":1' for _ in range(170_000)) + b'}'
        before = self.daemon.cpu_s()
        answer = self.daemon.request('POST', '/v1/topics/h', body, {'Content-Type': 'application/cloudevents+json'})
        self.assertEqual(answer.status, 400)
        self.assertLess(self.daemon.cpu_s() - before, 2)


class Slow(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon('header-timeout=1s\nbody-timeout=1s\nidle-timeout=1s\n')
        self.addCleanup(self.daemon.close)

    def test_silence_and_dripping_end_at_the_deadline(self):
        for name, data, status in (('silence', b'', None), ('half a line', b'GET /li', 408), ('half a head', b'GET /livez HTTP/1.1\r\nHos', 408),
                                   ('half a body', POST + b'Content-Length: 10\r\n\r\nabc', 408), ('half a chunk', chunked(b'5\r\nab'), 408),
                                   ('idle', b'GET /livez HTTP/1.1\r\n' + HOST + b'\r\n', 200)):
            with self.subTest(name):
                answer = exchange(self.daemon, data)
                if status is None:
                    self.assertEqual(answer, b'')
                else:
                    self.assertEqual(int(answer.split(b' ', 2)[1]), status)

    def test_dripped_head_ends_at_the_deadline(self):
        with self.daemon.connect() as peer:
            end = time.monotonic() + DEADLINE_S
            peer.settimeout(0.1)
            answer = b''
            while True:
                self.assertLess(time.monotonic(), end)
                try:
                    peer.sendall(b'G')
                    if not (block := peer.recv(1000)):
                        break
                    answer += block
                except socket.timeout:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    break
            self.assertTrue(answer.startswith(b'HTTP/1.1 4'))


if __name__ == '__main__':
    unittest.main()
