#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGHUP: the configuration of a running daemon changes whole or not at all (FEATURES O8, E5). HAWSER_TEST_RELOADS: how often
under load, 100 if unset."""
import base64
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, WEB, Case, free_port, wait_for
from waiting import Known, Seen

import paho.mqtt.client as paho

N_RELOADS = int(os.environ.get('HAWSER_TEST_RELOADS', '100'))
RULES = '[policy anyone]\nallow=true\n[policy nobody]\nallow=false\n'
OPEN_TOPICS = '[topic #]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\n'
MQTT = '[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\n'


class Reload(Case):
    def reload(self, daemon, text=None):
        """What was logged."""
        if text is not None:
            self.write(text)
        return daemon.reload()

    def client(self, port, **options):
        client = paho.Client(options.get('name', ''), protocol=paho.MQTTv5)
        client.got, client.codes, client.acks, client.ended = Seen(), Seen(), Known(), Seen()
        client.on_message = lambda c, u, message: c.got.append((message.topic, message.payload.decode()))
        client.on_subscribe = lambda c, u, mid, codes, *rest: [c.codes.append(int(getattr(code, 'value', code))) for code in codes]
        client.on_disconnect = lambda c, u, code, *rest: c.ended.append(code)
        if 'user' in options:
            client.username_pw_set(*options['user'])
        client.connect('127.0.0.1', port)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        wait_for(client.is_connected, 'CONNACK')
        return client

    def subscribe(self, client, topic):
        client.codes.clear()
        client.subscribe(topic, 1)
        wait_for(lambda: client.codes)
        return client.codes[0]

    def publish(self, client, topic, payload='x'):
        info = client.publish(topic, payload, 1)
        info.wait_for_publish(DEADLINE_S)

    def test_a_bad_file_changes_nothing_and_names_the_line(self):
        good = RULES + OPEN_TOPICS + MQTT
        daemon = self.start(good)
        client = self.client(daemon.port('mqtt'))
        self.assertEqual(self.subscribe(client, 'a'), 1)
        # the policy would shut everybody out; the mistake comes after it
        seen = self.reload(daemon, good.replace('allow=true', 'allow=false') + '[listener more]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymus=allow\n')
        self.assertIn('the configuration stays as it was', seen)
        self.assertRegex(seen, r'hawser\.conf:\d+:1: error: .*anonymus')
        self.publish(client, 'a', 'still')
        wait_for(lambda: client.got == [('a', 'still')])
        self.assertIn('was reloaded', self.reload(daemon, good))

    def test_an_address_in_use_changes_nothing(self):
        good = RULES + OPEN_TOPICS + MQTT
        daemon = self.start(good)
        with socket.create_server(('127.0.0.1', 0)) as taken:
            seen = self.reload(daemon, good.replace('allow=true', 'allow=false') + f'[listener more]\ntype=mqtt\naddress=tcp:127.0.0.1:{taken.getsockname()[1]}\nanonymous=allow\n')
        self.assertIn('in use', seen)
        self.assertEqual(self.subscribe(self.client(daemon.port('mqtt')), 'a'), 1)

    def test_rights_that_are_taken_away_end_deliveries_at_once(self):
        daemon = self.start(RULES + OPEN_TOPICS + MQTT)
        publisher, subscriber = self.client(daemon.port('mqtt')), self.client(daemon.port('mqtt'))
        for topic in ('open', 'shut/1'):
            self.assertEqual(self.subscribe(subscriber, topic), 1)
            self.publish(publisher, topic)
        wait_for(lambda: len(subscriber.got) == 2)
        self.reload(daemon, RULES + OPEN_TOPICS + '[topic shut/#]\npublish-policy=anyone\nsubscribe-policy=nobody\ncreate=auto\n' + MQTT)
        self.publish(publisher, 'shut/1', 'secret')
        self.publish(publisher, 'open', 'after')
        wait_for(lambda: ('open', 'after') in subscriber.got)
        self.assertEqual(len(subscriber.got), 3)               # on one connection: what came before would have come
        self.assertEqual(self.subscribe(subscriber, 'shut/2'), 0x87)
        self.assertEqual(subscriber.ended + publisher.ended, [])
        self.reload(daemon, RULES + OPEN_TOPICS + MQTT)
        self.publish(publisher, 'shut/1', 'unheard')           # the subscription went with the right (HARDENING M14)
        self.assertEqual(self.subscribe(subscriber, 'shut/1'), 1)
        self.publish(publisher, 'shut/1', 'again')
        wait_for(lambda: ('shut/1', 'again') in subscriber.got)
        self.assertNotIn(('shut/1', 'unheard'), subscriber.got)

    def test_what_waited_for_an_absent_client_goes_with_its_right(self):
        """HARDENING M14: also of a durable session, what is queued and what is subscribed to."""
        state = f'[hawser]\nstate-dir={self.scratch}/state\n'
        shut = RULES + OPEN_TOPICS + '[topic shut/#]\npublish-policy=anyone\nsubscribe-policy=nobody\ncreate=auto\n' + MQTT + WEB
        daemon = self.start(state + RULES + OPEN_TOPICS + MQTT + WEB)
        for store in (False, True):                            # and after a restart
            port = daemon.port('mqtt')
            subprocess.run(['mosquitto_sub', '-p', str(port), '-i', 'absent', '-c', '-q', '1', '-t', 'shut/1', '-t', 'all/#', '-E'], check=True, timeout=DEADLINE_S)
            for topic in ('shut/1', 'all/1'):
                subprocess.run(['mosquitto_pub', '-p', str(port), '-q', '1', '-t', topic, '-m', 'queued'], check=True, timeout=DEADLINE_S)
            if store:
                daemon.stop()
                daemon = self.start(state + shut)
            else:
                self.reload(daemon, state + shut)
            port = daemon.port('mqtt')
            listed = lambda: {item['filter'] for item in json.load(urllib.request.urlopen(f"{daemon.url('web')}/v1/admin/subscriptions"))['items']}
            if not store:
                wait_for(lambda: listed() == {'all/#'})       # at once, though nobody is there
            out = subprocess.run(['mosquitto_sub', '-p', str(port), '-i', 'absent', '-c', '-q', '1', '-t', 'more', '-C', '1', '-v'], capture_output=True, text=True, timeout=DEADLINE_S)
            self.assertEqual(out.stdout, 'all/1 queued\n')
            self.assertEqual(listed(), {'all/#', 'more'})
            subprocess.run(['mosquitto_sub', '-p', str(port), '-i', 'absent', '-q', '1', '-t', 'x', '-E'], check=True, timeout=DEADLINE_S)
            self.reload(daemon, state + RULES + OPEN_TOPICS + MQTT + WEB)

    def test_who_loses_the_right_to_a_shared_subscription_leaves_its_group(self):
        """HARDENING M14: out of the listing and out of the rotation, whether it is there or not; what it left unanswered goes to others."""
        def text(rule):
            return (f'[hawser]\nstate-dir={self.scratch}/state\n' + RULES + f'[policy workers]\nallow={rule}\n' + OPEN_TOPICS +
                    '[topic jobs/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=workers\n' + MQTT + WEB)

        def members():
            with urllib.request.urlopen(f"{daemon.url('web')}/v1/admin/subscriptions") as answer:
                items = json.load(answer)['items']
            names = (item['identity'] or item['receiver'].rpartition(' ')[2] for item in items if item['filter'] == '$share/g/jobs/#')
            return sorted(names), [item['receiver'] for item in items if item['filter'] == 'jobs/#']

        daemon = self.start(text('true'))
        port = str(daemon.port('mqtt'))
        subprocess.run(['mosquitto_sub', '-p', port, '-i', 'bad-away', '-c', '-q', '1', '-t', '$share/g/jobs/#', '-E'], check=True, timeout=DEADLINE_S)
        stuck = subprocess.Popen(['mosquitto_sub', '-p', port, '-i', 'bad-stuck', '-c', '-q', '1', '-t', '$share/g/jobs/#'], stdout=subprocess.DEVNULL)
        self.addCleanup(stuck.wait)
        self.addCleanup(stuck.kill)
        bad, good, publisher = self.client(int(port), name='bad-live'), self.client(int(port), name='good'), self.client(int(port), name='good-source')
        self.assertEqual([self.subscribe(client, '$share/g/jobs/#') for client in (bad, good)], [1, 1])
        everybody = ['bad-away', 'bad-live', 'bad-stuck', 'good']
        wait_for(lambda: members() == (everybody, ['group g of 4']))
        stuck.send_signal(signal.SIGSTOP)
        for number in range(30):
            self.publish(publisher, 'jobs/1', str(number))
        wait_for(lambda: len(bad.got) + len(good.got) >= 20 and len(bad.got) > 0 and len(good.got) > 0)
        self.assertIn('was reloaded', self.reload(daemon, text('not client-id ~ "bad-*"')))
        wait_for(lambda: members() == (['good'], ['group g of 1']))
        n_bad = len(bad.got)
        for number in range(30, 60):
            self.publish(publisher, 'jobs/1', str(number))
        stuck.kill()
        wait_for(lambda: len({payload for _, payload in bad.got + good.got}) == 60)
        self.assertEqual(len(bad.got), n_bad)
        self.assertTrue({str(number) for number in range(30, 60)} <= {payload for _, payload in good.got})
        self.assertEqual(bad.ended + good.ended, [])
        daemon.stop()
        daemon = self.start(text('true'))                      # what was taken away does not come back with a restart
        self.assertEqual(members()[0], [])

    def test_a_policy_that_changes_its_rule_holds_for_who_is_there(self):
        rules = '[policy near]\nallow=client-id ~ "%s"\n[topic #]\ncreate=auto\npublish-policy=near\nsubscribe-policy=near\n'
        daemon = self.start(rules % '*' + MQTT)
        client = self.client(daemon.port('mqtt'))
        self.assertEqual(self.subscribe(client, 'a'), 1)
        self.reload(daemon, rules % 'other' + MQTT)
        self.assertEqual(self.subscribe(client, 'b'), 0x87)

    def test_listeners_come_go_and_move_and_the_others_keep_their_peers(self):
        daemon = self.start(RULES + OPEN_TOPICS + MQTT + '[listener old]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\n')
        stays, goes = self.client(daemon.port('mqtt')), self.client(daemon.port('old'))
        new, moved = free_port(), free_port()
        self.reload(daemon, RULES + OPEN_TOPICS + MQTT + f'[listener new]\ntype=mqtt\naddress=tcp:127.0.0.1:{new}\nanonymous=allow\n')
        wait_for(lambda: goes.ended)
        self.assertEqual(stays.ended, [])
        other = self.client(new)
        self.assertEqual(self.subscribe(other, 'a'), 1)
        self.publish(stays, 'a')
        wait_for(lambda: other.got)
        self.reload(daemon, RULES + OPEN_TOPICS + MQTT.replace(':0\n', f':{moved}\n'))
        wait_for(lambda: stays.ended and other.ended)
        self.client(moved)

    def test_limits_of_a_listener_change_for_who_comes_and_who_is_there(self):
        daemon = self.start(RULES + OPEN_TOPICS + MQTT)
        client = self.client(daemon.port('mqtt'))
        self.reload(daemon, RULES + OPEN_TOPICS + MQTT + 'max-connections=1\nmax-message-size=10\n')
        with socket.create_connection(daemon.addresses['mqtt'], DEADLINE_S) as peer:
            self.assertEqual(peer.recv(1), b'')
        client.publish('a', 'x' * 20, 1)
        wait_for(lambda: client.ended)

    def test_who_is_no_longer_in_the_file_cannot_log_in(self):
        users = self.scratch / 'users'

        def line(name):
            return f"{name}:$7$1000${base64.b64encode(b'0123456789abcdef').decode()}${base64.b64encode(hashlib.pbkdf2_hmac('sha512', b'secret', b'0123456789abcdef', 1000)).decode()}\n"

        users.write_text(line('ada') + line('bob'))
        users.chmod(0o600)
        daemon = self.start(RULES + OPEN_TOPICS + f'[identity crew]\ntype=password\npassword-file={users}\n' + MQTT.replace('anonymous=allow', 'identities=crew;'))
        self.client(daemon.port('mqtt'), user=('bob', 'secret'))
        users.write_text(line('ada'))
        self.assertIn('was reloaded', self.reload(daemon))
        self.client(daemon.port('mqtt'), user=('ada', 'secret'))
        refused = subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(daemon.port('mqtt')), '-u', 'bob', '-P', 'secret', '-t', 'a', '-m', 'x'], timeout=DEADLINE_S, capture_output=True)
        self.assertNotEqual(refused.returncode, 0)

    def test_subscriptions_that_come_receive(self):
        archive = self.scratch / 'archive.ndjson'
        daemon = self.start(RULES + OPEN_TOPICS + MQTT)
        client = self.client(daemon.port('mqtt'))
        self.reload(daemon, RULES + OPEN_TOPICS + MQTT + f'[subscription archive]\ntopic=a/#\ntype=file\npath={archive}\nbatch-age=0s\n')
        self.publish(client, 'a/b', 'kept')
        wait_for(lambda: archive.exists() and 'kept' in archive.read_text())

    def test_what_needs_a_restart_is_named(self):
        daemon = self.start(RULES + OPEN_TOPICS + MQTT)
        seen = self.reload(daemon, '[hawser]\nname=other\n' + RULES + OPEN_TOPICS + MQTT + 'backlog=10\n')
        self.assertIn('[hawser] name= takes effect with the next start', seen)
        self.assertIn('[listener mqtt] backlog= takes effect with the next start', seen)

    def test_many_reloads_under_load_lose_nothing_and_keep_nothing(self):
        text = RULES + OPEN_TOPICS + MQTT + WEB
        daemon = self.start(text)
        publisher, subscriber = self.client(daemon.port('mqtt')), self.client(daemon.port('mqtt'))
        self.assertEqual(self.subscribe(subscriber, 'load'), 1)
        sent, stop = [0], threading.Event()

        def load():
            while not stop.is_set():
                self.publish(publisher, 'load', str(sent[0]))
                sent[0] += 1

        def topics():
            with urllib.request.urlopen(f'http://127.0.0.1:{daemon.port("web")}/v1/admin/topics', timeout=DEADLINE_S) as answer:
                return [item['name'] for item in json.load(answer)['items']]

        def descriptors():
            return len(list(pathlib.Path(f'/proc/{daemon.process.pid}/fd').iterdir()))

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for n in range(N_RELOADS):
                if n == N_RELOADS // 4:
                    before = descriptors(), daemon.status('VmRSS')
                extra = f'[topic extra/{n}]\npublish-policy=anyone\nsubscribe-policy=nobody\n[policy rule-{n % 7}]\nallow=client-id == "{n}"\n'
                self.write(text + extra)
                daemon.process.send_signal(signal.SIGHUP)
                wait_for(lambda n=n: f'extra/{n}' in topics())       # the log has a limit of lines a second
            after = daemon.status('VmRSS')
        finally:
            stop.set()
            thread.join()
        wait_for(lambda: len(subscriber.got) >= sent[0])
        self.assertEqual([payload for _, payload in subscriber.got], [str(n) for n in range(sent[0])])
        wait_for(lambda: descriptors() <= before[0] + 1, 'the connections of the listings to go')
        self.assertLess(after - before[1], 2048 + N_RELOADS)     # kilobytes; a configuration kept would be some 40 each
        self.assertEqual([name for name in topics() if name.startswith('extra/')], [f'extra/{N_RELOADS - 1}'])

    def test_the_command_reloads_and_says_what_waits_for_the_next_start(self):
        text = RULES + OPEN_TOPICS + MQTT + WEB
        daemon = self.start(text)
        client = self.client(daemon.port('mqtt'))
        self.write(text.replace('publish-policy=anyone', 'publish-policy=nobody'))
        done = self.hawser('reload', '-u', daemon.url('web'))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        self.assertEqual(self.hawser('pub', 'a', 'x', '-u', daemon.url('mqtt'), '--qos', '1').returncode, 5)
        self.write('[hawser]\nname=other\n' + text)
        self.assertEqual(self.hawser('reload', '-u', daemon.url('web')).stdout, '[hawser] name= takes effect with the next start\n')
        self.assertTrue(client.is_connected())

    def test_a_mistake_is_told_and_changes_nothing(self):
        text = RULES + OPEN_TOPICS + MQTT + WEB
        daemon = self.start(text)
        self.write(text + '[topic a]\nretian=last\n')
        done = self.hawser('reload', '-u', daemon.url('web'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('did you mean "retain"', done.stderr)
        self.assertEqual(self.hawser('pub', 'a', 'x', '-u', daemon.url('mqtt'), '--qos', '1').returncode, 0)

    def test_the_listener_that_was_asked_may_move(self):
        text = RULES + OPEN_TOPICS + WEB
        daemon = self.start(text)
        self.write(text.replace('127.0.0.1:0', f'127.0.0.1:{free_port()}'))
        self.hawser('reload', '-u', daemon.url('web'))  # whether the answer comes through, nobody promises
        self.assertIsNone(daemon.process.poll())
        code, _, errors = daemon.stop()
        self.assertEqual(code, 0, errors)


if __name__ == '__main__':
    unittest.main(verbosity=2)
