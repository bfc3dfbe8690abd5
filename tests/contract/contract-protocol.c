/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of the protocol role, on the harness that authors of plugins have. */

#include "contract-protocol.h"

#include "hawser-harness.h"

#define N_NOISE 200

typedef struct {
  const char *type;
  const char *said, *expected;
  gsize said_len, expected_len;
} Contract;

static void
assert_serves (HawserHarness *harness, const Contract *contract)
{
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_peer_push (peer, contract->said, (gssize) contract->said_len);
  hawser_harness_peer_expect (peer, contract->expected, (gssize) contract->expected_len);
  hawser_harness_peer_close (peer);
}

static void
what_comes_at_once_is_understood (gconstpointer data)
{
  const Contract *contract = data;
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type (contract->type);

  assert_serves (harness, contract);
}

static void
what_comes_byte_by_byte_is_understood (gconstpointer data)
{
  const Contract *contract = data;
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type (contract->type);
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_peer_push_split (peer, contract->said, (gssize) contract->said_len);
  hawser_harness_peer_expect (peer, contract->expected, (gssize) contract->expected_len);
}

static void
a_peer_that_goes_after_any_byte_harms_nobody (gconstpointer data)
{
  const Contract *contract = data;
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type (contract->type);

  for (gsize n = 0; n <= contract->said_len; n++)
    {
      HawserHarnessPeer *peer = hawser_harness_dial (harness);

      hawser_harness_peer_push (peer, contract->said, (gssize) n);
      hawser_harness_peer_close (peer);
    }
  assert_serves (harness, contract);
}

static void
one_wrong_byte_ends_that_peer_at_most (gconstpointer data)
{
  const Contract *contract = data;
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type (contract->type);
  g_autofree char *said = g_memdup2 (contract->said, contract->said_len);

  for (guint i = 0; i < N_NOISE; i++)
    {
      gsize at = (gsize) g_test_rand_int_range (0, (gint32) contract->said_len);
      HawserHarnessPeer *peer = hawser_harness_dial (harness);

      said[at] = (char) g_test_rand_int_range (0, 256);
      hawser_harness_peer_push (peer, said, (gssize) contract->said_len);
      said[at] = contract->said[at];
      hawser_harness_peer_close (peer);
    }
  assert_serves (harness, contract);
}

static void
peers_do_not_see_each_other (gconstpointer data)
{
  const Contract *contract = data;
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type (contract->type);
  HawserHarnessPeer *silent = hawser_harness_dial (harness), *half = hawser_harness_dial (harness);

  hawser_harness_peer_push (half, contract->said, (gssize) contract->said_len / 2);
  assert_serves (harness, contract);
  hawser_harness_peer_push (half, contract->said + contract->said_len / 2, (gssize) (contract->said_len - contract->said_len / 2));
  hawser_harness_peer_expect (half, contract->expected, (gssize) contract->expected_len);
  hawser_harness_peer_push (silent, contract->said, (gssize) contract->said_len);
  hawser_harness_peer_expect (silent, contract->expected, (gssize) contract->expected_len);
}

void
contract_protocol_add (const char *type, const char *said, gsize said_len, const char *expected, gsize expected_len)
{
  static const struct {
    const char *fact;
    void (*check) (gconstpointer data);
  } facts[] = {
    { "what-comes-at-once-is-understood", what_comes_at_once_is_understood },
    { "what-comes-byte-by-byte-is-understood", what_comes_byte_by_byte_is_understood },
    { "a-peer-that-goes-after-any-byte-harms-nobody", a_peer_that_goes_after_any_byte_harms_nobody },
    { "one-wrong-byte-ends-that-peer-at-most", one_wrong_byte_ends_that_peer_at_most },
    { "peers-do-not-see-each-other", peers_do_not_see_each_other },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/protocol/%s/%s", type, facts[i].fact);
      Contract contract = { type, said, expected, said_len, expected_len };

      g_test_add_data_func_full (path, g_memdup2 (&contract, sizeof contract), facts[i].check, g_free);
    }
}
