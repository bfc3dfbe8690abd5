/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HawserBus: makes the parts, hands them to each other and offers them to applications. It only routes: topics are in
 * hawser-topic-table.c, the way of a message in hawser-router.c, receivers in hawser-receiver.c, rights in
 * hawser-authority.c, list models in hawser-bus-models.c. Context: the one it was made on; hawser_bus_publish() may be
 * called on any thread. */

#include "hawser-bus.h"
#include "hawser-farewell.h"
#include "hawser-receiver-private.h"
#include "hawser-group-private.h"

#include <string.h>
#include <sys/random.h>

#include "hawser-author.h"
#include "hawser-in-process.h"
#include "hawser-message-private.h"
#include "hawser-observer-private.h"
#include "hawser-param-spec.h"
#include "hawser-topic-name.h"

#define HOME_WEIGHT 2        /* of a socket on the bus's lane, which routes besides: docs/decisions/lanes.md */
#define MAX_TOPICS 1000000   /* records, about 100 bytes each; those of names made on first use give way to others */
#define MAX_RETAINED 4000000 /* the payload and about 150 bytes each; the admin API and $SYS show the number */

enum {
  PROP_CLOCK = 1,
  PROP_OPEN,
  PROP_TRUST_LOOPBACK,
  PROP_MAX_CONNECTIONS,
  PROP_MAX_MEMORY,
  PROP_THREADS,
  PROP_BUSY_POLL,
  PROP_TOPICS,
  PROP_SUBSCRIPTIONS,
  PROP_CONNECTIONS,
  PROP_LISTENERS,
  PROP_BRIDGES,
  PROP_PIPELINES,
  PROP_SINKS,
  PROP_NAME,
  PROP_TWINS,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserBus, hawser_bus, G_TYPE_OBJECT)

/* 16 digits: milliseconds since 1970 in the front, so ids sort by time; chance behind. */
static void
make_uid (HawserBus *self)
{
  guint16 chance = 0;
  gint64 ms = hawser_clock_get_wall_us (self->clock) / 1000;

  if (getrandom (&chance, sizeof chance, GRND_NONBLOCK) != sizeof chance)
    chance = (guint16) g_random_int ();
  g_snprintf (self->uid, sizeof self->uid, "%012" G_GINT64_MODIFIER "x%04x", ms & 0xffffffffffff, chance);
}

static void
check_rights_soon (gpointer data)
{
  HawserBus *self = data;

  if (!self->is_closed)
    hawser_lane_mark_dirty (self->lane, &self->rights_dirty);
}

static void
constructed (GObject *object)
{
  HawserBus *self = HAWSER_BUS (object);

  if (self->clock == NULL)
    self->clock = g_object_ref (hawser_clock_get_system ());
  self->lane = hawser_lane_new (NULL, self->clock);
  self->journal.clock = self->clock;
  self->rights_dirty.flush = hawser_bus_check_filters;
  self->topics.changed = check_rights_soon;
  self->topics.changed_data = self;
  self->thread = g_thread_self ();
  make_uid (self);
  self->self_publisher = hawser_publisher_new (self, NULL, "/process");
  G_OBJECT_CLASS (hawser_bus_parent_class)->constructed (object);
}

/* Who is looked out for needs a processor too. */
static void
apply_busy_poll (HawserBus *self)
{
  if (self->lane != NULL)
    hawser_lane_set_busy_poll (self->lane, g_get_num_processors () > MAX (self->threads, 1) ? self->busy_poll_us : 0);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserBus *self = HAWSER_BUS (object);

  switch (id)
    {
    case PROP_CLOCK: self->clock = g_value_dup_object (value); break;
    case PROP_NAME: g_free (self->name); self->name = g_value_dup_string (value); break;
    case PROP_OPEN: self->is_open = g_value_get_boolean (value); self->policy_version++; break;
    case PROP_MAX_CONNECTIONS: self->max_connections = g_value_get_uint (value); break;
    case PROP_MAX_MEMORY:
      hawser_memory_set_max (&self->memory, self->lane, g_value_get_uint64 (value));
      break;
    case PROP_THREADS: self->threads = g_value_get_uint (value); apply_busy_poll (self); break;
    case PROP_BUSY_POLL: self->busy_poll_us = g_value_get_int64 (value); apply_busy_poll (self); break;
    case PROP_TRUST_LOOPBACK: self->trusts_loopback = g_value_get_boolean (value); hawser_bus_rights_changed (self); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserBus *self = HAWSER_BUS (object);

  switch (id)
    {
    case PROP_CLOCK: g_value_set_object (value, self->clock); break;
    case PROP_OPEN: g_value_set_boolean (value, self->is_open); break;
    case PROP_MAX_MEMORY: g_value_set_uint64 (value, self->memory.max); break;
    case PROP_TRUST_LOOPBACK: g_value_set_boolean (value, self->trusts_loopback); break;
    case PROP_MAX_CONNECTIONS: g_value_set_uint (value, self->max_connections); break;
    case PROP_THREADS: g_value_set_uint (value, self->threads); break;
    case PROP_BUSY_POLL: g_value_set_int64 (value, self->busy_poll_us); break;
    case PROP_TOPICS: g_value_set_object (value, hawser_bus_get_topics (self)); break;
    case PROP_SUBSCRIPTIONS: g_value_set_object (value, hawser_bus_get_subscriptions (self)); break;
    case PROP_CONNECTIONS: g_value_set_object (value, hawser_bus_get_connections (self)); break;
    case PROP_TWINS: g_value_set_object (value, hawser_bus_get_twins (self)); break;
    case PROP_LISTENERS: g_value_set_object (value, hawser_bus_get_listeners (self)); break;
    case PROP_BRIDGES: g_value_set_object (value, hawser_bus_get_bridges (self)); break;
    case PROP_PIPELINES: g_value_set_object (value, hawser_bus_get_pipelines (self)); break;
    case PROP_NAME: g_value_set_string (value, self->name != NULL ? self->name : g_get_host_name ()); break;
    case PROP_SINKS: g_value_set_object (value, hawser_bus_get_sinks (self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
dispose (GObject *object)
{
  hawser_bus_close (HAWSER_BUS (object));
  G_OBJECT_CLASS (hawser_bus_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserBus *self = HAWSER_BUS (object);

  if (self->twins != NULL)
    g_object_run_dispose (self->twins); /* a language with a collector may hold it for longer than us */
  g_clear_object ((GObject **) &self->twins);
  hawser_publisher_free (self->self_publisher);
  hawser_schedule_clear (&self->schedule);
  hawser_farewells_clear (self);
  hawser_dedup_clear (&self->dedup);
  hawser_history_clear (&self->history);
  hawser_topic_table_clear (&self->topics);
  hawser_match_tree_free (self->filters);
  g_hash_table_unref (self->policies);
  g_free (self->admin_policy);
  g_hash_table_unref (self->durable);
  g_hash_table_unref (self->provisioned);
  g_hash_table_unref (self->groups);
  g_hash_table_unref (self->keepers);
  g_ptr_array_unref (self->commit_waiters);
  g_hash_table_unref (self->kept);
  g_hash_table_unref (self->kept_policies);
  g_strfreev (self->redact);
  g_free (self->name);
  g_ptr_array_unref (self->listeners);
  g_ptr_array_unref (self->bridges);
  g_ptr_array_unref (self->pipelines);
  g_ptr_array_unref (self->sinks);
  g_ptr_array_unref (self->limits);
  hawser_bus_free_pending (self);
  g_clear_object (&self->topic_model);
  g_clear_object (&self->subscription_model);
  g_clear_object (&self->connection_model);
  g_clear_object (&self->listener_model);
  g_clear_object (&self->bridge_model);
  g_clear_object (&self->pipeline_model);
  g_clear_object (&self->sink_model);
  hawser_lane_unref (self->lane);
  g_object_unref (self->clock);
  G_OBJECT_CLASS (hawser_bus_parent_class)->finalize (object);
}

static void
hawser_bus_class_init (HawserBusClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->constructed = constructed;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->dispose = dispose;
  object_class->finalize = finalize;

  props[PROP_CLOCK] = g_param_spec_object ("clock", "Clock", "Where time comes from", HAWSER_TYPE_CLOCK,
                                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  props[PROP_OPEN] = g_param_spec_boolean ("open", "Open", "Whether peers may use topics that nobody declared a policy for: for loopback and demos",
                                           TRUE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_MAX_CONNECTIONS] = g_param_spec_uint ("max-connections", "Most connections", "Peers of all listeners together; further ones are closed at once; 0 for any",
                                                   0, G_MAXUINT, 0, G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  props[PROP_MAX_MEMORY] = hawser_param_spec_size ("max-memory", "Private memory of the process above which publishers are held back; 0 for any",
                                                   0, G_MAXINT64, 0, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_THREADS] = g_param_spec_uint ("threads", "Threads", "Lanes, each a thread, that sockets of peers are spread over; 0 and 1: all are on that of the bus, "
                                           "and there is no other", 0, 256, 0, G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  props[PROP_BUSY_POLL] = hawser_param_spec_duration ("busy-poll", "Longest time that a lane which does the waiting looks for the next message before it sleeps, where that costs no more and "
                                                      "the process has more processors than lanes; 0: it sleeps at once", 0, G_USEC_PER_SEC / 1000, 0,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_TRUST_LOOPBACK] = g_param_spec_boolean ("trust-loopback", "Trust loopback", "Whether loopback counts as encrypted for require-encryption",
                                                     FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_TOPICS] = g_param_spec_object ("topics", "Topics", "Topics in use or declared", G_TYPE_LIST_MODEL, read);
  props[PROP_SUBSCRIPTIONS] = g_param_spec_object ("subscriptions", "Subscriptions", "Filters and their receivers", G_TYPE_LIST_MODEL, read);
  props[PROP_CONNECTIONS] = g_param_spec_object ("connections", "Connections", "Peers that are connected", G_TYPE_LIST_MODEL, read);
  props[PROP_LISTENERS] = g_param_spec_object ("listeners", "Listeners", "Where peers connect", G_TYPE_LIST_MODEL, read);
  props[PROP_PIPELINES] = g_param_spec_object ("pipelines", "Pipelines", "What makes messages of topics out of those of others", G_TYPE_LIST_MODEL, read);
  props[PROP_NAME] = g_param_spec_string ("name", "Name", "What people call this bus; NULL sets the host's name", NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_SINKS] = g_param_spec_object ("sinks", "Sinks", "What writes to destinations that nobody connects from", G_TYPE_LIST_MODEL, read);
  props[PROP_BRIDGES] = g_param_spec_object ("bridges", "Bridges", "Where we connect to somebody else's broker", G_TYPE_LIST_MODEL, read);
  props[PROP_TWINS] = g_param_spec_object ("twins", "Twins", "Things that topics stand for", G_TYPE_LIST_MODEL, read);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_bus_init (HawserBus *self)
{
  self->is_open = TRUE;
  hawser_topic_table_init (&self->topics, MAX_TOPICS, MAX_RETAINED);
  hawser_schedule_init (&self->schedule, self);
  hawser_dedup_init (&self->dedup, self);
  hawser_history_init (&self->history, self);
  self->filters = hawser_match_tree_new ();
  self->policies = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) hawser_policy_unref);
  self->durable = g_hash_table_new (g_str_hash, g_str_equal);
  self->groups = g_hash_table_new (g_str_hash, g_str_equal);
  self->commit_waiters = g_ptr_array_new ();
  self->keepers = g_hash_table_new (NULL, NULL);
  self->provisioned = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->kept_policies = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->listeners = g_ptr_array_new ();
  self->bridges = g_ptr_array_new ();
  self->pipelines = g_ptr_array_new ();
  self->sinks = g_ptr_array_new ();
  self->limits = g_ptr_array_new_with_free_func (g_free);
  g_queue_init (&self->connections);
}

/**
 * hawser_bus_new:
 *
 * Makes a bus that runs in the main loop of its maker: no thread of its own, nothing on disk, open to loopback peers
 * until policies are added.
 *
 * Context: its callbacks run on the thread-default context of this call.
 *
 * Returns: (transfer full): a bus
 * Since: 0.1
 */
HawserBus *
hawser_bus_new (void)
{
  return g_object_new (HAWSER_TYPE_BUS, NULL);
}

/**
 * hawser_bus_new_with_clock:
 * @clock: where time comes from; a manual one in tests
 *
 * Returns: (transfer full): a bus
 * Since: 0.1
 */
HawserBus *
hawser_bus_new_with_clock (HawserClock *clock)
{
  return g_object_new (HAWSER_TYPE_BUS, "clock", clock, NULL);
}

/* ---- Publishing ---- */

typedef struct {
  HawserBus *bus;
  HawserMessage *message;
} Posted;

static void
publish_posted (gpointer data)
{
  Posted *posted = data;

  if (!posted->bus->is_closed)
    hawser_bus_route (posted->bus, posted->bus->self_publisher, posted->message, NULL, NULL, 0, FALSE);
  else
    hawser_message_unref (posted->message);
  g_object_unref (posted->bus);
  g_free (posted);
}

/**
 * hawser_bus_publish:
 * @self: a bus
 * @message: (transfer none): what to publish
 * @error: return location
 *
 * Publishes with the rights of this process. On the bus's own context the message is routed before the call returns;
 * from any other thread it is handed over, and only its topic name is checked here.
 * Durable subscriptions get it, but the call does not wait for the disk: hawser_bus_publish_async() does.
 *
 * Errors: %HAWSER_ERROR_INVALID (topic name), %HAWSER_ERROR_DISABLED, %HAWSER_ERROR_TOO_LARGE, %HAWSER_ERROR_QUOTA,
 *   %HAWSER_ERROR_CLOSED.
 * Context: any thread.
 *
 * Returns: %TRUE if the bus took it
 * Since: 0.1
 */
gboolean
hawser_bus_publish (HawserBus *self, HawserMessage *message, GError **error)
{
  GMainContext *context = hawser_lane_get_context (self->lane);
  gboolean is_owner, took = FALSE;
  int result;

  if (self->is_closed)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
      return FALSE;
    }
  is_owner = g_main_context_is_owner (context);
  if (!is_owner && g_thread_self () == self->thread)
    is_owner = took = g_main_context_acquire (context);
  if (!is_owner)
    {
      Posted *posted;

      if (!hawser_topic_name_is_valid (message->data, message->topic_len, error))
        return FALSE;
      posted = g_new (Posted, 1);
      posted->bus = g_object_ref (self);
      posted->message = hawser_message_ref (message);
      hawser_lane_post (self->lane, publish_posted, posted);
      return TRUE;
    }

  result = hawser_bus_route (self, self->self_publisher, hawser_message_ref (message), NULL, NULL, 0, FALSE);
  if (took)
    g_main_context_release (context);
  if (result <= 0)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, result, "%s", self->refusal.text);
  return FALSE;
}

gboolean
hawser_bus_is_current (HawserBus *self)
{
  GMainContext *context = hawser_lane_get_context (self->lane);

  if (g_main_context_is_owner (context))
    return TRUE;
  if (g_thread_self () != self->thread || !g_main_context_acquire (context))
    return FALSE;
  g_main_context_release (context);
  return TRUE;
}

static void
finish_publish (GTask *task, HawserBus *self, int result)
{
  if (result == HAWSER_RESULT_OK)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, HAWSER_ERROR, result, "%s", self->refusal.text);
  g_object_unref (task);
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  finish_publish (data, g_task_get_source_object (data), result);
}

/**
 * hawser_bus_publish_async:
 * @self: a bus
 * @message: (transfer none): what to publish
 * @cancellable: (nullable): stops waiting; the message stays published
 * @callback: (scope async): called when the promise of its QoS holds
 * @user_data: data for @callback
 *
 * Publishes and waits until what was promised has happened: with QoS 1 or 2, durable subscriptions that match have it
 * on disk.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_publish_async (HawserBus *self, HawserMessage *message, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  int result;

  g_task_set_source_tag (task, hawser_bus_publish_async);
  g_task_set_name (task, "hawser_bus_publish_async");
  if (self->is_closed)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
      g_object_unref (task);
      return;
    }
  result = hawser_bus_route (self, self->self_publisher, hawser_message_ref (message), on_published, task, 0, TRUE);
  if (result != HAWSER_RESULT_PENDING)
    finish_publish (task, self, result);
}

/**
 * hawser_bus_publish_finish:
 * @self: a bus
 * @result: the result given to the callback
 * @error: return location
 *
 * Errors: as hawser_bus_publish(), and %HAWSER_ERROR_UNAVAILABLE when the disk failed.
 *
 * Returns: %TRUE if the promise holds
 * Since: 0.1
 */
gboolean
hawser_bus_publish_finish (HawserBus *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- Subscribing ---- */

/**
 * hawser_bus_subscribe:
 * @self: a bus
 * @filter: topic filter with `+` and `#`
 * @func: (scope notified) (closure user_data) (destroy destroy): called for each message, retained values first
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data when the subscription ended
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (filter).
 * Context: the bus's; @func runs on the thread-default context of this call.
 *
 * Returns: (transfer full) (nullable): the subscription, for hawser_bus_unsubscribe(); it lives without this reference
 * Since: 0.1
 */
HawserSubscription *
hawser_bus_subscribe (HawserBus *self, const char *filter, HawserMessageFunc func, gpointer user_data, GDestroyNotify destroy, GError **error)
{
  g_autoptr (HawserSubscription) subscription = hawser_function_subscription_new (filter, func, user_data, destroy);

  return hawser_in_process_add (self, subscription, error) ? g_steal_pointer (&subscription) : NULL;
}

/**
 * hawser_bus_add_subscription:
 * @self: a bus
 * @subscription: a filter and a receiver of your own making
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (filter), %HAWSER_ERROR_EXISTS (added already).
 * Context: the bus's; @subscription is called on the thread-default context of this call.
 *
 * Returns: %TRUE if messages will come
 * Since: 0.1
 */
gboolean
hawser_bus_add_subscription (HawserBus *self, HawserSubscription *subscription, GError **error)
{
  return hawser_in_process_add (self, subscription, error);
}

/**
 * hawser_bus_unsubscribe:
 * @self: a bus
 * @subscription: what hawser_bus_subscribe() returned or hawser_bus_add_subscription() took
 *
 * Ends the subscription. A batch that was handed over before may still be delivered; then it is told that it ended.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_unsubscribe (HawserBus *self, HawserSubscription *subscription)
{
  hawser_in_process_remove (self, subscription);
}

/* ---- Topics and policies ---- */

static HawserPolicy *
find_policy (HawserBus *self, const char *name)
{
  HawserPolicy *policy = name != NULL ? g_hash_table_lookup (self->policies, name) : NULL;

  return policy != NULL ? hawser_policy_ref (policy) : NULL;
}

void
hawser_bus_resolve_policies (HawserBus *self, HawserLocalTopic *topic)
{
  g_clear_pointer (&topic->publish_policy, hawser_policy_unref);
  g_clear_pointer (&topic->subscribe_policy, hawser_policy_unref);
  topic->publish_policy = find_policy (self, topic->publish_policy_name);
  topic->subscribe_policy = find_policy (self, topic->subscribe_policy_name);
  topic->policy_version = self->policy_version;
}

/* Rights changed: routes, decisions and subscriptions are looked at again. */
void
hawser_bus_rights_changed (HawserBus *self)
{
  GHashTableIter iter;
  gpointer policy;

  self->policy_version++;
  self->asks_address = self->trusts_loopback;
  g_hash_table_iter_init (&iter, self->policies);
  while (g_hash_table_iter_next (&iter, NULL, &policy))
    self->asks_address |= hawser_policy_uses (policy, "address");
  check_rights_soon (self);
}

/**
 * hawser_bus_add_policy:
 * @self: a bus
 * @policy: a policy; replaces one of the same name
 *
 * Topics name it in `publish-policy` and `subscribe-policy`. From the first policy on the bus is closed to whatever no
 * policy allows.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_add_policy (HawserBus *self, HawserPolicy *policy)
{
  policy = hawser_policy_ref (policy);
  hawser_bus_forget_kept_policy (self, hawser_policy_get_name (policy));
  g_hash_table_replace (self->policies, (gpointer) hawser_policy_get_name (policy), policy);
  self->is_open = FALSE;
  hawser_bus_rights_changed (self);
}

/**
 * hawser_bus_set_admin_policy:
 * @self: a bus
 * @name: (nullable): name of a policy, which may be added later; %NULL: everybody whom a listener of the admin API lets in
 *
 * Who may use the admin API, whichever listener serves it. A name that no policy has denies it to everybody.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_set_admin_policy (HawserBus *self, const char *name)
{
  g_free (self->admin_policy);
  self->admin_policy = g_strdup (name);
}

/**
 * hawser_bus_remove_policy:
 * @self: a bus
 * @name: name of a policy
 *
 * Topics that still name it are denied to everybody.
 *
 * Context: the bus's.
 *
 * Returns: %TRUE if there was one
 * Since: 0.1
 */
gboolean
hawser_bus_remove_policy (HawserBus *self, const char *name)
{
  if (!g_hash_table_remove (self->policies, name))
    return FALSE;
  hawser_bus_rights_changed (self);
  return TRUE;
}

/**
 * hawser_bus_add_topic:
 * @self: a bus
 * @topic: a topic, usually a #HawserLocalTopic; one whose name is a filter holds for every topic that it matches and
 *   where that topic, and any more specific filter, does not say something else
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (name), %HAWSER_ERROR_EXISTS, %HAWSER_ERROR_QUOTA.
 * Context: the bus's.
 *
 * Returns: %TRUE if it was added
 * Since: 0.1
 */
gboolean
hawser_bus_add_topic (HawserBus *self, HawserTopic *topic, GError **error)
{
  g_autofree char *name = hawser_topic_dup_name (topic);

  if (g_hash_table_contains (self->kept, name) && hawser_bus_get_topic (self, name) != topic)
    {
      /* recovered from before the restart; what is declared now wins */
      hawser_bus_model_remove_topic (self, name);
      hawser_topic_table_undeclare (&self->topics, name);
      hawser_bus_forget_kept_topic (self, name);
    }
  if (!hawser_topic_table_declare (&self->topics, topic, error))
    return FALSE;
  self->statistics.n_topics = hawser_topic_table_get_n_topics (&self->topics);
  if (strpbrk (name, "+#") == NULL)
    hawser_bus_model_add_topic (self, hawser_topic_table_find (&self->topics, name, strlen (name)));
  return TRUE;
}

/**
 * hawser_bus_remove_topic:
 * @self: a bus
 * @name: name or filter it was added under, or the name of a topic that was made on first use
 *
 * The retained value of a topic that was added goes with it; a topic that was made on first use stays while it has one.
 * Not from inside a publish call.
 *
 * Context: the bus's.
 *
 * Returns: %TRUE if there was one
 * Since: 0.1
 */
gboolean
hawser_bus_remove_topic (HawserBus *self, const char *name)
{
  HawserTopicRecord *record = hawser_topic_table_find (&self->topics, name, strlen (name));

  if (record != NULL && record->retained != NULL && record->topic != NULL)
    {
      if (hawser_journal_exists (&self->journal))
        hawser_journal_remove (&self->journal, "retained", name, NULL, NULL);
      hawser_topic_table_set_retained (&self->topics, record, name, strlen (name), NULL);
      self->statistics.n_retained = self->topics.n_retained;
    }
  if (record != NULL && record->topic == NULL)
    {
      if (record->retained != NULL)
        return FALSE;
      hawser_bus_model_remove_topic (self, name);
      hawser_topic_table_remove (&self->topics, record);
      self->statistics.n_topics = hawser_topic_table_get_n_topics (&self->topics);
      return TRUE;
    }
  hawser_bus_model_remove_topic (self, name);
  hawser_bus_forget_kept_topic (self, name);
  return hawser_topic_table_undeclare (&self->topics, name);
}

/**
 * hawser_bus_get_topic:
 * @self: a bus
 * @name: name or filter
 *
 * Returns: (transfer none) (nullable): what was added under exactly this name
 * Since: 0.1
 */
HawserTopic *
hawser_bus_get_topic (HawserBus *self, const char *name)
{
  return g_hash_table_lookup (self->topics.declared, name);
}

/**
 * hawser_bus_get_retained:
 * @self: a bus
 * @topic: topic name
 *
 * Context: the bus's.
 *
 * Returns: (transfer full) (nullable): the last value, unless it expired or its author has no right to it any more
 * Since: 0.1
 */
HawserMessage *
hawser_bus_get_retained (HawserBus *self, const char *topic)
{
  HawserMessage *message = hawser_topic_table_get_retained (&self->topics, topic, strlen (topic));

  if (message == NULL || hawser_message_get_remaining_s (message, hawser_lane_get_now_us (self->lane)) == 0 || !hawser_bus_check_author (self, message))
    return NULL;
  return hawser_message_ref (message);
}

typedef struct {
  HawserBus *bus;
  HawserTopicInfoFunc func;
  gpointer data;
} EachTopic;

static gboolean
each_bare (HawserMatchNode *node, gpointer value, gpointer data)
{
  EachTopic *each = data;
  HawserMessage *message = value;
  HawserTopicInfo info = { message->data, NULL, TRUE, 1 }; /* published once more it has a record */

  return hawser_topic_table_find (&each->bus->topics, message->data, message->topic_len) != NULL || each->func (&info, each->data);
}

void
hawser_bus_foreach_topic (HawserBus *self, HawserTopicInfoFunc func, gpointer data)
{
  EachTopic each = { self, func, data };

  for (guint i = 0; i < self->topics.n_buckets; i++)
    for (HawserTopicRecord *record = self->topics.buckets[i]; record != NULL; record = record->next)
      {
        HawserTopicInfo info = { record->name, record->topic, record->retained != NULL, record->n_published };

        if (!func (&info, data))
          return;
      }
  if (self->topics.n_bare > 0)
    hawser_match_tree_foreach (self->topics.retained, each_bare, &each);
}

/* ---- Connections and listeners ---- */

guint64
hawser_bus_take_id (HawserBus *self)
{
  return ++self->next_id;
}

void
hawser_bus_foreach_connection (HawserBus *self, HawserConnectionFunc func, gpointer data)
{
  for (GList *link = self->connections.head, *next; link != NULL; link = next)
    {
      next = link->next;
      if (!func (link->data, data))
        return;
    }
}

/* ---- The rest ---- */

/**
 * hawser_bus_get_clock:
 * @self: a bus
 *
 * Returns: (transfer none): where its time comes from
 * Since: 0.1
 */
HawserClock *
hawser_bus_get_clock (HawserBus *self)
{
  return self->clock;
}

HawserLane *
hawser_bus_get_lane (HawserBus *self)
{
  return self->lane;
}

/* Threads appear with the first peer that needs one. */
static void
make_side_lanes (HawserBus *self)
{
  self->side_lanes = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_side_lane_free);
  for (guint i = 1; i < self->threads; i++)
    g_ptr_array_add (self->side_lanes, hawser_side_lane_new (self->lane, i));
}

HawserSideLane *
hawser_bus_choose_side_lane (HawserBus *self)
{
  HawserSideLane *best = NULL;
  guint least = G_MAXUINT, n_here = self->connections.length;

  if (G_LIKELY (self->threads < 2) || self->is_closed)
    return NULL;
  if (self->side_lanes == NULL)
    make_side_lanes (self);
  for (guint i = 0; i < self->side_lanes->len; i++)
    {
      guint load = *hawser_side_lane_get_load (self->side_lanes->pdata[i]);

      n_here -= load;
      if (load < least)
        {
          least = load;
          best = self->side_lanes->pdata[i];
        }
    }
  return n_here * HOME_WEIGHT > least ? best : NULL;
}

void
hawser_bus_get_statistics (HawserBus *self, HawserBusStatistics *out_statistics)
{
  self->statistics.n_topics = hawser_topic_table_get_n_topics (&self->topics);
  self->statistics.n_retained = self->topics.n_retained;
  self->statistics.n_scheduled = hawser_schedule_get_n (&self->schedule);
  self->statistics.n_duplicates = self->dedup.n_duplicates;
  self->statistics.memory_bytes = self->memory.max > 0 ? hawser_memory_get_used () : 0;
  self->statistics.max_memory = self->memory.max;
  self->statistics.is_tight = hawser_bus_is_tight (self);
  *out_statistics = self->statistics;
}

void
hawser_bus_set_reload (HawserBus *bus, HawserReloadFunc func, gpointer data)
{
  bus->reload = func;
  bus->reload_data = data;
}

char **
hawser_bus_reload (HawserBus *bus, GError **error)
{
  if (bus->reload != NULL)
    return bus->reload (bus->reload_data, error);
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "this bus was not made from a configuration that could be read again");
  return NULL;
}

typedef struct {
  HawserBus *bus;
  gint64 offset_us;
  guint n_bad;
  GHashTable *origins;
} RecoverRetained;

static void
recover_retained (gpointer data, const char *key, GBytes *value)
{
  RecoverRetained *recover = data;
  HawserBus *self = recover->bus;
  g_autoptr (HawserMessage) message = hawser_author_load_message (recover->origins, g_bytes_get_data (value, NULL), g_bytes_get_size (value), recover->offset_us);

  if (message == NULL || strcmp (message->data, key) != 0)
    {
      recover->n_bad++;
      return;
    }
  if (self->topic_model != NULL && hawser_topic_table_find (&self->topics, key, message->topic_len) == NULL)
    {
      HawserTopicRecord *record = hawser_topic_table_add (&self->topics, key, message->topic_len);

      if (record != NULL)
        hawser_bus_model_add_topic (self, record);
    }
  hawser_topic_table_set_retained (&self->topics, NULL, key, message->topic_len, message);
  self->sequence = MAX (self->sequence, message->sequence);
}

static void
recover_queue (gpointer data, const HawserJournalQueue *queue)
{
  HawserBus *self = data;

  if (queue->meta != NULL && g_bytes_get_size (queue->meta) > 0)
    hawser_receiver_recover (self, queue);
}

gboolean
hawser_bus_set_journal (HawserBus *self, const HawserJournalFuncs *funcs, gpointer journal, GError **error)
{
  g_autoptr (GHashTable) origins = hawser_author_new_table ();
  RecoverRetained recover = { .bus = self, .origins = origins };

  self->journal.funcs = funcs;
  self->journal.log = journal;
  if (journal == NULL)
    return TRUE;
  recover.offset_us = hawser_journal_get_line_offset_us (&self->journal);
  if (!hawser_bus_recover_kept_topics (self, error) || !hawser_bus_recover_kept_policies (self, error) || !funcs->foreach_value (journal, "retained", recover_retained, &recover, error))
    return FALSE;
  if (recover.n_bad > 0)
    g_warning ("%u retained values could not be read and were left out", recover.n_bad);
  if (!hawser_history_recover (&self->history, error))
    return FALSE;
  funcs->foreach_queue (journal, recover_queue, self);
  if (!hawser_bus_recover_terms (self, error))
    return FALSE;
  hawser_group_sweep (self);
  return hawser_bus_recover_kept_keys (self, error) && hawser_dedup_recover (&self->dedup, error) && hawser_schedule_recover (&self->schedule, error) &&
         hawser_farewells_recover (self, error);
}

/**
 * hawser_bus_close:
 * @self: a bus
 *
 * Ends every subscription and connection now. Durable ones keep what is on disk. Further publishes are refused.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_close (HawserBus *self)
{
  if (self->is_closed)
    return;
  self->is_closed = TRUE;
  hawser_observers_clear (self);
  hawser_farewells_clear (self);
  hawser_memory_clear (&self->memory);
  hawser_lane_unmark_dirty (self->lane, &self->rights_dirty);
  for (GList *link = self->connections.head; link != NULL; link = link->next)
    hawser_connection_close (link->data, HAWSER_ERROR_CLOSED);
  hawser_lane_flush (self->lane);
  g_clear_pointer (&self->side_lanes, g_ptr_array_unref); /* which send what is left as far as it is taken, and end */
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    hawser_receiver_save (receiver);
  g_hash_table_remove_all (self->keepers);
  self->journal.log = NULL; /* removing receivers from here on must not remove their queues */
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    if (receiver->durable != NULL)
      receiver->durable->queue = 0;
  while (self->receivers != NULL)
    hawser_receiver_remove (self->receivers);
}
