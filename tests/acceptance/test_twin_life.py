#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES T3 T12 T13: twins that leave memory and come back, many asked at once, presence of those who are connected."""
import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, HAWSER, TEST_CONF, Client, TooSlow, in_time, wait_for
from twins import GRID, TwinCase, path
from test_twins import Device


class T3Passivation(TwinCase):
    """A hundred twins may live, a thousand are touched."""
    conf = GRID.replace('history=1000', 'history=10\npassivate-after=300ms').replace('stale-after=20s\n', '').replace('offline-after=40s\n', '')

    def open(self, extra='', **variables):
        return super().open(extra, conf=TEST_CONF.replace('[hawser]\n', '[hawser]\nmax-live-twins=100\n', 1), **variables)

    def metric(self, name):
        for line in self.web.get('/metrics').body.decode().splitlines():
            if line.startswith(name + ' '):
                return float(line.split()[-1])
        raise AssertionError(f'no metric {name}')

    def test_the_limit_holds_and_each_is_right_when_it_is_touched_again(self):
        client = self.client(self.daemon)
        sites = [f'r{i % 5}/f{i % 10}/s{i}' for i in range(1000)]
        for i, site in enumerate(sites):
            client.publish(f'grid/{site}/telemetry', json.dumps({'power': i, 'soc': i % 100, 'mode': f'm{i}'}), qos=int(i == 999))
        self.assertLessEqual(self.metric('hawser_twins_live'), 100)
        self.assertEqual(self.web.get('/v1/twins?count=1&limit=0').json()['count'], 1000 + 10 + 5 + 1)
        wait_for(lambda: self.aggregate('fleet')['power-kw']['sum'] == sum(range(1000)), 'the total')
        for i in random.Random(5).sample(range(1000), 100):
            twin = self.twin('site/' + sites[i])
            self.assertEqual((twin['state'], {key: entry['value'] for key, entry in twin['reported'].items()}), ('online', {'power-kw': i, 'soc': i % 100}))
            self.assertLessEqual(self.metric('hawser_twins_live'), 100)
        self.assertEqual(self.aggregate('fleet')['count']['online'], 1000)

    def test_silence_lets_it_leave_and_nothing_else_changes(self):
        device = Device(self, 'n/f/s')
        for power in range(20):
            device.say(power=power, soc=0.5)
        self.patch('site/n/f/s', {'desired': {'limit-kw': 5}, 'attributes': {'city': 'Bern'}})
        before = self.twin('site/n/f/s')
        history = self.web.get(path('site/n/f/s', '/history', key='power-kw')).json()
        self.assertEqual(len(history['items']), 10)
        wait_for(lambda: self.metric('hawser_twins_live') <= 3, 'it left')
        self.assertEqual(self.aggregate('fleet')['power-kw']['sum'], 19)
        self.assertEqual(self.ids(filter='eq(attributes/city,"Bern")'), ['site/n/f/s'])
        wait_for(lambda: self.metric('hawser_twins_live') <= 3, 'it left again')
        self.assertEqual(self.twin('site/n/f/s'), before)
        wait_for(lambda: self.metric('hawser_twins_live') <= 3, 'it left once more')
        self.assertEqual(self.web.get(path('site/n/f/s', '/history', key='power-kw')).json(), history)
        wait_for(lambda: self.metric('hawser_twins_live') <= 3, 'and again')
        device.say(power=99)
        self.assertEqual(self.value('site/n/f/s', 'power-kw'), 99)
        self.assertEqual(self.twin('site/n/f/s')['desired'], {'limit-kw': 5})


class T12OnTheCommandLine(TwinCase):
    def test_a_query_with_live_says_the_four_outcomes_and_is_partly_done(self):
        in_time(self, self.query_live, 1, 5, 20)

    def query_live(self, timeout_s):
        for i in range(3):
            Device(self, f'r/f/v{i}', lambda *_: '{"power-kw": 3}').say(power=1)
        Device(self, 'r/f/e0', lambda *_: '').say(power=1)
        Device(self, 'r/f/t0').say(power=1)
        gone = Device(self, 'r/f/g0')
        gone.say(power=1)
        gone.client.publish('grid/r/f/g0/link', 'offline')
        began = time.monotonic()
        done = subprocess.run([HAWSER, 'twin', 'query', '--url', f'http://127.0.0.1:{self.web.port}', '--live', '--wait', f'{timeout_s}s', 'like(id,"site/*")'],
                              capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertGreaterEqual(time.monotonic() - began, timeout_s)
        self.assertEqual(done.stderr, '')
        found = {line.split()[0][-2:]: line.split()[1] for line in done.stdout.splitlines() if line.startswith('site/')}
        if list(found.values()).count('timed-out') > 1:
            raise TooSlow(found)
        self.assertEqual(found, {'v0': 'value', 'v1': 'value', 'v2': 'value', 'e0': 'none-yet', 't0': 'timed-out', 'g0': 'not-available'})
        self.assertNotEqual(done.returncode, 0)


def password_line(name, password, claims):
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac('sha512', password.encode(), salt, 101, 64)
    return f'{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}:{claims}\n'


class T13Presence(TwinCase):
    conf = '''
[twin station]
presence-of=role:ground-station
offline-after=500ms
aggregate-interval=50ms

[twin anna]
presence-of=name:anna

[identity users]
type=password
password-file=%s
'''

    def setUp(self):
        self.conf = self.conf % (self.scratch_folder() / 'users')
        super().setUp()

    def scratch_folder(self):
        import pathlib
        import tempfile
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with open(os.open(folder.name + '/users', os.O_CREAT | os.O_WRONLY, 0o600), 'w') as file:
            file.write(password_line('anna', 'secret', 'role=ground-station') + password_line('bob', 'secret', 'role=ground-station;role=cook') + password_line('eve', 'secret', 'role=cook'))
        return pathlib.Path(folder.name)

    def open(self, extra='', **variables):
        head, mqtt, rest = TEST_CONF.partition('[listener mqtt]')
        return super().open(extra, conf=head + mqtt + rest.replace('anonymous=allow', 'identities=users;', 1), **variables)

    def connect(self, name):
        client = Client(self.daemon.mqtt, user=(name, 'secret'))
        self.addCleanup(client.close)
        return client

    def state(self, id):
        return self.twin(id)['state']

    def test_it_is_online_while_one_of_them_is_connected(self):
        self.assertEqual((self.state('station'), self.state('anna')), ('offline', 'offline'))
        eve = self.connect('eve')
        self.assertEqual(self.state('station'), 'offline')
        anna, bob = self.connect('anna'), self.connect('bob')
        self.assertEqual((self.state('station'), self.state('anna')), ('online', 'online'))
        anna.close()
        wait_for(lambda: self.state('anna') == 'offline', 'at once without offline-after')
        end = time.monotonic() + 1.2
        while time.monotonic() < end:   # longer than its limit of silence: bob is there
            self.assertEqual(self.state('station'), 'online')
        bob.client._sock_close()        # no goodbye
        wait_for(lambda: self.state('station') == 'offline', 'the silence after the last one left')
        self.connect('bob')
        self.assertEqual(self.state('station'), 'online')
        eve.close()


if __name__ == '__main__':
    unittest.main()
