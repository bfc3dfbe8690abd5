/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Policies that were made while the bus ran, by the admin API, and are to be there after a restart: the rule as text in the journal's
 * space "policies". A policy of the configuration wins over a kept one of the same name. Context: the bus's lane. */

#include "hawser-bus-private.h"

#include <string.h>

#include "hawser-error.h"

#define SPACE "policies"
#define MAX_KEPT 10000 /* ours: more rules than people can oversee; the admin API could fill memory otherwise */

/* One of the configuration came in its place. */
void
hawser_bus_forget_kept_policy (HawserBus *self, const char *name)
{
  if (g_hash_table_remove (self->kept_policies, name))
    hawser_journal_remove (&self->journal, SPACE, name, NULL, NULL);
}

gboolean
hawser_bus_put_policy (HawserBus *self, HawserPolicy *policy, GError **error)
{
  const char *name = hawser_policy_get_name (policy), *rule = hawser_policy_get_expression (policy);
  gboolean is_kept = g_hash_table_contains (self->kept_policies, name);

  if (!is_kept && g_hash_table_contains (self->authority.policies, name))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "policy '%s' is declared by the configuration: change it there", name);
      return FALSE;
    }
  if (!is_kept && g_hash_table_size (self->kept_policies) >= MAX_KEPT)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "there are %d policies already", MAX_KEPT);
      return FALSE;
    }
  hawser_bus_add_policy (self, policy);
  g_hash_table_add (self->kept_policies, g_strdup (name));
  if (hawser_journal_exists (&self->journal))
    {
      g_autoptr (GBytes) bytes = g_bytes_new (rule, strlen (rule));

      hawser_journal_put (&self->journal, SPACE, name, bytes, NULL, NULL);
    }
  return TRUE;
}

gboolean
hawser_bus_drop_policy (HawserBus *self, const char *name, GError **error)
{
  if (!g_hash_table_contains (self->authority.policies, name))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no such policy");
      return FALSE;
    }
  if (!g_hash_table_remove (self->kept_policies, name))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "policy '%s' is declared by the configuration: remove it there", name);
      return FALSE;
    }
  hawser_bus_remove_policy (self, name);
  hawser_journal_remove (&self->journal, SPACE, name, NULL, NULL);
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

void
hawser_bus_foreach_policy (HawserBus *self, HawserPolicyFunc func, gpointer data)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (self->authority.policies), compare_names);

  for (GList *link = names; link != NULL; link = link->next)
    func (g_hash_table_lookup (self->authority.policies, link->data), g_hash_table_contains (self->kept_policies, link->data), data);
}

static void
recover (gpointer data, const char *key, GBytes *value)
{
  HawserBus *self = data;
  g_autofree char *rule = g_strndup (g_bytes_get_data (value, NULL), g_bytes_get_size (value));
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPolicy) policy = hawser_policy_new (key, rule, &error);

  if (policy == NULL)
    {
      g_warning ("kept policy '%s' was left out: %s", key, error->message);
      return;
    }
  hawser_bus_add_policy (self, policy);
  g_hash_table_add (self->kept_policies, g_strdup (key));
}

gboolean
hawser_bus_recover_kept_policies (HawserBus *self, GError **error)
{
  return hawser_journal_foreach_value (&self->journal, SPACE, recover, self, error);
}
