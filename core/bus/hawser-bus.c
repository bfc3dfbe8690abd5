/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HawserBus: makes the parts, hands them to each other and offers them to applications. It only routes: topics are in
 * hawser-topic-table.c, the way of a message in hawser-router.c, receivers in hawser-receiver.c, rights in
 * hawser-authority.c, list models in hawser-bus-models.c. Context: the one it was made on; hawser_bus_publish() may be
 * called on any thread. */

#include "hawser-bus.h"
#include "hawser-bus-private.h"

#include <string.h>
#include <sys/random.h>

#include "hawser-observer-private.h"
#include "hawser-param-spec.h"

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
note_commit (gpointer data, guint64 position, gboolean ok)
{
  hawser_bus_note_commit (data, position, ok);
}

static void
constructed (GObject *object)
{
  HawserBus *self = HAWSER_BUS (object);

  if (self->clock == NULL)
    self->clock = g_object_ref (hawser_clock_get_system ());
  self->lane = hawser_lane_new (NULL, self->clock);
  self->journal.clock = self->clock;
  hawser_authority_init (&self->authority, self->clock, &self->topics, &self->refusal, (HawserAuthorityFuncs) { check_rights_soon, hawser_observers_check_read, NULL }, self);
  hawser_pending_pool_init (&self->pending, &self->journal, &self->refusal, note_commit, self);
  self->audit = (HawserAudit) { .clock = self->clock, .refusal = &self->refusal };
  self->kept_topics = hawser_kept_topics_new (&self->journal);
  self->history = hawser_history_new (self->lane, &self->journal, &self->sequence);
  self->replays = hawser_replays_new (self->lane, self->history, &self->authority);
  self->dedup = hawser_dedup_new (&self->journal);
  self->schedule = hawser_schedule_new (self->lane, &self->journal, &self->refusal, &self->sequence, self->uid, hawser_bus_publish_scheduled, self);
  self->farewells = hawser_farewells_new (self->lane, &self->journal, hawser_bus_publish_farewell, self);
  self->metering = (HawserMetering) { &self->memory, &self->statistics, &self->refusal };
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
    case PROP_OPEN: hawser_authority_set_open (&self->authority, g_value_get_boolean (value)); break;
    case PROP_MAX_CONNECTIONS: self->max_connections = g_value_get_uint (value); break;
    case PROP_MAX_MEMORY:
      hawser_memory_set_max (&self->memory, self->lane, g_value_get_uint64 (value));
      break;
    case PROP_THREADS: self->threads = g_value_get_uint (value); apply_busy_poll (self); break;
    case PROP_BUSY_POLL: self->busy_poll_us = g_value_get_int64 (value); apply_busy_poll (self); break;
    case PROP_TRUST_LOOPBACK: hawser_authority_set_trusts_loopback (&self->authority, g_value_get_boolean (value)); break;
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
    case PROP_OPEN: g_value_set_boolean (value, self->authority.is_open); break;
    case PROP_MAX_MEMORY: g_value_set_uint64 (value, self->memory.max); break;
    case PROP_TRUST_LOOPBACK: g_value_set_boolean (value, self->authority.trusts_loopback); break;
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
  hawser_schedule_free (self->schedule);
  hawser_farewells_free (self->farewells);
  hawser_dedup_free (self->dedup);
  hawser_replays_free (self->replays);
  hawser_history_free (self->history);
  hawser_kept_topics_free (self->kept_topics);
  hawser_topic_table_clear (&self->topics);
  hawser_routes_clear (&self->routes);
  hawser_authority_clear (&self->authority);
  g_hash_table_unref (self->durable);
  g_hash_table_unref (self->provisioned);
  g_hash_table_unref (self->groups);
  g_hash_table_unref (self->keepers);
  g_ptr_array_unref (self->commit_waiters);
  hawser_roster_clear (&self->listeners);
  hawser_roster_clear (&self->bridges);
  hawser_roster_clear (&self->pipelines);
  hawser_roster_clear (&self->sinks);
  g_hash_table_unref (self->kept_policies);
  g_strfreev (self->redact);
  g_free (self->name);
  g_ptr_array_unref (self->limits);
  hawser_pending_pool_clear (&self->pending);
  g_clear_object (&self->topic_model);
  g_clear_object (&self->subscription_model);
  g_clear_object (&self->connection_model);
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
  hawser_topic_table_init (&self->topics, MAX_TOPICS, MAX_RETAINED);
  hawser_routes_init (&self->routes);
  self->durable = g_hash_table_new (g_str_hash, g_str_equal);
  self->groups = g_hash_table_new (g_str_hash, g_str_equal);
  self->commit_waiters = g_ptr_array_new ();
  self->keepers = g_hash_table_new (NULL, NULL);
  self->provisioned = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  hawser_roster_init (&self->listeners);
  hawser_roster_init (&self->bridges);
  hawser_roster_init (&self->pipelines);
  hawser_roster_init (&self->sinks);
  self->kept_policies = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
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
  self->statistics.n_scheduled = hawser_schedule_get_n (self->schedule);
  self->statistics.n_duplicates = hawser_dedup_get_n_duplicates (self->dedup);
  self->statistics.memory_bytes = self->memory.max > 0 ? hawser_memory_get_used () : 0;
  self->statistics.max_memory = self->memory.max;
  self->statistics.is_tight = hawser_memory_is_tight (&self->memory);
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

void
hawser_bus_set_audit (HawserBus *self, const HawserAuditFuncs *funcs, gpointer trail)
{
  self->audit.funcs = funcs;
  self->audit.trail = trail;
}

void
hawser_bus_set_trace (HawserBus *self, const char *word)
{
  self->trace = hawser_trace_parse (word);
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
  hawser_farewells_forget (self->farewells);
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
