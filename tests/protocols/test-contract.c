/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of the protocol role on every adapter of this tree, loaded as the plugin that it is. */

#include "contract-protocol.h"

#define ADD(type, said, expected) contract_protocol_add (type, said, sizeof said - 1, expected, sizeof expected - 1)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("mqtt", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\xc0\x00", "\x20\x02\x00\x00\xd0\x00");
  ADD ("line", "SUB contract/line\nPUB contract/line hello\n", "MSG contract/line hello\n");
  ADD ("http", "GET /v1/topics/contract/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 404 ");
  return g_test_run ();
}
