/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Observers: somebody wants to look at some topics for a while, and to be forgotten when he does not say so again. What an
 * observer sees is published on a topic of its own, $observer/ID, so that every protocol can read it: each message, or once a second
 * the numbers, or what went wrong. It ends when its lease is over, whoever reads it and however that is connected. Context: the bus's lane. */

#include "hawser-observer-state.h"

#include <string.h>
#include <sys/random.h>

#define MIN_LEASE_MS 1000
#define MAX_LEASE_MS (24 * 3600 * 1000)
#define MAX_OBSERVERS 10000          /* of a bus: about 1 KiB each, and a timer */
#define MAX_OBSERVERS_OF_ONE 100     /* of a principal; of all peers without one together */
#define METRIC_US G_USEC_PER_SEC

enum {
  PROP_ID = 1,
  PROP_TOPIC,
  PROP_KIND,
  PROP_FILTER,
  PROP_LEASE_MS,
  PROP_IS_LIVE,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserObserver, hawser_observer, G_TYPE_OBJECT)

static const GEnumValue kinds[] = {
  { HAWSER_OBSERVER_MESSAGE, "HAWSER_OBSERVER_MESSAGE", "message" },
  { HAWSER_OBSERVER_METRIC, "HAWSER_OBSERVER_METRIC", "metric" },
  { HAWSER_OBSERVER_ERROR, "HAWSER_OBSERVER_ERROR", "error" },
  { 0, NULL, NULL },
};

GType
hawser_observer_kind_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserObserverKind", kinds));
  return type;
}

/* ---- The lease ---- */

static void
remove_topic (HawserBus *bus, const char *topic)
{
  HawserTopicRecord *record = hawser_topic_table_find (&bus->topics, topic, strlen (topic));

  if (record == NULL || record->topic != NULL)
    return;
  hawser_topic_table_set_retained (&bus->topics, record, topic, strlen (topic), NULL);
  hawser_bus_model_remove_topic (bus, topic);
  hawser_topic_table_remove (&bus->topics, record);
}

/* @reason: NULL if nobody is left who could be told. */
static void
end (HawserObserver *self, const char *reason)
{
  HawserBus *bus = self->bus;
  g_autofree char *json = reason != NULL ? g_strdup_printf ("{\"ended\":\"%s\"}", reason) : NULL;
  g_autoptr (HawserObserver) kept = NULL;

  if (bus == NULL)
    return;
  kept = g_object_ref (self);
  hawser_timer_disarm (&self->lease);
  hawser_timer_disarm (&self->tick);
  if (self->receiver != NULL)
    hawser_receiver_remove (self->receiver);
  g_queue_clear_full (&self->errors, g_free);
  if (json != NULL)
    {
      hawser_observer_publish_json (self, json, FALSE);
      remove_topic (bus, self->topic);
    }
  bus->n_error_observers -= self->kind != HAWSER_OBSERVER_MESSAGE;
  self->bus = NULL;
  g_hash_table_remove (bus->observers, self->id);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_IS_LIVE]);
}

static void
on_lease_over (HawserTimer *timer)
{
  end ((HawserObserver *) ((char *) timer - G_STRUCT_OFFSET (HawserObserver, lease)), "lease");
}

static void
on_tick (HawserTimer *timer)
{
  HawserObserver *self = (HawserObserver *) ((char *) timer - G_STRUCT_OFFSET (HawserObserver, tick));

  hawser_timer_arm (timer, self->bus->lane, timer->due_us + METRIC_US, on_tick);
  hawser_observer_publish_metric (self);
}

static void
arm_lease (HawserObserver *self)
{
  HawserLane *lane = self->bus->lane;

  hawser_timer_arm (&self->lease, lane, hawser_lane_get_now_us (lane) + (gint64) self->lease_ms * 1000, on_lease_over);
}

void
hawser_observers_clear (HawserBus *bus)
{
  GHashTableIter iter;
  gpointer observer;

  while (bus->observers != NULL && g_hash_table_size (bus->observers) > 0)
    {
      g_hash_table_iter_init (&iter, bus->observers);
      g_hash_table_iter_next (&iter, NULL, &observer);
      end (observer, NULL);
    }
  g_clear_pointer (&bus->observers, g_hash_table_unref);
}

/* ---- Making them ---- */

static gboolean
check_lease (guint lease_ms, GError **error)
{
  if (lease_ms >= MIN_LEASE_MS && lease_ms <= MAX_LEASE_MS)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a lease of %u ms: it lasts 1 s to 24 h", lease_ms);
  return FALSE;
}

static gboolean
check_filter (const char *text, HawserTopicFilter **out_filter, GError **error)
{
  *out_filter = hawser_topic_filter_new (text, error);
  if (*out_filter == NULL)
    return FALSE;
  if (!hawser_topic_filter_is_shared (*out_filter) && !g_str_has_prefix (text, HAWSER_OBSERVER_PREFIX))
    return TRUE;
  g_clear_pointer (out_filter, hawser_topic_filter_unref);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic filter '%s': neither shared subscriptions nor observers are observed", text);
  return FALSE;
}

static gboolean
check_number (HawserBus *bus, HawserConnection *connection, GError **error)
{
  HawserPrincipal *principal = connection != NULL ? hawser_connection_get_principal (connection) : NULL;
  guint n = bus->observers != NULL ? g_hash_table_size (bus->observers) : 0, n_own = 0;
  GHashTableIter iter;
  gpointer observer;

  if (n > 0 && connection != NULL)
    {
      g_hash_table_iter_init (&iter, bus->observers);
      while (g_hash_table_iter_next (&iter, NULL, &observer))
        n_own += hawser_observer_is_of (observer, principal);
    }
  if (n < MAX_OBSERVERS && n_own < MAX_OBSERVERS_OF_ONE)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "there are %u observers already, %u of them yours", n, n_own);
  return FALSE;
}

static char *
make_topic (void)
{
  guint32 chance[4];
  guint8 *bytes = (guint8 *) chance;

  if (getrandom (bytes, sizeof chance, GRND_NONBLOCK) != sizeof chance)
    for (guint i = 0; i < G_N_ELEMENTS (chance); i++)
      chance[i] = g_random_int ();
  return g_strdup_printf (HAWSER_OBSERVER_PREFIX "%08x%08x%08x%08x", chance[0], chance[1], chance[2], chance[3]);
}

static HawserObserver *
observe (HawserBus *bus, HawserConnection *connection, HawserObserverKind kind, const char *text, guint lease_ms, GError **error)
{
  g_autoptr (HawserTopicFilter) filter = NULL;
  HawserObserver *self;

  if (bus->is_closed)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
      return NULL;
    }
  if (!check_lease (lease_ms, error) || !check_filter (text, &filter, error) || !check_number (bus, connection, error)
      || (connection != NULL && !hawser_observer_check_right (connection, text, error)))
    return NULL;
  self = g_object_new (HAWSER_TYPE_OBSERVER, NULL);
  self->bus = bus;
  self->kind = kind;
  self->filter = g_steal_pointer (&filter);
  self->lease_ms = lease_ms;
  self->topic = make_topic ();
  self->id = self->topic + strlen (HAWSER_OBSERVER_PREFIX);
  if (connection != NULL)
    hawser_observer_maker_note (&self->maker, connection);
  if (bus->observers == NULL)
    bus->observers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  g_hash_table_insert (bus->observers, (gpointer) self->id, g_object_ref (self));
  bus->n_error_observers += kind != HAWSER_OBSERVER_MESSAGE;
  arm_lease (self);
  if (kind != HAWSER_OBSERVER_ERROR)
    {
      self->receiver = hawser_receiver_new (bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
      hawser_receiver_attach (self->receiver, NULL, &hawser_observer_receiver_funcs, self);
      hawser_receiver_subscribe (self->receiver, text, strlen (text), &(HawserSubscribeOptions) { .qos = 2, .retain_handling = 2 });
    }
  if (kind == HAWSER_OBSERVER_METRIC)
    {
      hawser_timer_arm (&self->tick, bus->lane, hawser_lane_get_now_us (bus->lane) + METRIC_US, on_tick);
      hawser_observer_publish_metric (self);
    }
  return self;
}

/**
 * hawser_bus_observe:
 * @self: a bus
 * @kind: what it looks at
 * @filter: topics, as in a subscription
 * @lease_ms: for how long, in milliseconds: 1000 to 86400000
 * @error: return location
 *
 * Lets somebody look at topics for a while. What the observer sees is published on hawser_observer_get_topic(): subscribe to
 * that. When @lease_ms are over and hawser_observer_renew() was not called, it ends, and `{"ended":"lease"}` is the last that
 * is published there. The reference that is returned does not keep it alive.
 *
 * Shape: %HAWSER_OBSERVER_MESSAGE publishes each message as it is, its topic in user property `topic`; what was dropped because too
 *   much waited (10,000 messages, 1 MiB) in user property `lost` of the next one. The others publish JSON objects.
 * Errors: %HAWSER_ERROR_INVALID, %HAWSER_ERROR_QUOTA, %HAWSER_ERROR_CLOSED.
 * Context: the bus's.
 *
 * Returns: (transfer full): the observer
 * Since: 0.1
 */
HawserObserver *
hawser_bus_observe (HawserBus *self, HawserObserverKind kind, const char *filter, guint lease_ms, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_BUS (self), NULL);
  g_return_val_if_fail (filter != NULL, NULL);
  return observe (self, NULL, kind, filter, lease_ms, error);
}

HawserObserver *
hawser_connection_observe (HawserConnection *connection, HawserObserverKind kind, const char *filter, guint lease_ms, GError **error)
{
  return observe (hawser_connection_get_bus (connection), connection, kind, filter, lease_ms, error);
}

HawserObserver *
hawser_connection_find_observer (HawserConnection *connection, const char *id)
{
  HawserBus *bus = hawser_connection_get_bus (connection);
  HawserObserver *observer = bus->observers != NULL ? g_hash_table_lookup (bus->observers, id) : NULL;

  return observer != NULL && hawser_observer_is_of (observer, hawser_connection_get_principal (connection)) ? observer : NULL;
}

void
hawser_bus_foreach_observer (HawserBus *bus, HawserConnection *connection, GFunc func, gpointer data)
{
  GHashTableIter iter;
  gpointer observer;

  if (bus->observers == NULL)
    return;
  g_hash_table_iter_init (&iter, bus->observers);
  while (g_hash_table_iter_next (&iter, NULL, &observer))
    if (connection == NULL || hawser_observer_is_of (observer, hawser_connection_get_principal (connection)))
      func (observer, data);
}

/**
 * hawser_observer_renew:
 * @self: an observer
 * @lease_ms: for how long from now, in milliseconds; 0: as long as before
 * @error: return location
 *
 * Nothing that the observer sees is missed or repeated by it.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (it is over: make another one), %HAWSER_ERROR_INVALID.
 * Context: the bus's.
 *
 * Returns: %TRUE if it goes on
 * Since: 0.1
 */
gboolean
hawser_observer_renew (HawserObserver *self, guint lease_ms, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_OBSERVER (self), FALSE);
  if (self->bus == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "observer '%s': its lease is over", self->id);
      return FALSE;
    }
  if (lease_ms != 0 && !check_lease (lease_ms, error))
    return FALSE;
  if (lease_ms != 0 && lease_ms != self->lease_ms)
    {
      self->lease_ms = lease_ms;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LEASE_MS]);
    }
  arm_lease (self);
  return TRUE;
}

/**
 * hawser_observer_end:
 * @self: an observer
 *
 * Ends it before its lease does; `{"ended":"request"}` is the last that it publishes. Of one that is over nothing happens.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_observer_end (HawserObserver *self)
{
  g_return_if_fail (HAWSER_IS_OBSERVER (self));
  end (self, "request");
}

/**
 * hawser_observer_get_id:
 * @self: an observer
 *
 * Returns: 32 hexadecimal digits
 * Since: 0.1
 */
const char *
hawser_observer_get_id (HawserObserver *self)
{
  return self->id;
}

/**
 * hawser_observer_get_topic:
 * @self: an observer
 *
 * Returns: `$observer/` and its id: where it publishes
 * Since: 0.1
 */
const char *
hawser_observer_get_topic (HawserObserver *self)
{
  return self->topic;
}

/**
 * hawser_observer_get_kind:
 * @self: an observer
 *
 * Returns: what it looks at
 * Since: 0.1
 */
HawserObserverKind
hawser_observer_get_kind (HawserObserver *self)
{
  return self->kind;
}

/**
 * hawser_observer_get_filter:
 * @self: an observer
 *
 * Returns: the topics that it looks at
 * Since: 0.1
 */
const char *
hawser_observer_get_filter (HawserObserver *self)
{
  return hawser_topic_filter_get_text (self->filter);
}

/**
 * hawser_observer_get_lease_ms:
 * @self: an observer
 *
 * Returns: for how long it was made or renewed last, in milliseconds
 * Since: 0.1
 */
guint
hawser_observer_get_lease_ms (HawserObserver *self)
{
  return self->lease_ms;
}

/**
 * hawser_observer_get_expires_us:
 * @self: an observer
 *
 * Returns: when it will end unless it is renewed, in microseconds since 1970 of the wall clock; 0: it is over
 * Since: 0.1
 */
gint64
hawser_observer_get_expires_us (HawserObserver *self)
{
  return self->bus != NULL ? hawser_clock_get_wall_us (self->bus->clock) + self->lease.due_us - hawser_clock_get_monotonic_us (self->bus->clock) : 0;
}

/**
 * hawser_observer_is_live:
 * @self: an observer
 *
 * Returns: %FALSE once its lease is over, somebody ended it or the bus was closed
 * Since: 0.1
 */
gboolean
hawser_observer_is_live (HawserObserver *self)
{
  return self->bus != NULL;
}

/**
 * hawser_observer_to_json:
 * @self: an observer
 *
 * Returns: (transfer full): `{"id","kind","filter","topic","lease","expires","messages","errors"}`, `lease` in seconds, `expires` as in RFC 3339
 * Since: 0.1
 */
char *
hawser_observer_to_json (HawserObserver *self)
{
  GString *json = g_string_new (NULL);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", self->id);
  hawser_json_writer_member_string (&writer, "kind", kinds[self->kind].value_nick);
  hawser_json_writer_member_string (&writer, "filter", hawser_topic_filter_get_text (self->filter));
  hawser_json_writer_member_string (&writer, "topic", self->topic);
  hawser_json_writer_member_double (&writer, "lease", self->lease_ms / 1000.0);
  hawser_observer_append_time (&writer, "expires", hawser_observer_get_expires_us (self));
  hawser_observer_append_count (&writer, "messages", self->n_messages);
  hawser_observer_append_count (&writer, "errors", self->n_errors);
  hawser_json_writer_end_object (&writer);
  return g_string_free (json, FALSE);
}

/* ---- The type ---- */

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserObserver *self = HAWSER_OBSERVER (object);

  switch (id)
    {
    case PROP_ID: g_value_set_string (value, self->id); break;
    case PROP_TOPIC: g_value_set_string (value, self->topic); break;
    case PROP_KIND: g_value_set_enum (value, self->kind); break;
    case PROP_FILTER: g_value_set_string (value, self->filter != NULL ? hawser_topic_filter_get_text (self->filter) : NULL); break;
    case PROP_LEASE_MS: g_value_set_uint (value, self->lease_ms); break;
    case PROP_IS_LIVE: g_value_set_boolean (value, self->bus != NULL); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  HawserObserver *self = HAWSER_OBSERVER (object);

  hawser_observer_maker_clear (&self->maker);
  g_queue_clear_full (&self->errors, g_free);
  g_clear_pointer (&self->filter, hawser_topic_filter_unref);
  g_free (self->topic);
  G_OBJECT_CLASS (hawser_observer_parent_class)->finalize (object);
}

static void
hawser_observer_class_init (HawserObserverClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = get_property;
  object_class->finalize = finalize;

  props[PROP_ID] = g_param_spec_string ("id", "Id", "32 hexadecimal digits", NULL, read);
  props[PROP_TOPIC] = g_param_spec_string ("topic", "Topic", "Where it publishes what it sees", NULL, read);
  props[PROP_KIND] = g_param_spec_enum ("kind", "Kind", "What it looks at", HAWSER_TYPE_OBSERVER_KIND, HAWSER_OBSERVER_MESSAGE, read);
  props[PROP_FILTER] = g_param_spec_string ("filter", "Filter", "Topics that it looks at", NULL, read);
  props[PROP_LEASE_MS] = g_param_spec_uint ("lease-ms", "Lease", "For how long it was made or renewed last, in milliseconds", 0, MAX_LEASE_MS, 0, read);
  props[PROP_IS_LIVE] = g_param_spec_boolean ("is-live", "Is live", "Whether it is not over yet", FALSE, read);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_observer_init (HawserObserver *self)
{
  g_queue_init (&self->errors);
}
