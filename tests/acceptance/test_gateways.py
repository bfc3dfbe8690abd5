#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES X2: gateways report for the devices they may, and what goes to a device goes to the gateway that reported for it last."""
import base64
import json
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, Case, Client, Web, mosquitto, wait_for, wire
from twins import path

GATEWAYS = '''
[policy gateways]
allow=(role == "gateway" and topic ~ "plant/{devices}/telemetry") or topic ~ "plant/{principal}/telemetry"

[policy own]
allow=topic ~ "gateway/{principal}/#" or topic ~ "$twin/+/meter/{principal}/#"

[policy nobody]
allow=false

[topic plant/#]
create=auto
publish-policy=gateways

[topic gateway/#]
create=auto
publish-policy=nobody
subscribe-policy=own

[twin-family meter]
topics=plant/{meter}/telemetry
id=meter/{meter}
gateway-topic=gateway/{principal}

[identity crew]
type=password
password-file=%s

[listener guarded]
type=mqtt
address=tcp:127.0.0.1:0
identities=crew;

[listener guarded-web]
type=http
address=tcp:127.0.0.1:0
identities=crew;
'''

CLAIMS = {'g1': 'role=gateway;devices=m1;devices=m2', 'g2': 'role=gateway;devices=m1', 'g3': 'role=gateway;devices=m9', 'm1': 'role=device'}


class Gateways(Case):
    def setUp(self):
        super().setUp()
        passwords = self.scratch / 'users'
        passwords.touch(0o600)
        for user in CLAIMS:
            subprocess.run(['mosquitto_passwd', '-b', str(passwords), user, 'pw-' + user], check=True, capture_output=True)
        passwords.write_text(''.join(f'{line}:{CLAIMS[line.partition(":")[0]]}\n' for line in passwords.read_text().splitlines()))
        self.conf = GATEWAYS % passwords
        self.daemon = self.open(self.conf)
        self.port = self.daemon.port('guarded')
        self.web = self.daemon.web

    def peer(self, user, *filters):
        peer = Client(self.port, user=(user, 'pw-' + user))
        self.addCleanup(peer.close)
        if filters:
            self.assertEqual(set(peer.subscribe(*filters)), {1})
        return peer

    def report(self, user, device, **values):
        """As mosquitto_pub does it: True if it was allowed."""
        done = mosquitto('mosquitto_pub', self.port, '-V', '5', '-q', '1', '-d', '-u', user, '-P', 'pw-' + user, '-t', f'plant/{device}/telemetry', '-m', json.dumps(values))
        said = (done.stdout + done.stderr).lower()
        self.assertTrue(b'puback' in said, said)
        return b'not authorized' not in said

    def command(self, device, text, query='wait=0s'):
        return self.web.request('POST', path('meter/' + device, '/inbox/set') + '?' + query, text.encode()).status

    def test_a_command_goes_to_the_gateway_used_last(self):
        one, two = self.peer('g1', 'gateway/g1/#'), self.peer('g2', 'gateway/g2/#')
        for user, listening, text in (('g1', one, 'first'), ('g2', two, 'second'), ('g1', one, 'third')):
            self.assertTrue(self.report(user, 'm1', x=1))
            self.assertEqual(self.command('m1', text), 202)
            wait_for(lambda: text in listening.payloads(), text)
        self.assertEqual(one.pairs(), [('gateway/g1/inbox/meter/m1/set', 'first'), ('gateway/g1/inbox/meter/m1/set', 'third')])
        self.assertEqual(two.pairs(), [('gateway/g2/inbox/meter/m1/set', 'second')])

    def test_mosquitto_sub_as_a_gateway_takes_it(self):
        self.assertTrue(self.report('g1', 'm1', x=1))
        before = len(self.web.items('subscriptions'))
        gateway = subprocess.Popen(['mosquitto_sub', '-h', '127.0.0.1', '-p', str(self.port), '-u', 'g1', '-P', 'pw-g1', '-t', 'gateway/g1/#', '-q', '1', '-C', '1', '-v'],
                                   stdout=subprocess.PIPE)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.stdout.close)
        self.addCleanup(gateway.kill)
        wait_for(lambda: len(self.web.items('subscriptions')) > before, 'the subscription')
        self.assertEqual(self.command('m1', 'open'), 202)
        self.assertEqual(gateway.communicate(timeout=DEADLINE_S)[0], b'gateway/g1/inbox/meter/m1/set open\n')

    def test_a_gateway_without_the_right_is_refused_and_gets_nothing(self):
        one, three = self.peer('g1', 'gateway/g1/#'), self.peer('g3', 'gateway/g3/#')
        self.assertEqual(set(three.subscribe('gateway/#', 'gateway/g1/#')), {0x87})
        self.assertTrue(self.report('g1', 'm1', x=1))
        self.assertFalse(self.report('g3', 'm1', x=666))
        self.assertFalse(self.report('g2', 'm2', x=666))
        self.assertEqual(self.web.get(path('meter/m1')).json()['reported']['x']['value'], 1)
        self.assertEqual(self.web.get(path('meter/m2')).status, 404)
        self.assertEqual(self.command('m1', 'mine'), 202)
        one.wait(1)
        self.assertTrue(self.report('g3', 'm9', x=1))
        self.assertEqual(self.command('m9', 'yours'), 202)
        self.assertEqual(three.wait(1), ['yours'])

    def test_what_is_desired_goes_to_the_gateway_used_last(self):
        one, two = self.peer('g1', 'gateway/g1/#'), self.peer('g2', 'gateway/g2/#')
        self.assertTrue(self.report('g1', 'm1', x=1))
        self.assertEqual(self.web.request('PATCH', path('meter/m1'), '{"desired":{"valve":"open"}}', {'Content-Type': 'application/merge-patch+json'}).status, 200)
        wait_for(lambda: one.messages, 'the delta')
        self.assertEqual((one.messages[0].topic, json.loads(one.messages[0].payload)['desired']), ('gateway/g1/delta/meter/m1', {'valve': 'open'}))
        self.assertEqual(two.messages, [])
        self.assertTrue(self.report('g2', 'm1', x=1))
        wait_for(lambda: two.messages, 'the delta, again')
        self.assertEqual((two.messages[0].topic, json.loads(two.messages[0].payload)['desired']), ('gateway/g2/delta/meter/m1', {'valve': 'open'}))
        self.assertTrue(self.report('g2', 'm1', valve='open'))
        wait_for(lambda: two.messages[-1].payload == b'', 'nothing is left')

    def test_a_device_that_speaks_itself_gets_its_commands_itself(self):
        one, device = self.peer('g1', 'gateway/g1/#'), self.client(self.daemon)
        device.subscribe('$twin/inbox/meter/m1/#')
        self.assertTrue(self.report('g1', 'm1', x=1))
        self.assertEqual(self.command('m1', 'by the gateway'), 202)
        self.assertEqual(one.wait(1), ['by the gateway'])
        self.assertTrue(self.report('m1', 'm1', x=2))
        self.assertEqual(self.command('m1', 'by itself'), 202)
        self.assertEqual(device.wait(1), ['by itself'])
        self.assertEqual(one.payloads(), ['by the gateway'])

    def test_a_command_that_waited_goes_to_the_gateway_through_which_the_device_comes_back(self):
        one, two = self.peer('g1', 'gateway/g1/#'), self.peer('g2', 'gateway/g2/#')
        with wire.connected(self.port, 'lost', user='g1', password='pw-g1') as lost:
            lost.send(wire.publish('plant/m1/telemetry', b'{"x":1}', qos=1))
            wait_for(lambda: self.web.get(path('meter/m1')).status == 200, 'the twin')
        wait_for(lambda: self.web.get(path('meter/m1')).json()['state'] == 'offline', 'offline')
        answer = self.web.request('POST', path('meter/m1', '/inbox/set') + '?wait=0s&expiry=60s', b'later')
        self.assertEqual(answer.status, 202, answer.body)
        self.assertTrue(self.report('g2', 'm1', x=2))
        self.assertEqual(two.wait(1), ['later'])
        self.assertEqual(one.messages, [])

    def test_after_a_restart_a_command_goes_to_the_gateway_used_last_before_it(self):
        for device in ('m1', 'm2'):
            self.assertTrue(self.report('g1', device, x=1))
        self.assertTrue(self.report('g2', 'm1', x=1))
        self.assertTrue(self.report('m1', 'm1', x=1))     # itself: nobody else any more
        self.assertTrue(self.report('g2', 'm1', x=2))
        self.daemon.stop()
        self.daemon = self.open(self.conf)
        self.port, self.web = self.daemon.port('guarded'), self.daemon.web
        one, two = self.peer('g1', 'gateway/g1/#'), self.peer('g2', 'gateway/g2/#')
        for device, listening in (('m1', two), ('m2', one)):
            self.assertEqual(self.web.get(path('meter/' + device)).json()['state'], 'offline')
            self.assertNotIn('gateway', self.web.get(path('meter/' + device)).json())
            answer = self.web.request('POST', path('meter/' + device, '/inbox/set') + '?wait=0s&expiry=60s', device.encode())
            self.assertEqual(answer.status, 202, answer.body)
        self.assertEqual(self.web.request('PATCH', path('meter/m2'), '{"desired":{"valve":"open"}}', {'Content-Type': 'application/merge-patch+json'}).status, 200)
        self.assertEqual(json.loads(one.wait(1)[0])['desired'], {'valve': 'open'})
        self.assertTrue(self.report('g2', 'm1', x=3))
        self.assertEqual(two.wait(1), ['m1'])

    def test_a_gateway_over_http_waits_for_the_command_to_what_it_reported_for(self):
        web = Web(self.daemon.port('guarded-web'), 'Basic ' + base64.b64encode(b'g1:pw-g1').decode())
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(web.request('POST', '/v1/topics/plant/m2/telemetry?ttd=5min&qos=1', b'{"x":1}')))
        waiting.start()
        self.addCleanup(waiting.join)
        wait_for(lambda: self.web.get(path('meter/m2')).status == 200, 'the report')
        self.assertEqual(self.command('m2', 'over http'), 202)
        waiting.join(DEADLINE_S)
        self.assertEqual((answers[0].status, answers[0].body), (200, b'over http'))


if __name__ == '__main__':
    unittest.main(verbosity=2)
