#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may read a twin, write it and send it messages: each way over HTTP and MQTT asks the same question."""
import base64
import json
import subprocess
import sys
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import TEST_CONF, Case, Web, wait_for
from twins import path

RIGHTS = '''
[policy readers]
allow=role in ("reader", "writer")

[policy writers]
allow=role == "writer"

[topic twin/open/#]
publish-policy=writers
subscribe-policy=readers

[twin-family secret]
topics=lab/secret/{name}
id=secret/{name}
parent=lab
aggregate=sum:x
subscribe-policy=writers
write-policy=writers

[twin-family open]
topics=lab/open/{name}
id=open/{name}
parent=lab
aggregate=sum:x

[twin lab]
subscribe-policy=readers
write-policy=writers

[identity crew]
type=password
password-file=%s

[listener guarded]
type=http
address=tcp:127.0.0.1:0
identities=crew;
anonymous=allow

[listener guarded-mqtt]
type=mqtt
address=tcp:127.0.0.1:0
identities=crew;
'''


class Rights(Case):
    def setUp(self):
        super().setUp()
        passwords = self.scratch / 'users'
        passwords.touch(0o600)
        for user in ('rita', 'walt'):
            subprocess.run(['mosquitto_passwd', '-b', str(passwords), user, 'secret of ' + user], check=True, capture_output=True)
        roles = {'rita': 'reader', 'walt': 'writer'}
        passwords.write_text(''.join(f'{line}:role={roles[line.partition(":")[0]]}\n' for line in passwords.read_text().splitlines()))
        self.daemon = self.open(RIGHTS % passwords, conf=TEST_CONF.replace('[topic #]', '[topic lab/#]'))
        client = self.client(self.daemon)
        for i in range(3):
            client.publish(f'lab/secret/{i}', json.dumps({'x': 100}))
            client.publish(f'lab/open/{i}', json.dumps({'x': 1}))
        port = self.daemon.port('guarded')
        self.nobody, self.rita, self.walt = Web(port), *(Web(port, 'Basic ' + base64.b64encode(f'{u}:secret of {u}'.encode()).decode()) for u in ('rita', 'walt'))
        wait_for(lambda: self.walt.get(path('secret/2')).status == 200, 'the twins')

    def each(self, web, id):
        """Status of every way to read, write and send."""
        merge = {'Content-Type': 'application/merge-patch+json'}
        return {
            'read': web.get(path(id)).status, 'fields': web.get(path(id, fields='state')).status, 'live': web.get(path(id, channel='live', timeout='1ms')).status,
            'history': web.get(path(id, '/history', key='x')).status, 'at': web.get(path(id, '/history', at='-1s')).status,
            'patch': web.request('PATCH', path(id), '{"desired":{"y":1}}', merge).status,
            'move': web.request('PATCH', path(id), '{"parent":"elsewhere"}', merge).status,
            'command': web.request('POST', path(id, '/inbox/open', wait='0s'), b'').status,
            'remove': web.request('DELETE', path(id)).status,
        }

    def ids(self, web, query=''):
        answer = web.get('/v1/twins?limit=100' + query)
        self.assertEqual(answer.status, 200, answer.body)
        return {item['id'] for item in answer.json()['items']}

    def test_without_a_right_each_way_is_403_or_401(self):
        for id, web, read, write in (('secret/0', self.rita, False, False), ('open/0', self.rita, True, False),
                                     ('secret/0', self.nobody, False, False), ('open/0', self.nobody, False, False)):
            with self.subTest(id=id, who=web.authorization and 'rita'):
                for way, status in self.each(web, id).items():
                    allowed = write if way in ('patch', 'move', 'command', 'remove') else read
                    if allowed:
                        self.assertIn(status, (200, 202, 204, 404), way)
                    else:
                        self.assertIn(status, (401, 403) if web is self.nobody else (403,), way)
        self.assertEqual(self.walt.get(path('open/0')).json()['desired'], {})
        self.assertEqual(self.walt.get(path('secret/0')).json()['parent'], 'lab')

    def test_with_the_right_each_way_is_open(self):
        statuses = self.each(self.walt, 'secret/0')
        self.assertNotIn(403, statuses.values(), statuses)
        self.assertEqual((statuses['read'], statuses['patch'], statuses['remove']), (200, 200, 204))

    def test_a_twin_that_is_not_there_tells_no_more_than_one_that_is(self):
        self.assertEqual([self.rita.get(path(id)).status for id in ('secret/0', 'secret/none')], [403, 403])
        self.assertEqual(self.rita.request('PATCH', path('secret/new'), '{}', {'Content-Type': 'application/merge-patch+json'}).status, 403)

    def test_lists_searches_and_counts_show_what_one_may_read(self):
        everything = {f'{kind}/{i}' for kind in ('secret', 'open') for i in range(3)} | {'lab'}
        readable = {f'open/{i}' for i in range(3)} | {'lab'}
        for web, all_of_them in ((self.rita, readable), (self.walt, everything)):
            with self.subTest(len(all_of_them)):
                self.assertEqual(self.ids(web), all_of_them)
                self.assertEqual(self.ids(web, '&filter=gt(reported/x,0)'), all_of_them - {'lab'})
                self.assertEqual(self.ids(web, '&parent=lab'), all_of_them - {'lab'})
                children = web.get(path('lab', '/children')).json()['items']
                self.assertEqual({item['id'] for item in children}, all_of_them - {'lab'})
                self.assertEqual(web.get('/v1/twins?limit=0&count=1').json()['count'], len(all_of_them))
                self.assertEqual(web.get('/v1/twins?limit=0&count=1&filter=gt(reported/x,50)').json()['count'], len(all_of_them) // 7 * 3)
        self.assertEqual(self.ids(self.nobody), set())
        self.assertEqual(self.nobody.get('/v1/twins?limit=0&count=1').json()['count'], 0)

    def test_an_aggregate_is_of_who_may_read_its_node(self):
        self.assertEqual([web.get(path('lab', '/aggregate')).status for web in (self.nobody, self.rita, self.walt)][1:], [200, 200])
        self.assertIn(self.nobody.get(path('lab', '/aggregate')).status, (401, 403))
        self.assertEqual(self.rita.get(path('secret/0', '/aggregate')).status, 403)


if __name__ == '__main__':
    unittest.main(verbosity=2)
