/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns a configuration into objects on a bus: policies, topics, TLS, identities, listeners, the spool, sinks and provisioned
 * queues. Building (hawser-assembly-build.c) only makes and checks the objects, so that every problem is found before anything
 * is touched; starting puts them on the bus in the order in which they need each other and takes all back when one fails;
 * draining is the reverse.
 * Used by hawserd, and by any program that wants a bus as its configuration says. On the context that owns the bus. */

#include "hawser-assembly.h"

#include <glib/gstdio.h>
#include <errno.h>
#include <string.h>

#include "hawser-assembly-private.h"
#include "hawser-bridge.h"
#include "hawser-config-types.h"
#include "hawser-error.h"
#include "hawser-identity.h"
#include "hawser-listener.h"
#include "hawser-local-topic.h"
#include "hawser-memory.h"
#include "hawser-receiver.h"
#include "hawser-pipeline.h"
#include "hawser-sink-runner.h"
#include "hawser-spool-journal.h"
#include "hawser-spool.h"
#include "hawser-store.h"
#include "hawser-system-topics-private.h"
#include "hawser-tls.h"
#include "hawser-bus-private.h"
#include "hawser-twin-host.h"
#include "hawser-twins.h"
#include "hawser-units.h"

#define SPOOL_FILE "spool.db"

G_DEFINE_FINAL_TYPE (HawserAssembly, hawser_assembly, G_TYPE_OBJECT)

static void
provision_free (gpointer data)
{
  HawserAssemblyProvision *self = data;

  g_free (self->id);
  g_free (self->identity);
  g_free (self->filter);
  g_free (self->description);
  g_free (self->attributes);
  g_free (self);
}

static void
dispose (GObject *object)
{
  HawserAssembly *self = HAWSER_ASSEMBLY (object);

  hawser_assembly_stop (self);
  g_clear_object (&self->config);
  g_clear_object (&self->bus);
  g_clear_object (&self->registry);
  G_OBJECT_CLASS (hawser_assembly_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserAssembly *self = HAWSER_ASSEMBLY (object);

  g_ptr_array_unref (self->policies);
  g_ptr_array_unref (self->topics);
  g_hash_table_unref (self->tls);
  g_hash_table_unref (self->identities);
  g_ptr_array_unref (self->provisions);
  g_ptr_array_unref (self->families);
  g_hash_table_unref (self->behaviors);
  g_object_unref (self->listeners);
  g_object_unref (self->sinks);
  g_object_unref (self->bridges);
  g_ptr_array_unref (self->pipelines);
  g_clear_object (&self->store);
  g_hash_table_unref (self->stores);
  g_ptr_array_unref (self->twin_spools);
  G_OBJECT_CLASS (hawser_assembly_parent_class)->finalize (object);
}

static void
hawser_assembly_class_init (HawserAssemblyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = dispose;
  object_class->finalize = finalize;
}

static void
hawser_assembly_init (HawserAssembly *self)
{
  self->policies = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_policy_unref);
  self->topics = g_ptr_array_new_with_free_func (g_object_unref);
  self->tls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->provisions = g_ptr_array_new_with_free_func (provision_free);
  self->families = g_ptr_array_new_with_free_func (g_object_unref);
  self->behaviors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->listeners = g_list_store_new (HAWSER_TYPE_LISTENER);
  self->sinks = g_list_store_new (HAWSER_TYPE_SINK_RUNNER);
  self->bridges = g_list_store_new (HAWSER_TYPE_BRIDGE);
  self->pipelines = g_ptr_array_new_with_free_func (g_object_unref);
  self->stores = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->twin_spools = g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * hawser_assembly_new:
 * @config: a configuration with all its texts
 * @bus: the bus that is to be as @config says
 * @registry: where plugins are
 *
 * Returns: (transfer full): an assembly; nothing is made yet
 * Since: 0.1
 */
HawserAssembly *
hawser_assembly_new (HawserConfig         *config,
                     HawserBus            *bus,
                     HawserPluginRegistry *registry)
{
  HawserAssembly *self = g_object_new (HAWSER_TYPE_ASSEMBLY, NULL);

  self->config = g_object_ref (config);
  self->bus = g_object_ref (bus);
  self->registry = g_object_ref (registry);
  return self;
}

/* ---- starting ---- */

static void
report_spool_problem (gpointer    data,
                      const char *text)
{
  g_warning ("spool: %s", text);
}

static gboolean
start_spool (HawserAssembly  *self,
             GError         **error)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);
  const char *directory = hawser_config_group_get_string (group, "state-dir");
  const char *sync = hawser_config_group_get_string (group, "sync");
  g_autofree char *path = NULL;

  if (self->store == NULL)
    return TRUE;
  if (g_mkdir_with_parents (directory, 0700) != 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "state-dir '%s': %s", directory, g_strerror (errno));
      return FALSE;
    }
  path = g_build_filename (directory, SPOOL_FILE, NULL);
  self->spool = hawser_spool_new (self->store, path, g_strcmp0 (sync, "interval") == 0 ? HAWSER_SPOOL_SYNC_INTERVAL
                                  : g_strcmp0 (sync, "never") == 0 ? HAWSER_SPOOL_SYNC_NEVER : HAWSER_SPOOL_SYNC_ALWAYS,
                                  hawser_config_group_get_duration_us (group, "sync-interval"), error);
  if (self->spool == NULL)
    return FALSE;
  hawser_spool_set_problem_func (self->spool, report_spool_problem, self);
  return hawser_bus_set_spool (self->bus, self->spool, error);
}

guint64
hawser_assembly_get_max_memory (HawserConfigGroup *whole)
{
  return hawser_config_group_has (whole, "max-memory") ? hawser_config_group_get_size (whole, "max-memory") : hawser_memory_get_machine () / 2;
}

/* Each [store] has a thread of its own that waits for it. One whose type keeps files has them in the state directory. */
static gboolean
start_stores (HawserAssembly  *self,
              GError         **error)
{
  const char *directory = hawser_config_group_get_string (hawser_config_get_group (self->config, "hawser", NULL), "state-dir");
  GHashTableIter iter;
  gpointer name, store;

  g_hash_table_iter_init (&iter, self->stores);
  while (g_hash_table_iter_next (&iter, &name, &store))
    {
      const char *type = hawser_config_group_get_string (hawser_config_get_group (self->config, "store", name), "type");
      g_autofree char *file = g_strconcat ("store-", (char *) name, ".db", NULL), *path = NULL;
      HawserSpool *spool;

      if (strcmp (type, "sqlite") == 0 && directory == NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "store '%s': a file needs state-dir= in [hawser]", (char *) name);
          return FALSE;
        }
      path = strcmp (type, "sqlite") == 0 ? g_build_filename (directory, file, NULL) : g_strdup (name);
      spool = hawser_spool_new (store, path, HAWSER_SPOOL_SYNC_ALWAYS, 0, error);
      if (spool == NULL)
        {
          g_prefix_error (error, "store '%s': ", (char *) name);
          return FALSE;
        }
      hawser_spool_set_problem_func (spool, report_spool_problem, self);
      g_ptr_array_add (self->twin_spools, spool);
      hawser_twin_host_add_store (hawser_twin_host_get (self->bus), name, spool);
    }
  return TRUE;
}

static gboolean
start_topics (HawserAssembly  *self,
              GError         **error)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);

  g_object_set (self->bus, "trust-loopback", hawser_config_group_get_boolean (group, "trust-loopback"),
                "max-connections", (guint) hawser_config_group_get_uint (group, "max-connections"),
                "max-memory", hawser_assembly_get_max_memory (group), "name", hawser_config_group_get_string (group, "name"),
                "threads", (guint) hawser_config_group_get_uint (group, "threads"),
                "busy-poll", hawser_config_group_get_duration_us (group, "busy-poll"), NULL);
  for (guint i = 0; i < self->policies->len; i++)
    hawser_bus_add_policy (self->bus, self->policies->pdata[i]);
  for (guint i = 0; i < self->topics->len; i++)
    if (!hawser_bus_add_topic (self->bus, self->topics->pdata[i], error))
      return FALSE;
  return TRUE;
}

/* What the spool holds of twins comes back before anybody connects. */
static gboolean
start_twins (HawserAssembly  *self,
             GError         **error)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);
  guint limit = (guint) hawser_config_group_get_uint (group, "max-live-twins");
  gint64 idle_us = 0;

  for (guint i = 0; i < self->families->len && idle_us == 0; i++)
    g_object_get (self->families->pdata[i], "passivate-after", &idle_us, NULL);
  if (limit > 0)
    hawser_twins_set_live_limit (hawser_twins_get (self->bus), limit);
  if ((limit > 0 || idle_us > 0) && self->spool != NULL &&
      !hawser_twin_host_set_page_dir (hawser_twin_host_get (self->bus), hawser_config_group_get_string (group, "state-dir"), error))
    return FALSE;
  for (guint i = 0; i < self->families->len; i++)
    {
      HawserTwinFamily *family = self->families->pdata[i];
      const char *name = hawser_twin_family_get_name (family);
      HawserTwinBehavior *behavior = g_hash_table_lookup (self->behaviors, name);

      if (!hawser_twins_add_family (hawser_twins_get (self->bus), family, error) ||
          (behavior != NULL && !hawser_twin_host_set_behavior (hawser_twin_host_get (self->bus), name, behavior, error)))
        return FALSE;
    }
  return (self->spool == NULL && self->twin_spools->len == 0) || hawser_twin_host_recover (hawser_twin_host_get (self->bus), error);
}

/* Who may read everything may read $SYS topics, unless a group of theirs says who may. */
static gboolean
start_system_topics (HawserAssembly  *self,
                     GError         **error)
{
  gint64 interval_us = hawser_config_group_get_duration_us (hawser_config_get_group (self->config, "hawser", NULL), "sys-interval");
  HawserConfigGroup *all = hawser_config_get_group (self->config, "topic", "#");

  if (interval_us == 0)
    return TRUE;
  if (all != NULL && hawser_bus_get_topic (self->bus, "$SYS/#") == NULL)
    {
      g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("$SYS/#");

      g_object_set (topic, "create", "auto", "description", "Figures of this daemon", NULL);
      if (hawser_config_group_has (all, "subscribe-policy"))
        g_object_set (topic, "subscribe-policy", hawser_config_group_get_string (all, "subscribe-policy"), NULL);
      if (!hawser_bus_add_topic (self->bus, HAWSER_TOPIC (topic), error))
        return FALSE;
    }
  self->system_topics = hawser_system_topics_new (self->bus, interval_us);
  return TRUE;
}

/* Topics that ask for it may come later, by the admin API. */
static gboolean
start_audit (HawserAssembly *self, GError **error)
{
  HawserConfigGroup *whole = hawser_config_get_group (self->config, "hawser", NULL);
  const char *directory = hawser_config_group_get_string (whole, "state-dir"), *given = hawser_config_group_get_string (whole, "audit-file");
  g_autofree char *path = given != NULL ? g_strdup (given) : directory != NULL ? g_build_filename (directory, "audit.jsonl", NULL) : NULL;

  hawser_bus_set_trace (self->bus, hawser_config_group_get_string (whole, "trace-context"));
  self->audit_log = hawser_audit_log_new (self->bus, path, given != NULL, hawser_config_group_get_boolean (whole, "audit-chain"),
                                          g_strcmp0 (hawser_config_group_get_string (whole, "on-audit-error"), "refuse") == 0, error);
  return self->audit_log != NULL;
}

gboolean
hawser_assembly_start_provision (HawserAssembly                 *self,
                                 const HawserAssemblyProvision  *provision,
                                 GError                        **error)
{
  const HawserSubscribeOptions options = { .qos = 2, .no_local = provision->no_local, .retain_handling = 1 };
  HawserReceiver *receiver = hawser_receiver_new (self->bus, provision->id, HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED,
                                                  &provision->limits);
  int result;

  hawser_receiver_set_identity (receiver, provision->identity);
  result = hawser_receiver_subscribe (receiver, provision->filter, strlen (provision->filter), &options);
  if (result == HAWSER_RESULT_OK)
    {
      if (hawser_receiver_set_terms (receiver, &provision->terms, error))
        return TRUE;
      g_prefix_error (error, "subscription '%s': ", provision->id);
      return FALSE;
    }
  g_set_error (error, HAWSER_ERROR, result, "subscription '%s': topic '%s': %s", provision->id, provision->filter,
               hawser_error_to_nick ((HawserError) result));
  return FALSE;
}

static gboolean
start_subscriptions (HawserAssembly  *self,
                     GError         **error)
{
  for (guint i = 0; i < self->provisions->len; i++)
    if (!hawser_assembly_start_provision (self, self->provisions->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      if (!hawser_sink_runner_start (runner, error))
        {
          g_prefix_error (error, "subscription '%s': ", hawser_sink_runner_get_name (runner));
          return FALSE;
        }
    }
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->bridges)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (self->bridges), i);

      if (!hawser_bridge_start (bridge, error))
        return FALSE;
    }
  for (guint i = 0; i < self->pipelines->len; i++)
    if (!hawser_pipeline_start (self->pipelines->pdata[i], error))
      return FALSE;
  hawser_bus_idle_unclaimed (self->bus);
  return TRUE;
}

static gboolean
start_listeners (HawserAssembly  *self,
                 GError         **error)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);

      if (!hawser_listener_start (listener, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * hawser_assembly_start:
 * @self: an assembly that was built without an error
 * @error: return location
 *
 * Opens the spool and recovers what it holds, declares policies and topics, starts the sinks, and last opens the listeners:
 * who connects finds everything in place. When something fails, what was started is stopped again and no peer was served.
 *
 * Errors: those of the spool, the sinks and the listeners, with the name of the thing.
 *
 * Returns: %TRUE if all runs
 * Since: 0.1
 */
gboolean
hawser_assembly_start (HawserAssembly  *self,
                       GError         **error)
{
  g_return_val_if_fail (self->is_built && !self->is_started, FALSE);

  self->is_started = TRUE;
  if (start_spool (self, error) && start_stores (self, error) && start_audit (self, error) && start_topics (self, error) && start_system_topics (self, error) &&
      start_twins (self, error) && start_subscriptions (self, error) &&
      start_listeners (self, error))
    return TRUE;
  hawser_assembly_stop (self);
  return FALSE;
}

/**
 * hawser_assembly_reopen:
 * @self: an assembly
 *
 * Tells every sink, and the audit trail, to let go of the files they hold open by name; see hawser_sink_runner_reopen().
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_assembly_reopen (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_reopen (runner);
    }
  if (self->audit_log != NULL)
    hawser_audit_log_reopen (self->audit_log);
}

/* ---- ending ---- */

static void
stop_bridges (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->bridges)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (self->bridges), i);

      hawser_bridge_stop (bridge);
    }
}

static void
stop_listeners (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);

      hawser_listener_stop (listener);
    }
}

/**
 * hawser_assembly_stop:
 * @self: an assembly
 *
 * Stops everything now: listeners, sinks, spool. What is in the spool stays there. A second call does nothing.
 *
 * Since: 0.1
 */
void
hawser_assembly_stop (HawserAssembly *self)
{
  if (!self->is_started)
    return;
  self->is_started = FALSE;
  stop_listeners (self);
  stop_bridges (self);
  for (guint i = 0; i < self->pipelines->len; i++)
    hawser_pipeline_stop (self->pipelines->pdata[i]);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_stop (runner);
    }
  g_clear_pointer (&self->system_topics, hawser_system_topics_free);
  hawser_bus_close (self->bus);
  g_clear_pointer (&self->audit_log, hawser_audit_log_free);
  for (guint i = 0; i < self->twin_spools->len; i++)
    hawser_spool_close (self->twin_spools->pdata[i], 0);
  g_ptr_array_set_size (self->twin_spools, 0);
  if (self->spool != NULL)
    hawser_spool_close (self->spool, 0);
  g_clear_object (&self->spool);
}

typedef struct {
  guint n_sinks;           /* still draining */
  guint n_spools;          /* still committing */
  gboolean is_incomplete;
} Drain;

static void
finish_drain (GTask *task)
{
  HawserAssembly *self = g_task_get_source_object (task);
  Drain *drain = g_task_get_task_data (task);

  hawser_assembly_stop (self);
  if (drain->is_incomplete)
    g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_TIMEOUT,
                             "not everything could be written in time; the rest is in the spool, if there is one");
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_spool_flushed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  GTask *task = data;
  Drain *drain = g_task_get_task_data (task);

  if (!hawser_spool_flush_finish (HAWSER_SPOOL (source), result, NULL))
    drain->is_incomplete = TRUE;
  if (--drain->n_spools == 0)
    finish_drain (task);
}

/* What is in memory only goes to the disk. */
static void
flush_spool (HawserAssembly *self,
             GTask          *task)
{
  Drain *drain = g_task_get_task_data (task);

  drain->n_spools = self->twin_spools->len + (self->spool != NULL ? 1 : 0);
  if (drain->n_spools == 0)
    {
      finish_drain (task);
      return;
    }
  hawser_twin_host_store_all (hawser_twin_host_get (self->bus));
  for (guint i = 0; i < self->twin_spools->len; i++)
    hawser_spool_flush_async (self->twin_spools->pdata[i], g_task_get_cancellable (task), on_spool_flushed, task);
  if (self->spool != NULL)
    hawser_spool_flush_async (self->spool, g_task_get_cancellable (task), on_spool_flushed, task);
}

static void
on_sink_drained (GObject      *source,
                 GAsyncResult *result,
                 gpointer      data)
{
  GTask *task = data;
  HawserAssembly *self = g_task_get_source_object (task);
  Drain *drain = g_task_get_task_data (task);

  if (!hawser_sink_runner_drain_finish (HAWSER_SINK_RUNNER (source), result, NULL))
    drain->is_incomplete = TRUE;
  if (--drain->n_sinks == 0)
    flush_spool (self, task);
}

/**
 * hawser_assembly_drain_async:
 * @self: an assembly that was started
 * @cancellable: (nullable): ends the waiting: what is not written by then stays in the spool
 * @callback: called when everything has stopped
 * @user_data: data of @callback
 *
 * Stops in order: listeners accept nobody and tell their peers that the server shuts down; pipelines send on what they hold; sinks write what is queued; the
 * spool commits; then everything is stopped.
 *
 * Since: 0.1
 */
void
hawser_assembly_drain_async (HawserAssembly      *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Drain *drain = g_new0 (Drain, 1);
  guint n_sinks = g_list_model_get_n_items (G_LIST_MODEL (self->sinks));

  g_task_set_source_tag (task, hawser_assembly_drain_async);
  g_task_set_name (task, "hawser_assembly_drain_async");
  g_task_set_task_data (task, drain, g_free);
  /* A cancelled drain still reports through finish_drain(), after everything has stopped. */
  g_task_set_check_cancellable (task, FALSE);
  if (!self->is_started)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  stop_listeners (self);
  for (guint i = 0; i < self->pipelines->len; i++)
    hawser_pipeline_finish (self->pipelines->pdata[i]);
  stop_bridges (self);
  drain->n_sinks = n_sinks;
  for (guint i = 0; i < n_sinks; i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_drain_async (runner, cancellable, on_sink_drained, task);
    }
  if (n_sinks == 0)
    flush_spool (self, task);
}

/**
 * hawser_assembly_drain_finish:
 * @self: an assembly
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_TIMEOUT when it was cancelled before everything was written.
 *
 * Returns: %TRUE if nothing is left over
 * Since: 0.1
 */
gboolean
hawser_assembly_drain_finish (HawserAssembly  *self,
                              GAsyncResult    *result,
                              GError         **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- looking ---- */

/**
 * hawser_assembly_get_listeners:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserListener of every listener, those of [admin] last
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_listeners (HawserAssembly *self)
{
  return G_LIST_MODEL (self->listeners);
}

/**
 * hawser_assembly_get_sinks:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserSinkRunner of every subscription that has a sink
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_sinks (HawserAssembly *self)
{
  return G_LIST_MODEL (self->sinks);
}

/**
 * hawser_assembly_get_bridges:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserBridge of every [bridge] group
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_bridges (HawserAssembly *self)
{
  return G_LIST_MODEL (self->bridges);
}

/**
 * hawser_assembly_get_config:
 * @self: an assembly
 *
 * Returns: (transfer none): its configuration
 * Since: 0.1
 */
HawserConfig *
hawser_assembly_get_config (HawserAssembly *self)
{
  return self->config;
}

/**
 * hawser_assembly_dup_ready_line:
 * @self: an assembly that was started
 *
 * Returns: (transfer full): `ready` and where each listener is, such as `ready mqtt=tcp:127.0.0.1:1883`
 * Since: 0.1
 */
char *
hawser_assembly_dup_ready_line (HawserAssembly *self)
{
  GString *line = g_string_new ("ready");

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);
      g_autofree char *address = hawser_listener_dup_bound_address (listener);

      g_string_append_printf (line, " %s=%s", hawser_listener_get_name (listener), address);
    }
  return g_string_free (line, FALSE);
}
