#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever left a retained value behind must still have the right to it when it is given to somebody (HARDENING M13): the policy, the
identity file and the ban list are asked again, also about values of before a restart. The value itself stays, and speaks again
when its author may. And whoever is away has the rights that it had."""
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, WEB, Case, wait_for
from waiting import Seen

import paho.mqtt.client as paho

MQTT = '[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\n'
VERSIONS = {'mqttv311': paho.MQTTv311, 'mqttv5': paho.MQTTv5}


def rules(rule):
    return (f'[policy anyone]\nallow=true\n[policy author]\nallow={rule}\n[topic #]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\n'
            '[topic r/#]\ncreate=auto\npublish-policy=author\nsubscribe-policy=anyone\n')


def user(name, claims=''):
    key = hashlib.pbkdf2_hmac('sha512', b'secret', b'0123456789abcdef', 1000)
    return f"{name}:$7$1000${base64.b64encode(b'0123456789abcdef').decode()}${base64.b64encode(key).decode()}:{claims}\n"


class Authors(Case):
    def reload(self, daemon, text):
        self.write(text)
        self.assertIn('was reloaded', daemon.reload())

    def get(self, daemon, path, method='GET'):
        try:
            with urllib.request.urlopen(urllib.request.Request(daemon.url('web') + path, method=method), timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def leave(self, daemon, topic, *options, client=None):
        subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(daemon.port('mqtt')), '-r', '-q', '1', '-t', topic, '-m', 'kept',
                        *(['-i', client] if client else []), *options], check=True, timeout=DEADLINE_S)

    def client(self, daemon, version=paho.MQTTv311, name='reader', user=None):
        client = paho.Client(name, protocol=version)
        client.got, client.granted, client.ended = Seen(), Seen(), Seen()
        client.on_message = lambda c, u, message: c.got.append((message.topic, message.retain))
        client.on_subscribe = lambda c, *rest: c.granted.append(rest)
        client.on_disconnect = lambda c, *rest: c.ended.append(rest)
        if user is not None:
            client.username_pw_set(user, 'secret')
        client.connect('127.0.0.1', daemon.port('mqtt'))
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        wait_for(client.is_connected)
        return client

    def kept(self, daemon, user=None):
        """Topics of the retained values below r/ that somebody gets who subscribes now, by each version of MQTT and by HTTP."""
        seen = []
        for version in VERSIONS.values():
            client = self.client(daemon, version, user=user)
            client.subscribe('r/#', 1)
            client.subscribe('end', 1)
            wait_for(lambda: len(client.granted) == 2)
            client.publish('end', 'x', 1)
            wait_for(lambda: ('end', False) in client.got)    # on one connection: what is kept came before
            client.disconnect()
            seen.append(sorted(topic for topic, retained in client.got if retained))
        self.assertEqual(seen[0], seen[1])
        by_http = [topic for topic in ('r/bad', 'r/good') if self.get(daemon, f'/v1/topics/{topic}')[0] == 200]
        self.assertEqual(by_http, seen[0])
        return seen[0]

    def denied(self, daemon):
        return int(re.search(r'hawser_messages_dropped_total\{reason="denied"\} (\d+)', self.get(daemon, '/metrics')[1]).group(1))

    def test_a_value_goes_and_comes_with_the_policy(self):
        for version in VERSIONS:
            with self.subTest(version):
                def text(rule):
                    return rules(rule) + MQTT + 'anonymous=allow\n' + WEB

                daemon = self.start(text('true'))
                for client in ('bad', 'good'):                 # both are gone when their rights are looked at
                    self.leave(daemon, f'r/{client}', '-V', version, client=client)
                self.assertEqual((self.kept(daemon), self.denied(daemon)), (['r/bad', 'r/good'], 0))
                self.reload(daemon, text('client-id != "bad"'))
                self.assertEqual((self.kept(daemon), self.denied(daemon)), (['r/good'], 2))
                self.reload(daemon, text('true'))
                self.assertEqual((self.kept(daemon), self.denied(daemon)), (['r/bad', 'r/good'], 2))
                daemon.stop()

    def test_a_value_of_before_a_restart_has_its_author(self):
        def text(rule):
            return f'[hawser]\nstate-dir={self.scratch}/state\n' + rules(rule) + MQTT + 'anonymous=allow\n' + WEB

        daemon = self.start(text('true'))
        self.leave(daemon, 'r/good', client='good')
        # comes when its time has come, long after the restart below began: its author is kept with it
        self.leave(daemon, 'r/bad', '-V', 'mqttv5', '-D', 'publish', 'user-property', 'deliver-at', str(time.time() + 1), client='bad')
        daemon.stop()
        daemon = self.start(text('true'))
        wait_for(lambda: self.get(daemon, '/v1/topics/r/bad')[0] == 200)
        self.assertEqual(self.kept(daemon), ['r/bad', 'r/good'])
        daemon.stop()
        daemon = self.start(text('client-id != "bad"'))
        self.assertEqual(self.kept(daemon), ['r/good'])
        self.reload(daemon, text('true'))
        self.assertEqual(self.kept(daemon), ['r/bad', 'r/good'])

    def test_who_is_away_has_the_rights_it_had_also_after_a_restart(self):
        """Everything that a policy may ask about is known of a session whose client is away."""
        users = self.scratch / 'users'
        users.write_text(user('ada', 'role=crew;role=pilot') + user('writer'))
        users.chmod(0o600)
        text = (f'[hawser]\nstate-dir={self.scratch}/state\n[policy anyone]\nallow=true\n[policy reader]\n'
                'allow=client-id ~ "ground-*" and listener == "mqtt" and protocol == "mqtt" and address == "127.0.0.1" and role == "pilot" and role == "crew" and tls == "false"\n'
                f'[topic a/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=reader\n[identity crew]\ntype=password\npassword-file={users}\n' + MQTT + 'identities=crew;\n')
        daemon = self.start(text)
        session = ['mosquitto_sub', '-i', 'ground-1', '-c', '-q', '1', '-t', 'a/b', '-u', 'ada', '-P', 'secret', '-h', '127.0.0.1']
        subprocess.run([*session, '-p', str(daemon.port('mqtt')), '-E'], check=True, timeout=DEADLINE_S)
        for number in range(3):
            subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(daemon.port('mqtt')), '-u', 'writer', '-P', 'secret', '-q', '1', '-t', 'a/b', '-m', str(number)],
                           check=True, timeout=DEADLINE_S)
            daemon.stop()
            daemon = self.start(text)
        out = subprocess.run([*session, '-p', str(daemon.port('mqtt')), '-C', '3'], capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(out.stdout.split(), ['0', '1', '2'])

    def test_a_will_that_waits_has_the_rights_of_its_client_after_a_restart(self):
        users = self.scratch / 'users'
        users.write_text(user('ada', 'role=crew;role=pilot') + user('reader'))
        users.chmod(0o600)
        text = (f'[hawser]\nstate-dir={self.scratch}/state\n' + rules('role == "pilot" and role == "crew"') +
                f'[identity crew]\ntype=password\npassword-file={users}\n' + MQTT + 'identities=crew;\n' + WEB)
        daemon = self.start(text)
        peer = subprocess.Popen(['mosquitto_sub', '-h', '127.0.0.1', '-p', str(daemon.port('mqtt')), '-V', 'mqttv5', '-x', '600', '-i', 'ada-1', '-u', 'ada', '-P', 'secret', '-t', 'x',
                                 '--will-topic', 'r/good', '--will-retain', '--will-payload', 'gone', '-D', 'will', 'will-delay-interval', '2'])
        wait_for(lambda: '"ada-1"' in self.get(daemon, '/v1/admin/connections')[1])
        peer.kill()
        peer.wait()
        wait_for(lambda: '"ada-1"' not in self.get(daemon, '/v1/admin/connections')[1])
        daemon.stop()
        daemon = self.start(text)
        wait_for(lambda: self.get(daemon, '/v1/topics/r/good') == (200, 'gone'))

    def test_a_will_is_its_clients_word_too(self):
        def text(rule):
            return rules(rule) + MQTT + 'anonymous=allow\n' + WEB

        daemon = self.start(text('true'))
        for client in ('bad', 'good'):
            peer = subprocess.Popen(['mosquitto_sub', '-p', str(daemon.port('mqtt')), '-i', client, '-t', 'x', '--will-topic', f'r/{client}', '--will-retain', '--will-payload', 'gone'])
            wait_for(lambda: f'"{client}"' in self.get(daemon, '/v1/admin/connections')[1])
            peer.kill()
            peer.wait()
            wait_for(lambda: self.get(daemon, f'/v1/topics/r/{client}')[0] == 200)
        self.reload(daemon, text('client-id != "bad"'))
        self.assertEqual(self.kept(daemon), ['r/good'])

    def test_who_is_not_in_the_password_file_any_more_says_nothing(self):
        users = self.scratch / 'users'

        def write(*lines):
            users.write_text(''.join(lines))
            users.chmod(0o600)
        text = rules('role == "crew"') + f'[identity crew]\ntype=password\npassword-file={users}\n' + MQTT + 'identities=crew;\n' + WEB
        write(user('bad', 'role=crew'), user('good', 'role=crew'), user('reader'))
        daemon = self.start(text)
        for name in ('bad', 'good'):
            self.leave(daemon, f'r/{name}', '-u', name, '-P', 'secret')
        self.assertEqual(self.kept(daemon, 'reader'), ['r/bad', 'r/good'])
        write(user('good', 'role=crew'), user('reader'))
        self.reload(daemon, text)
        self.assertEqual(self.kept(daemon, 'reader'), ['r/good'])
        write(user('bad', 'role=guest'), user('good', 'role=crew'), user('reader'))      # back, with another role
        self.reload(daemon, text)
        self.assertEqual(self.kept(daemon, 'reader'), ['r/good'])
        write(user('bad', 'role=crew'), user('good', 'role=crew'), user('reader'))
        self.reload(daemon, text)
        self.assertEqual(self.kept(daemon, 'reader'), ['r/bad', 'r/good'])

    def test_who_was_banned_by_hand_is_closed_and_says_nothing(self):
        users = self.scratch / 'users'
        users.write_text(user('bad') + user('reader'))
        users.chmod(0o600)
        daemon = self.start(rules('true') + f'[identity crew]\ntype=password\npassword-file={users}\n' + MQTT + 'identities=crew;\n' + WEB)
        self.leave(daemon, 'r/bad', '-u', 'bad', '-P', 'secret')
        self.leave(daemon, 'r/good', '-u', 'reader', '-P', 'secret', client='good')
        for name, remaining in (('principal:bad', ['r/good']), ('client:good', ['r/bad'])):
            with self.subTest(name):
                peer = self.client(daemon, name='good', user='bad')
                self.assertEqual(self.get(daemon, f'/v1/admin/bans/{name}', 'PUT')[0], 204)
                wait_for(lambda: peer.ended)
                peer.disconnect()
                self.assertEqual(self.kept(daemon, 'reader'), remaining)
                self.assertEqual(self.get(daemon, f'/v1/admin/bans/{name}', 'DELETE')[0], 204)
                self.assertEqual(self.kept(daemon, 'reader'), ['r/bad', 'r/good'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
