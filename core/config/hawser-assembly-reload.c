/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new configuration for a bus that runs. All of it is built beside the old one first, and new listeners are opened, so
 * that whatever is wrong is found while everything is still as it was; then the differences are applied in one turn of the
 * lane, between two messages. What cannot change under its users is named and waits for a restart. On the context that owns
 * the bus. */

#include "hawser-assembly.h"

#include <string.h>

#include "hawser-assembly-private.h"
#include "hawser-bridge-private.h"
#include "hawser-bus-private.h"
#include "hawser-config-private.h"
#include "hawser-error.h"
#include "hawser-identity.h"
#include "hawser-listener.h"
#include "hawser-listener-private.h"
#include "hawser-local-topic-private.h"
#include "hawser-param-copy-private.h"
#include "hawser-sink-runner.h"
#include "hawser-tls-private.h"

typedef struct {
  HawserAssembly *now;
  HawserAssembly *next;
  GPtrArray *cold;         /* of char *: what waits for a restart */
  GPtrArray *fresh;        /* of HawserListener: started, not yet in the list */
} Reload;

static void
add_cold (Reload *self, const char *text)
{
  for (guint i = 0; i < self->cold->len; i++)
    if (g_str_equal (self->cold->pdata[i], text))
      return;
  g_ptr_array_add (self->cold, g_strdup (text));
}

/* ---- what differs ---- */

static gboolean
is_same_value (HawserConfigGroup *a, HawserConfigGroup *b, const char *key)
{
  return g_strcmp0 (hawser_config_group_get_string (a, key), hawser_config_group_get_string (b, key)) == 0;
}

/* Calls @tell for each key whose value is another one; a key that is gone counts. */
static void
foreach_difference (HawserConfigGroup *a, HawserConfigGroup *b, void (*tell) (HawserConfigGroup *group, const char *key, gpointer data), gpointer data)
{
  g_auto (GStrv) before = hawser_config_group_list_keys (a), after = hawser_config_group_list_keys (b);

  for (guint i = 0; before[i] != NULL; i++)
    if (!is_same_value (a, b, before[i]))
      tell (b, before[i], data);
  for (guint i = 0; after[i] != NULL; i++)
    if (!hawser_config_group_has (a, after[i]) && !is_same_value (a, b, after[i]))
      tell (b, after[i], data);
}

static void
tell_cold_key (HawserConfigGroup *group, const char *key, gpointer data)
{
  const HawserConfigKey *known = hawser_config_group_find_key (group, key);
  g_autofree char *text = g_strdup_printf ("[%s] %s=", hawser_config_group_get_title (group), key);

  if (known == NULL || !known->is_hot)
    add_cold (data, text);
}

static void
tell_any_key (HawserConfigGroup *group, const char *key, gpointer data)
{
  g_autofree char *text = g_strdup_printf ("[%s] %s=", hawser_config_group_get_title (group), key);

  add_cold (data, text);
}

static void
tell_group (Reload *self, HawserConfigGroup *group, const char *what)
{
  g_autofree char *text = g_strdup_printf ("[%s] %s", hawser_config_group_get_title (group), what);

  add_cold (self, text);
}

/* Groups of @kind: changes of the keys that @tell minds, and, where @may_come is FALSE, groups that came or went. */
static void
compare_kind (Reload *self, const char *kind, gboolean may_come, gboolean may_go, void (*tell) (HawserConfigGroup *group, const char *key, gpointer data))
{
  g_autoptr (GPtrArray) before = hawser_config_list_groups (self->now->config, kind), after = hawser_config_list_groups (self->next->config, kind);

  for (guint i = 0; i < after->len; i++)
    {
      HawserConfigGroup *old = hawser_config_get_group (self->now->config, kind, hawser_config_group_get_name (after->pdata[i]));

      if (old != NULL)
        foreach_difference (old, after->pdata[i], tell, self);
      else if (!may_come)
        tell_group (self, after->pdata[i], "is new");
    }
  for (guint i = 0; i < before->len && !may_go; i++)
    if (hawser_config_get_group (self->next->config, kind, hawser_config_group_get_name (before->pdata[i])) == NULL)
      tell_group (self, before->pdata[i], "is gone");
}

static void
compare_all (Reload *self)
{
  compare_kind (self, "hawser", TRUE, TRUE, tell_cold_key);
  compare_kind (self, "log", TRUE, TRUE, tell_cold_key);
  compare_kind (self, "admin", FALSE, FALSE, tell_cold_key);
  compare_kind (self, "subscription", TRUE, FALSE, tell_any_key);
  compare_kind (self, "pipeline", FALSE, FALSE, tell_any_key);
  compare_kind (self, "twin", FALSE, FALSE, tell_any_key);
  compare_kind (self, "twin-family", FALSE, FALSE, tell_any_key);
}

/* ---- listeners ---- */

static HawserListener *
find_listener (GListStore *list, const char *name)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (list)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (list), i);

      if (g_str_equal (hawser_listener_get_name (listener), name))
        return listener; /* the list holds it */
    }
  return NULL;
}

static gboolean
has_moved (Reload *self, const char *name)
{
  HawserConfigGroup *old = hawser_config_get_group (self->now->config, "listener", name), *new = hawser_config_get_group (self->next->config, "listener", name);

  return old != NULL && new != NULL && !is_same_value (old, new, "address");
}

/* Opens what is new or moved, beside the old ones. FALSE: closed again. */
static gboolean
open_fresh (Reload *self, GError **error)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->next->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->next->listeners), i);
      const char *name = hawser_listener_get_name (listener);

      if (find_listener (self->now->listeners, name) != NULL && !has_moved (self, name))
        continue;
      if (!hawser_listener_start (listener, error))
        {
          for (guint f = 0; f < self->fresh->len; f++)
            hawser_listener_stop (self->fresh->pdata[f]);
          return FALSE;
        }
      g_ptr_array_add (self->fresh, g_object_ref (listener));
    }
  return TRUE;
}

static gboolean
is_fresh (Reload *self, const char *name)
{
  for (guint i = 0; i < self->fresh->len; i++)
    if (g_str_equal (hawser_listener_get_name (self->fresh->pdata[i]), name))
      return TRUE;
  return FALSE;
}

static void
close_gone (Reload *self)
{
  GListModel *list = G_LIST_MODEL (self->now->listeners);

  for (guint i = g_list_model_get_n_items (list); i-- > 0;)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (list, i);
      const char *name = hawser_listener_get_name (listener);

      if (find_listener (self->next->listeners, name) != NULL && !is_fresh (self, name))
        continue;
      hawser_listener_stop (listener);
      g_list_store_remove (self->now->listeners, i);
    }
  for (guint i = 0; i < self->fresh->len; i++)
    g_list_store_append (self->now->listeners, self->fresh->pdata[i]);
}

static void
change_listeners (Reload *self)
{
  GListModel *list = G_LIST_MODEL (self->now->listeners);

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (list, i);
      const char *name = hawser_listener_get_name (listener);
      HawserListener *wanted = find_listener (self->next->listeners, name);
      HawserConfigGroup *old = hawser_config_get_group (self->now->config, "listener", name);
      HawserConfigGroup *new = hawser_config_get_group (self->next->config, "listener", name);

      if (is_fresh (self, name) || wanted == NULL)
        continue;
      if (old != NULL && new != NULL)
        foreach_difference (old, new, tell_cold_key, self);
      hawser_listener_take_settings (listener, wanted);
    }
}

/* ---- everything else ---- */

static HawserLocalTopic *
find_topic (GPtrArray *topics, const char *name)
{
  for (guint i = 0; i < topics->len; i++)
    {
      g_autofree char *own = hawser_topic_dup_name (topics->pdata[i]);

      if (g_str_equal (own, name))
        return topics->pdata[i];
    }
  return NULL;
}

static void
change_topics (Reload *self)
{
  GPtrArray *wanted = self->next->topics, *topics = self->now->topics;

  for (guint i = topics->len; i-- > 0;)
    {
      g_autofree char *name = hawser_topic_dup_name (topics->pdata[i]);

      if (find_topic (wanted, name) != NULL)
        continue;
      hawser_bus_remove_topic (self->now->bus, name);
      g_ptr_array_remove_index (topics, i);
    }
  for (guint i = 0; i < wanted->len; i++)
    {
      g_autofree char *name = hawser_topic_dup_name (wanted->pdata[i]);
      HawserLocalTopic *old = find_topic (topics, name);
      g_autoptr (GError) error = NULL;

      if (old != NULL)
        {
          hawser_param_copy (wanted->pdata[i], G_OBJECT (old), NULL);
          hawser_local_topic_take_given (old, wanted->pdata[i]);
        }
      else if (hawser_bus_add_topic (self->now->bus, wanted->pdata[i], &error))
        g_ptr_array_add (topics, g_object_ref (wanted->pdata[i]));
      else
        g_warning ("%s", error->message);
    }
}

static void
change_policies (Reload *self)
{
  g_autoptr (GPtrArray) before = hawser_config_list_groups (self->now->config, "policy");
  g_auto (GStrv) redact = hawser_config_group_get_list (hawser_config_get_group (self->next->config, "admin", NULL), "redact");

  for (guint i = 0; i < self->next->policies->len; i++)
    {
      const char *name = hawser_policy_get_name (self->next->policies->pdata[i]);
      HawserConfigGroup *old = hawser_config_get_group (self->now->config, "policy", name);

      if (old == NULL || !is_same_value (old, hawser_config_get_group (self->next->config, "policy", name), "allow"))
        hawser_bus_add_policy (self->now->bus, self->next->policies->pdata[i]);
    }
  for (guint i = 0; i < before->len; i++)
    if (hawser_config_get_group (self->next->config, "policy", hawser_config_group_get_name (before->pdata[i])) == NULL)
      hawser_bus_remove_policy (self->now->bus, hawser_config_group_get_name (before->pdata[i]));
  hawser_bus_set_redact (self->now->bus, (const char * const *) redact);
  hawser_bus_set_admin_policy (self->now->bus, hawser_config_group_get_string (hawser_config_get_group (self->next->config, "admin", NULL), "policy"));
  g_ptr_array_unref (self->now->policies);
  self->now->policies = g_ptr_array_ref (self->next->policies);
}

/* Listeners hold the objects of the names they were given, so the old objects get the new files. */
static void
change_tls (Reload *self)
{
  GHashTableIter iter;
  gpointer name, tls;

  g_hash_table_iter_init (&iter, self->next->tls);
  while (g_hash_table_iter_next (&iter, &name, &tls))
    {
      HawserTls *old = g_hash_table_lookup (self->now->tls, name);

      if (old != NULL)
        hawser_tls_take (old, tls);
      else
        g_hash_table_insert (self->now->tls, g_strdup (name), g_object_ref (tls));
    }
  g_hash_table_iter_init (&iter, self->now->tls);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!g_hash_table_contains (self->next->tls, name))
      g_hash_table_iter_remove (&iter);
}

static gboolean
has_sink (HawserAssembly *assembly, const char *name)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (assembly->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (assembly->sinks), i);

      if (g_str_equal (hawser_sink_runner_get_name (runner), name))
        return TRUE;
    }
  return FALSE;
}

static void
start_new_sinks (Reload *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->next->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->next->sinks), i);
      g_autoptr (GError) error = NULL;

      if (has_sink (self->now, hawser_sink_runner_get_name (runner)))
        continue;
      if (hawser_sink_runner_start (runner, &error))
        g_list_store_append (self->now->sinks, runner);
      else
        g_warning ("subscription '%s': %s", hawser_sink_runner_get_name (runner), error->message);
    }
  for (guint i = 0; i < self->next->provisions->len; i++)
    {
      const HawserAssemblyProvision *provision = self->next->provisions->pdata[i];
      g_autoptr (GError) error = NULL;

      if (hawser_config_get_group (self->now->config, "subscription", provision->id) == NULL && !hawser_assembly_start_provision (self->now, provision, &error))
        g_warning ("%s", error->message);
    }
}

static HawserBridge *
find_bridge (GListStore *list, const char *name)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (list)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (list), i);

      if (g_str_equal (hawser_bridge_get_name (bridge), name))
        return bridge; /* the list holds it */
    }
  return NULL;
}

static void
count_difference (HawserConfigGroup *group, const char *key, gpointer data)
{
  ++*(guint *) data;
}

/* A bridge of other settings is another connection with the same queue. */
static void
change_bridges (Reload *self)
{
  GListStore *now = self->now->bridges, *next = self->next->bridges;

  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (now)); i-- > 0;)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (now), i);
      const char *name = hawser_bridge_get_name (bridge);
      HawserConfigGroup *old = hawser_config_get_group (self->now->config, "bridge", name), *new = hawser_config_get_group (self->next->config, "bridge", name);
      guint n_differences = 0;

      if (find_bridge (next, name) == NULL)
        hawser_bridge_retire (bridge);
      else
        {
          foreach_difference (old, new, count_difference, &n_differences);
          if (n_differences == 0)
            continue;
          hawser_bridge_stop (bridge);
        }
      g_list_store_remove (now, i);
    }
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (next)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (next), i);
      g_autoptr (GError) error = NULL;

      if (find_bridge (now, hawser_bridge_get_name (bridge)) != NULL)
        continue;
      if (hawser_bridge_start (bridge, &error))
        g_list_store_append (now, bridge);
      else
        g_warning ("%s", error->message);
    }
}

static void
apply (Reload *self)
{
  HawserConfigGroup *whole = hawser_config_get_group (self->next->config, "hawser", NULL);

  compare_all (self);
  g_object_set (self->now->bus, "max-connections", (guint) hawser_config_group_get_uint (whole, "max-connections"),
                "max-memory", hawser_assembly_get_max_memory (whole), NULL);
  hawser_bus_set_trace (self->now->bus, hawser_config_group_get_string (whole, "trace-context"));
  change_policies (self);
  change_topics (self);
  change_tls (self);
  g_hash_table_unref (self->now->identities);
  self->now->identities = g_hash_table_ref (self->next->identities);
  change_listeners (self);
  close_gone (self);
  start_new_sinks (self);
  change_bridges (self);
  g_set_object (&self->now->config, self->next->config);
}

/**
 * hawser_assembly_reload:
 * @self: an assembly that was started
 * @config: the new configuration with all its texts
 * @out_cold: (out) (optional) (array zero-terminated=1) (transfer full): what differs and takes effect with the next start
 *   only, as `[listener mqtt] tls=`
 * @error: return location
 *
 * Makes the running bus as @config says: topics, policies, identities, certificates, limits of listeners, listeners that come,
 * go or move, subscriptions that come, and bridges. Rights that are taken away end subscriptions, and what waits for them is dropped. Peers stay
 * connected, unless their listener went. When anything is wrong, nothing is changed; problems of the text are in @config.
 *
 * Errors: %HAWSER_ERROR_INVALID (problems are in @config), those of hawser_listener_start().
 * Context: that of the bus.
 *
 * Returns: %TRUE if @config is in effect
 * Since: 0.1
 */
gboolean
hawser_assembly_reload (HawserAssembly   *self,
                        HawserConfig     *config,
                        char           ***out_cold,
                        GError          **error)
{
  g_autoptr (HawserAssembly) next = hawser_assembly_new (config, self->bus, self->registry);
  g_autoptr (GPtrArray) cold = g_ptr_array_new (), fresh = g_ptr_array_new_with_free_func (g_object_unref);
  Reload reload = { self, next, cold, fresh };

  g_return_val_if_fail (self->is_started, FALSE);
  if (!hawser_assembly_build (next))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%u errors in the configuration", hawser_config_get_n_errors (config));
      return FALSE;
    }
  if (!open_fresh (&reload, error))
    return FALSE;
  apply (&reload);
  g_ptr_array_add (cold, NULL);
  if (out_cold != NULL)
    *out_cold = (char **) g_ptr_array_steal (cold, NULL);
  else
    g_ptr_array_foreach (cold, (GFunc) g_free, NULL);
  return TRUE;
}
