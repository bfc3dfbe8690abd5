// SPDX-License-Identifier: LGPL-2.1-or-later
// An HTTP server that reads requests with the CloudEvents SDK and prints what it understood, a line of JSON a request:
// {path, events} or {path, error}. The first line is {port}.
'use strict';
const http = require('node:http');
const { HTTP } = require('cloudevents');

function show(event) {
  event.validate();   // throws unless the specification's schema holds
  const { data, ...attributes } = event;
  return Buffer.isBuffer(data) || data instanceof Uint8Array
    ? { ...attributes, bytes: Buffer.from(data).toString('base64') }
    : { ...attributes, data };
}

function understand(headers, body) {
  const isText = /json|^text\//.test(headers['content-type'] ?? '');
  const events = HTTP.toEvent({ headers, body: isText ? body.toString('utf8') : body });
  return (Array.isArray(events) ? events : [events]).map(show);
}

const server = http.createServer(async (request, response) => {
  const line = { path: request.url };
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    line.events = understand(request.headers, Buffer.concat(chunks));
  } catch (error) {
    line.error = `${error.message} ${JSON.stringify(error.errors ?? '')}`;
  }
  console.log(JSON.stringify(line));
  response.writeHead(line.error === undefined ? 204 : 400).end();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
