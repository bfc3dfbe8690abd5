#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who guesses passwords is shut out, on all listeners, and somebody may change that (FEATURES E9)."""
import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, MQTT, OPEN, WEB, Case, wait_for


class Bans(Case):
    def serve(self, extra=''):
        users, self.admin = self.scratch / 'users', self.scratch / 'admin.sock'
        salt = b'0123456789abcdef'
        users.write_text(f"ada:$7$1000${base64.b64encode(salt).decode()}${base64.b64encode(hashlib.pbkdf2_hmac('sha512', b'secret', salt, 1000)).decode()}\n")
        users.chmod(0o600)
        return self.start(OPEN + f'[admin]\naddress=unix:{self.admin}\n[identity crew]\ntype=password\npassword-file={users}\n' +
                          f'[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nidentities=crew;\n{extra}' + '[listener web]\ntype=http\naddress=tcp:127.0.0.1:0\nidentities=crew;\n')

    def ask(self, method, path):
        answer = subprocess.run(['curl', '-s', '-X', method, '-w', '\n%{http_code}', '--unix-socket', str(self.admin), f'http://localhost{path}'], capture_output=True, text=True, timeout=DEADLINE_S)
        body, code = answer.stdout.rsplit('\n', 1)
        return int(code), json.loads(body) if body.startswith('{') else body

    def login(self, daemon, password):
        return subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(daemon.port('mqtt')), '-u', 'ada', '-P', password, '-t', 'a', '-m', 'x', '-q', '1'],
                              capture_output=True, timeout=DEADLINE_S).returncode

    def is_closed_at_once(self, daemon, name):
        with socket.create_connection(daemon.addresses[name], DEADLINE_S) as peer:
            try:
                return peer.recv(1) == b''
            except ConnectionResetError:
                return True

    def test_ten_bad_log_ins_ban_the_address_everywhere_until_somebody_lifts_it(self):
        daemon = self.serve()
        for _ in range(9):
            self.assertNotEqual(self.login(daemon, 'wrong'), 0)
        self.assertEqual(self.login(daemon, 'secret'), 0)          # nine do not
        self.assertEqual(self.ask('GET', '/v1/admin/bans')[1]['items'], [])
        self.assertNotEqual(self.login(daemon, 'wrong'), 0)
        self.assertNotEqual(self.login(daemon, 'secret'), 0)       # the right one comes too late
        self.assertTrue(self.is_closed_at_once(daemon, 'mqtt'))
        self.assertTrue(self.is_closed_at_once(daemon, 'web'))
        items = self.ask('GET', '/v1/admin/bans')[1]['items']
        self.assertEqual([item['address'] for item in items], ['127.0.0.1'])
        self.assertLessEqual(items[0]['seconds-left'], 600)
        metrics = self.ask('GET', '/metrics')[1]
        self.assertIn('\nhawser_failed_logins_total 10\n', metrics)
        self.assertIn('\nhawser_bans 1\n', metrics)
        self.assertEqual(self.ask('DELETE', '/v1/admin/bans/127.0.0.1')[0], 204)
        self.assertEqual(self.login(daemon, 'secret'), 0)
        self.assertEqual(self.ask('DELETE', '/v1/admin/bans/127.0.0.1')[0], 404)

    def test_a_ban_ends_by_itself(self):
        daemon = self.serve('ban-failures=2\nban-duration=300ms\n')
        self.login(daemon, 'wrong')
        self.login(daemon, 'wrong')
        wait_for(lambda: self.login(daemon, 'secret') == 0, 'the end of the ban')

    def test_somebody_may_ban_an_address(self):
        daemon = self.serve()
        self.assertEqual(self.ask('PUT', '/v1/admin/bans/127.0.0.1?duration=1h')[0], 204)
        self.assertTrue(self.is_closed_at_once(daemon, 'mqtt'))
        for path in ('nowhere', '127.0.0.1?duration=soon'):
            self.assertEqual(self.ask('PUT', f'/v1/admin/bans/{path}')[0], 400)

    def test_the_command_lists_adds_and_removes(self):
        daemon = self.start(OPEN + MQTT + WEB)
        web, port = daemon.url('web'), str(daemon.port('mqtt'))

        def publish(client):
            return subprocess.run(['mosquitto_pub', '-V', '5', '-p', port, '-i', client, '-t', 'a', '-m', 'x', '-q', '1'], capture_output=True, timeout=DEADLINE_S).returncode

        self.assertEqual(publish('bad'), 0)
        self.assertEqual(self.hawser('ban', 'add', 'client:bad', '--duration=1h', '-u', web).returncode, 0)
        self.assertNotEqual(publish('bad'), 0)
        self.assertEqual(publish('good'), 0)
        listed = self.hawser('ban', 'list', '-u', web)
        self.assertRegex(listed.stdout, r'(?m)^client:bad +(3600|3[0-9]{3})$')
        items = json.loads(self.hawser('ban', 'list', '--json', '-u', web).stdout)['items']
        self.assertEqual([(item['name'], item['client']) for item in items], [('client:bad', 'bad')])
        self.assertEqual(self.hawser('ban', 'remove', 'client:bad', '-u', web).returncode, 0)
        self.assertEqual(publish('bad'), 0)
        again = self.hawser('ban', 'remove', 'client:bad', '-u', web)
        self.assertEqual((again.returncode, 'not banned' in again.stderr), (6, True), again.stderr)
        wrong = self.hawser('ban', 'add', 'nobody', '-u', web)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn('client:ID', wrong.stderr)

    def test_a_client_that_connects_too_often_is_banned_whoever_it_is(self):
        daemon = self.start(OPEN + MQTT + 'flapping-count=4\nflapping-window=1h\n' + WEB)
        port = str(daemon.port('mqtt'))

        def visit(version):
            return subprocess.run(['mosquitto_pub', '-V', version, '-p', port, '-i', 'flap', '-t', 'a', '-n', '-q', '1'], capture_output=True, text=True, timeout=DEADLINE_S)

        for _ in range(4):
            self.assertEqual(visit('5').returncode, 0)
        self.assertIn('Banned', visit('5').stderr)
        self.assertIn('not authorised', visit('311').stderr.lower())
        self.assertIn('client:flap', self.hawser('ban', 'list', '-u', daemon.url('web')).stdout)

    def test_a_banned_principal_is_refused_by_every_protocol(self):
        daemon = self.serve()
        self.assertEqual(self.login(daemon, 'secret'), 0)
        self.assertEqual(self.ask('PUT', '/v1/admin/bans/principal:ada')[0], 204)
        self.assertNotEqual(self.login(daemon, 'secret'), 0)
        answer = subprocess.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', 'ada:secret', '-d', 'x', f"http://127.0.0.1:{daemon.port('web')}/v1/topics/a"],
                                capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(answer.stdout, '403')
        self.assertEqual(self.ask('DELETE', '/v1/admin/bans/principal:ada')[0], 204)
        self.assertEqual(self.login(daemon, 'secret'), 0)

    def test_nobody_is_banned_where_it_is_off(self):
        daemon = self.serve('ban-failures=0\n')
        for _ in range(12):
            self.login(daemon, 'wrong')
        self.assertEqual(self.login(daemon, 'secret'), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
