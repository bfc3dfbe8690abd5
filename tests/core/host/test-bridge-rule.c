/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which topics pass a bridge and what they are called there: tables of rules and names. */

#include <hawser/hawser.h>

#include "hawser-bridge-rule-private.h"

static const struct {
  const char *rule;
  const char *local, *remote;  /* NULL: the rule is not for it */
} names[] = {
  { "a/#", "a/b", "a/b" },
  { "a/#", "a", "a" },
  { "a/#", "b", NULL },
  { "a/# local=x/", "x/a/b", "a/b" },
  { "a/# remote=y/", "a/b", "y/a/b" },
  { "# local=x/ remote=deep/er/", "x/a/b", "deep/er/a/b" },
  { "# local=x/ remote=y/", "x", "y" },
  { "/# local=x remote=long", "x", "long" },
  { "+/c qos=2 local=x/ remote=y/", "x/a/c", "y/a/c" },
  { "+/c qos=2 local=x/ remote=y/", "x/a/d", NULL },
  { "\"\" local=one/topic remote=two", "one/topic", "two" },
  { "\"\" local=one/topic remote=two", "one/topic/x", NULL },
  { "with blank/# remote=y/ qos=0", "with blank/a", "y/with blank/a" },
};

static void
test_names (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) rules = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_bridge_rule_free);
      const HawserBridgeRule *rule;
      g_autofree char *remote = NULL, *local = NULL;

      g_ptr_array_add (rules, hawser_bridge_rule_parse (names[i].rule, &error));
      g_assert_no_error (error);
      rule = hawser_bridge_rule_find_local (rules, names[i].local);
      g_assert_cmpint (rule != NULL, ==, names[i].remote != NULL);
      if (rule == NULL)
        continue;
      remote = hawser_bridge_rule_to_remote (rule, names[i].local);
      g_assert_cmpstr (remote, ==, names[i].remote);
      g_assert_true (hawser_bridge_rule_find_remote (rules, remote) == rule);
      local = hawser_bridge_rule_to_local (rule, remote);
      g_assert_cmpstr (local, ==, names[i].local);
    }
}

static void
test_qos (void)
{
  static const struct { const char *rule; guint qos; } rules[] = { { "a", 1 }, { "a qos=0", 0 }, { "a qos=2 local=x/", 2 }, { "a local=x/ qos=2", 2 } };

  for (gsize i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      HawserBridgeRule *rule = hawser_bridge_rule_parse (rules[i].rule, NULL);

      g_assert_cmpuint (rule->qos, ==, rules[i].qos);
      hawser_bridge_rule_free (rule);
    }
}

static void
test_rejects (void)
{
  static const char * const wrong[] = { "", "\"\"", "a/#/b", "a qos=3", "a qos=12", "a local=x/+/", "a remote=#", "a local=x local=y", "$share/g/a" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (hawser_bridge_rule_parse (wrong[i], &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bridge/rule/names-both-sides", test_names);
  g_test_add_func ("/bridge/rule/says-the-highest-qos", test_qos);
  g_test_add_func ("/bridge/rule/rejects-what-is-no-rule", test_rejects);
  return g_test_run ();
}
