#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""[admin] policy= decides who may use the admin API, on its own sockets and on HTTP listeners that serve it too."""
import base64
import hashlib
import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, OPEN, Case


class AdminPolicy(Case):
    def serve(self, rule):
        self.users, self.socket = self.scratch / 'users', self.scratch / 'admin.sock'
        salt = b'0123456789abcdef'
        key = base64.b64encode(hashlib.pbkdf2_hmac('sha512', b'secret', salt, 1000)).decode()
        self.users.write_text(''.join(f'{name}:$7$1000${base64.b64encode(salt).decode()}${key}\n' for name in ('ada', 'eve')))
        self.users.chmod(0o600)
        return self.start(self.text(rule))

    def text(self, rule):
        return (f'[admin]\naddress=unix:{self.socket}\npolicy=crew\n[policy crew]\nallow={rule}\n' + OPEN +
                f'[identity people]\ntype=password\npassword-file={self.users}\n' +
                '[listener web]\ntype=http\naddress=tcp:127.0.0.1:0\nidentities=people;\nanonymous=allow\nadmin=true\n')

    def code(self, *arguments):
        return subprocess.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', *arguments], capture_output=True, text=True, timeout=DEADLINE_S).stdout

    def over_the_socket(self, path):
        return self.code('--unix-socket', str(self.socket), 'http://localhost' + path)

    def test_the_policy_holds_on_every_listener_that_serves_the_api(self):
        web = self.serve('principal == "ada"').url('web')
        for path in ('/v1/admin/topics', '/metrics', '/v1/admin/status'):
            self.assertEqual(self.code(web + path), '401', path)
            self.assertEqual(self.code('-u', 'eve:secret', web + path), '403', path)
            self.assertEqual(self.code('-u', 'ada:secret', web + path), '200', path)
            self.assertEqual(self.over_the_socket(path), '403', path)   # the system says who it is: not ada
        self.assertEqual(self.code('-u', 'eve:secret', '-X', 'PUT', '-d', '{}', web + '/v1/admin/topics/a'), '403')
        self.assertEqual(self.code('-u', 'ada:secret', web + '/v1/admin/topics/a'), '404')

    def test_the_body_of_a_refused_request_is_never_read_as_the_next_one(self):
        web = self.serve('principal == "ada"')
        ada, eve = (base64.b64encode(who + b':secret') for who in (b'ada', b'eve'))
        inner = b'PUT /v1/admin/topics/smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\nContent-Length: 2\r\n\r\n{}' % ada
        with socket.create_connection(('127.0.0.1', web.port('web')), timeout=DEADLINE_S) as peer:
            peer.sendall(b'PUT /v1/admin/topics/a HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s' % (eve, len(inner), inner))
            answers = b''
            try:
                while (data := peer.recv(65536)):
                    answers += data
            except ConnectionResetError:
                pass  # what was not read is thrown away
        self.assertLessEqual(answers.count(b'HTTP/1.1 '), 1)
        self.assertEqual(self.code('-u', 'ada:secret', web.url('web') + '/v1/admin/topics/smuggled'), '404')

    def test_health_and_messages_are_no_matter_of_it(self):
        web = self.serve('principal == "ada"').url('web')
        self.assertEqual(self.code(web + '/livez'), '200')
        self.assertEqual(self.over_the_socket('/readyz'), '200')
        self.assertEqual(self.code('-d', 'x', web + '/v1/topics/a'), '202')

    def test_over_a_unix_socket_it_may_ask_for_the_user(self):
        daemon = self.serve(f'unix.uid == "{os.getuid()}"')
        self.assertEqual(self.over_the_socket('/v1/admin/status'), '200')
        self.assertEqual(self.code('--unix-socket', str(self.socket), 'http://hawser/v1/admin/status'), '200')
        self.assertEqual(self.code('--unix-socket', str(self.socket), 'http://evil.example/v1/admin/status'), '403')
        self.assertEqual(self.code(daemon.url('web') + '/v1/admin/status'), '401')
        self.assertEqual(self.hawser('status', '-u', f'unix:{self.socket}').returncode, 0)

    def test_a_reload_changes_who_may(self):
        self.serve(f'unix.uid == "{os.getuid()}"')
        self.assertEqual(self.over_the_socket('/v1/admin/status'), '200')
        self.write(self.text('principal == "ada"'))
        self.assertEqual(self.hawser('reload', '-u', f'unix:{self.socket}').returncode, 0)
        self.assertEqual(self.over_the_socket('/v1/admin/status'), '403')


if __name__ == '__main__':
    unittest.main(verbosity=2)
