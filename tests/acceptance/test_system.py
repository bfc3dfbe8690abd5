#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES O4: $SYS topics under the names that mosquitto's tools know, and our own; HARDENING M12."""
import subprocess
import unittest

import acceptance
from acceptance import DEADLINE_S, Case, puback, wait_for, wait_quiet

KNOWN = '''version uptime clients/connected clients/disconnected clients/total clients/maximum clients/expired clients/active clients/inactive
messages/received messages/sent messages/stored publish/messages/received publish/messages/sent publish/messages/dropped publish/bytes/received
publish/bytes/sent bytes/received bytes/sent store/messages/count store/messages/bytes subscriptions/count shared_subscriptions/count retained+messages/count heap/current heap/maximum'''.split()
LOADS = ['messages/received', 'messages/sent', 'publish/received', 'publish/sent', 'publish/dropped', 'bytes/received', 'bytes/sent', 'connections', 'sockets']
NAMES = {'$SYS/broker/' + name.replace('+', ' ') for name in KNOWN} | {
    f'$SYS/broker/load/{name}/{span}min' for name in LOADS for span in (1, 5, 15)}
OWN = {'$SYS/hawser/' + name for name in ('messages/queued', 'messages/refused', 'messages/dropped/overflow', 'topics/count', 'listener/mqtt/connections')}
FAST = acceptance.TEST_CONF.replace('name=test', 'name=test\nsys-interval=100ms')


class System(Case):
    def values(self, client):
        return {message.topic: message.payload.decode() for message in client.messages}

    def test_mosquitto_sub_shows_the_well_known_names_and_ours(self):
        daemon = self.open()
        sub = subprocess.Popen(['stdbuf', '-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', str(daemon.mqtt), '-t', '$SYS/#', '-F', '%t=%p', '-W', str(DEADLINE_S)],
                               stdout=subprocess.PIPE, text=True)
        values = {}
        with sub:
            for line in sub.stdout:
                name, _, value = line.rstrip('\n').partition('=')
                values[name] = value
                if NAMES | OWN <= set(values):
                    break
            sub.kill()
        self.assertEqual(set(), (NAMES | OWN) - set(values))
        self.assertRegex(values['$SYS/broker/version'], r'^hawserd version \d')
        self.assertRegex(values['$SYS/broker/uptime'], r'^\d+ seconds$')
        self.assertEqual('1', values['$SYS/broker/clients/connected'])
        for name in (NAMES | OWN) - {'$SYS/broker/version', '$SYS/broker/uptime'}:
            float(values[name])

    def test_they_are_retained_values_of_now_for_each_new_subscriber(self):
        daemon = self.open(conf=FAST)
        for n in range(1, 4):
            client = self.client(daemon, f'c{n}')
            client.publish('x/y', b'%d' % n)
            late = self.client(daemon)
            late.subscribe('$SYS/broker/publish/messages/received')
            wait_for(lambda: str(n) in late.payloads(), f'{n}')
            self.assertTrue(late.messages[0].retain)
            late.close()

    def test_figures_follow_what_happens_and_only_what_changed_is_sent(self):
        daemon = self.open(conf=FAST)
        watching = self.client(daemon)
        watching.subscribe('$SYS/#')
        client = self.client(daemon, 'kept', expiry=100, clean=False)
        client.subscribe('a/#')
        for n in range(10):
            client.publish('a/b', b'12345', retain=True)
        expected = {'publish/messages/received': '10', 'publish/bytes/received': '50', 'clients/connected': '2', 'clients/maximum': '2',
                    'retained messages/count': '1', 'subscriptions/count': '2'}
        wait_for(lambda: all(self.values(watching).get('$SYS/broker/' + name) == value for name, value in expected.items()), 'the figures')
        wait_for(lambda: float(self.values(watching)['$SYS/broker/load/publish/received/1min']) > 0, 'the load')
        client.close()
        wait_for(lambda: self.values(watching)['$SYS/broker/clients/disconnected'] == '1', 'the absent client')
        self.assertEqual('2', self.values(watching)['$SYS/broker/clients/total'])
        self.assertEqual(1, [message.topic for message in watching.messages].count('$SYS/broker/version'))

    def test_a_session_that_expires_is_counted(self):
        daemon = self.open(conf=FAST)
        self.client(daemon, 'short', expiry=1, clean=False).close()
        watching = self.client(daemon)
        watching.subscribe('$SYS/broker/clients/expired')
        wait_for(lambda: '1' in watching.payloads(), 'the expiry')

    def test_nobody_is_woken_while_nobody_looks(self):
        daemon = self.open(conf=FAST)
        watching = self.client(daemon)
        watching.subscribe('$SYS/#')
        wait_for(lambda: len(watching.messages) > len(NAMES), 'the values')
        names = lambda: [item['name'] for item in daemon.web.items('topics') if item['name'].startswith('$SYS/') and item['retained_value']]
        self.assertGreater(len(names()), len(NAMES))
        watching.close()
        wait_for(lambda: not names(), 'that the values go')
        wait_quiet(daemon.wake_ups, 0.6, 1)   # six intervals

    def test_clients_publish_none_of_them(self):
        daemon = self.open()
        for topic in ('$SYS/broker/version', '$SYS/mine', '$other'):
            self.assertEqual(0x87, puback(daemon.mqtt, topic))
        self.assertEqual(403, daemon.web.publish('$SYS/broker/version', b'x').status)

    def test_plain_wildcards_do_not_show_them(self):
        daemon = self.open(conf=FAST)
        watching, plain = self.client(daemon), self.client(daemon)
        plain.subscribe('#', '+/broker/version')
        watching.subscribe('$SYS/#')
        wait_for(lambda: len(watching.messages) > len(NAMES), 'the values')
        plain.publish('end')
        self.assertEqual([('end', '')], plain.wait(1) and plain.pairs())

    def test_who_may_not_read_everything_may_not_read_them(self):
        daemon = self.open(conf=FAST.replace('subscribe-policy=anyone', 'subscribe-policy=crew').replace('[topic #]', '[policy crew]\nallow=role == "crew"\n\n[topic #]'))
        self.assertEqual([0x87], self.client(daemon).subscribe('$SYS/#'))

    def test_they_can_be_turned_off(self):
        daemon = self.open(conf=FAST.replace('100ms', '0s'))
        client = self.client(daemon)
        client.subscribe('$SYS/#', 'end')
        client.publish('end')
        self.assertEqual([('end', '')], client.wait(1) and client.pairs())


if __name__ == '__main__':
    unittest.main(verbosity=2)
