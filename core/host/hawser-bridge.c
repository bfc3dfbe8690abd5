/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bridge: one durable receiver of the bus for what goes out, one publisher for what comes in, one client of somebody else's
 * broker, and everything between them that every client needs: which topics pass and what they are called there, the window of
 * what was not answered, the queue while the link is cut, pauses between attempts, loops, figures. Made by the daemon from a
 * [bridge] group, or by an application. Runs on the lane of its bus. How a broker is talked to is the client's. */

#include "hawser-bridge.h"
#include "hawser-bridge-private.h"
#include "hawser-bridge-rule-private.h"
#include "hawser-bridge-statistics.h"

#include <string.h>

#include "hawser-backoff.h"
#include "hawser-bus-private.h"
#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-message-private.h"
#include "hawser-param-spec.h"

#define NOTIFY_US (100 * 1000)           /* properties change at most ten times a second */
#define DAY_US (G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC)
#define VIA "hawser-via"                 /* user property: the buses that sent it over a bridge, with commas */
#define MAX_ECHOES 10000                 /* remembered while they may come back */
#define ECHO_US (60 * G_USEC_PER_SEC)    /* ours: a broker that answers later than this had it in a queue of its own */

typedef struct {
  char **topics_in, **topics_out, **topics_both;
  guint max_in_flight;
  guint max_hops;
  gboolean mark_origin;
  gint64 retry_initial, retry_maximum;
  guint64 spool_limit;
  guint max_queued;
  gint64 max_age;
  HawserOverflow on_overflow;
} Settings;

/* What was sent to a broker that cannot leave it out of what it sends to us. */
typedef struct {
  guint n;
  gint64 sent_us;
} Echo;

struct _HawserBridge {
  GObject parent_instance;
  HawserBus *bus;
  HawserLane *lane;
  HawserBridgeClient *client;
  HawserReceiver *receiver;
  HawserPublisher *publisher;
  char *name;
  char *id;                      /* of the receiver */
  char *source;                  /* of what comes in */
  Settings settings;
  GPtrArray *in, *out;           /* of HawserBridgeRule */
  HawserBridgeState state;
  HawserBackoff backoff;
  HawserTimer timer;             /* next attempt */
  HawserTimer notify_timer;
  GHashTable *window;            /* cookie to position in the spool */
  GHashTable *echoes;            /* digest to Echo; only where the broker knows no origin */
  guint64 next_cookie;
  gboolean is_busy;              /* the receiver waits for hawser_receiver_resume() */
  gboolean knows_origin;
  char *last_error;
  HawserBridgeStatistics statistics;
  struct {
    HawserBridgeState state;
    guint64 depth, n_sent, n_received;
    char *last_error;
  } shown;
};

enum {
  PROP_0,
  PROP_BUS,
  PROP_NAME,
  PROP_CLIENT,
  PROP_TOPICS_IN,
  PROP_TOPICS_OUT,
  PROP_TOPICS_BOTH,
  PROP_MAX_IN_FLIGHT,
  PROP_MAX_HOPS,
  PROP_MARK_ORIGIN,
  PROP_RETRY_INITIAL,
  PROP_RETRY_MAXIMUM,
  PROP_SPOOL_LIMIT,
  PROP_MAX_QUEUED,
  PROP_MAX_AGE,
  PROP_ON_OVERFLOW,
  PROP_STATE,
  PROP_DEPTH,
  PROP_N_SENT,
  PROP_N_RECEIVED,
  PROP_LAST_ERROR,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserBridge, hawser_bridge, G_TYPE_OBJECT)

static const GEnumValue state_values[] = {
  { HAWSER_BRIDGE_STATE_STOPPED, "HAWSER_BRIDGE_STATE_STOPPED", "stopped" },
  { HAWSER_BRIDGE_STATE_CONNECTING, "HAWSER_BRIDGE_STATE_CONNECTING", "connecting" },
  { HAWSER_BRIDGE_STATE_CONNECTED, "HAWSER_BRIDGE_STATE_CONNECTED", "connected" },
  { HAWSER_BRIDGE_STATE_WAITING, "HAWSER_BRIDGE_STATE_WAITING", "waiting" },
  { 0, NULL, NULL },
};

GType
hawser_bridge_state_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserBridgeState", state_values));
  return type;
}

/* ---- Properties ---- */

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserBridge *self = HAWSER_BRIDGE (object);
  const Settings *settings = &self->settings;

  switch (id)
    {
    case PROP_BUS: g_value_set_object (value, self->bus); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_CLIENT: g_value_set_object (value, self->client); break;
    case PROP_TOPICS_IN: g_value_set_boxed (value, settings->topics_in); break;
    case PROP_TOPICS_OUT: g_value_set_boxed (value, settings->topics_out); break;
    case PROP_TOPICS_BOTH: g_value_set_boxed (value, settings->topics_both); break;
    case PROP_MAX_IN_FLIGHT: g_value_set_uint (value, settings->max_in_flight); break;
    case PROP_MAX_HOPS: g_value_set_uint (value, settings->max_hops); break;
    case PROP_MARK_ORIGIN: g_value_set_boolean (value, settings->mark_origin); break;
    case PROP_RETRY_INITIAL: g_value_set_int64 (value, settings->retry_initial); break;
    case PROP_RETRY_MAXIMUM: g_value_set_int64 (value, settings->retry_maximum); break;
    case PROP_SPOOL_LIMIT: g_value_set_uint64 (value, settings->spool_limit); break;
    case PROP_MAX_QUEUED: g_value_set_uint (value, settings->max_queued); break;
    case PROP_MAX_AGE: g_value_set_int64 (value, settings->max_age); break;
    case PROP_ON_OVERFLOW: g_value_set_enum (value, settings->on_overflow); break;
    case PROP_STATE: g_value_set_enum (value, self->state); break;
    case PROP_DEPTH: g_value_set_uint64 (value, hawser_bridge_get_depth (self)); break;
    case PROP_N_SENT: g_value_set_uint64 (value, self->statistics.n_sent); break;
    case PROP_N_RECEIVED: g_value_set_uint64 (value, self->statistics.n_received); break;
    case PROP_LAST_ERROR: g_value_set_string (value, self->last_error); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
take_list (char ***place, const GValue *value)
{
  g_strfreev (*place);
  *place = g_value_dup_boxed (value);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserBridge *self = HAWSER_BRIDGE (object);
  Settings *settings = &self->settings;

  switch (id)
    {
    case PROP_BUS: self->bus = g_value_dup_object (value); break;
    case PROP_NAME: self->name = g_value_dup_string (value); break;
    case PROP_CLIENT: self->client = g_value_dup_object (value); break;
    case PROP_TOPICS_IN: take_list (&settings->topics_in, value); break;
    case PROP_TOPICS_OUT: take_list (&settings->topics_out, value); break;
    case PROP_TOPICS_BOTH: take_list (&settings->topics_both, value); break;
    case PROP_MAX_IN_FLIGHT: settings->max_in_flight = g_value_get_uint (value); break;
    case PROP_MAX_HOPS: settings->max_hops = g_value_get_uint (value); break;
    case PROP_MARK_ORIGIN: settings->mark_origin = g_value_get_boolean (value); break;
    case PROP_RETRY_INITIAL: settings->retry_initial = g_value_get_int64 (value); break;
    case PROP_RETRY_MAXIMUM: settings->retry_maximum = g_value_get_int64 (value); break;
    case PROP_SPOOL_LIMIT: settings->spool_limit = g_value_get_uint64 (value); break;
    case PROP_MAX_QUEUED: settings->max_queued = g_value_get_uint (value); break;
    case PROP_MAX_AGE: settings->max_age = g_value_get_int64 (value); break;
    case PROP_ON_OVERFLOW: settings->on_overflow = g_value_get_enum (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static gint64
get_now_us (HawserBridge *self)
{
  /* we are called from the client's sources too, between two turns of the lane */
  return hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane));
}

static void
on_notify_due (HawserTimer *timer)
{
  HawserBridge *self = (HawserBridge *) ((char *) timer - G_STRUCT_OFFSET (HawserBridge, notify_timer));
  GObject *object = G_OBJECT (self);
  guint64 depth = hawser_bridge_get_depth (self);

  g_object_freeze_notify (object);
  if (self->shown.state != self->state)
    g_object_notify_by_pspec (object, props[PROP_STATE]);
  if (self->shown.depth != depth)
    g_object_notify_by_pspec (object, props[PROP_DEPTH]);
  if (self->shown.n_sent != self->statistics.n_sent)
    g_object_notify_by_pspec (object, props[PROP_N_SENT]);
  if (self->shown.n_received != self->statistics.n_received)
    g_object_notify_by_pspec (object, props[PROP_N_RECEIVED]);
  if (g_strcmp0 (self->shown.last_error, self->last_error) != 0)
    g_object_notify_by_pspec (object, props[PROP_LAST_ERROR]);
  self->shown.state = self->state;
  self->shown.depth = depth;
  self->shown.n_sent = self->statistics.n_sent;
  self->shown.n_received = self->statistics.n_received;
  g_free (self->shown.last_error);
  self->shown.last_error = g_strdup (self->last_error);
  g_object_thaw_notify (object);
}

static void
changed (HawserBridge *self)
{
  if (!hawser_timer_is_armed (&self->notify_timer))
    hawser_timer_arm (&self->notify_timer, self->lane, get_now_us (self) + NOTIFY_US, on_notify_due);
}

static void
set_error (HawserBridge *self, const char *reason)
{
  char *copy = g_strdup (reason);

  g_free (self->last_error);
  self->last_error = copy;
  changed (self);
}

/* ---- Loops ---- */

static char *
dup_via (HawserMessage *message)
{
  return hawser_message_dup_property (message, VIA);
}

/* Whether it came in over another bridge of this bus, which has put our mark on it. */
static gboolean
is_marked_by_us (HawserBridge *self, HawserMessage *message, const char *via)
{
  const char *source = hawser_message_get_source (message);

  return via != NULL && source != NULL && g_str_has_prefix (source, "/bridge/") && g_str_has_suffix (via, self->bus->uid);
}

/* Whether it was here before, or is on its way for too long. @is_marked: the last mark is of this very visit. */
static gboolean
went_round (HawserBridge *self, const char *via, gboolean is_marked)
{
  guint n_hops = 0;

  for (const char *at = via; at != NULL && *at != '\0'; n_hops++)
    {
      gsize len = strcspn (at, ",");

      if (len == strlen (self->bus->uid) && memcmp (at, self->bus->uid, len) == 0 && (at[len] != '\0' || !is_marked))
        return TRUE;
      at += len + (at[len] == ',');
    }
  return n_hops >= self->settings.max_hops;
}

static guint64
digest (HawserMessage *message)
{
  const guint64 parts[2] = { hawser_hash_bytes (message->data, message->topic_len), hawser_hash_bytes (message->payload, message->payload_len) };

  return hawser_hash_bytes (parts, sizeof parts);
}

static gboolean
is_old (gpointer key, gpointer value, gpointer data)
{
  return ((Echo *) value)->sent_us < *(gint64 *) data;
}

/* It will come back if we subscribe to it there. */
static void
expect_echo (HawserBridge *self, HawserMessage *message)
{
  gint64 now_us = get_now_us (self), oldest_us = now_us - ECHO_US;
  guint64 key;
  Echo *echo;

  if (self->knows_origin || hawser_bridge_rule_find_remote (self->in, message->data) == NULL)
    return;
  if (g_hash_table_size (self->echoes) >= MAX_ECHOES && g_hash_table_foreach_remove (self->echoes, is_old, &oldest_us) == 0)
    g_hash_table_remove_all (self->echoes);
  key = digest (message);
  echo = g_hash_table_lookup (self->echoes, &key);
  if (echo == NULL)
    {
      echo = g_new0 (Echo, 1);
      g_hash_table_insert (self->echoes, g_memdup2 (&key, sizeof key), echo);
    }
  echo->n++;
  echo->sent_us = now_us;
}

static gboolean
is_echo (HawserBridge *self, HawserMessage *message)
{
  guint64 key;
  Echo *echo;

  if (self->knows_origin || g_hash_table_size (self->echoes) == 0)
    return FALSE;
  key = digest (message);
  echo = g_hash_table_lookup (self->echoes, &key);
  if (echo == NULL)
    return FALSE;
  if (get_now_us (self) - echo->sent_us > ECHO_US)
    {
      g_hash_table_remove (self->echoes, &key);
      return FALSE;
    }
  if (--echo->n == 0)
    g_hash_table_remove (self->echoes, &key);
  return TRUE;
}

/* ---- Messages that change sides ---- */

/* @message under another name: its reply topic too, where a rule leads back; @via NULL: the mark stays as it is. */
static HawserMessage *
rename_message (HawserBridge *self, HawserMessage *message, const char *topic, guint8 qos, gboolean retain, gboolean is_outgoing, const char *via)
{
  HawserProperties properties = { 0 };
  HawserProperty property;
  HawserMessage *renamed;
  gsize position = 0;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    if (property.kind == HAWSER_PROPERTY_REPLY_TO)
      {
        g_autofree char *reply_to = g_strndup ((const char *) property.value, property.value_len);
        const HawserBridgeRule *rule = is_outgoing ? hawser_bridge_rule_find_local (self->in, reply_to) : hawser_bridge_rule_find_remote (self->out, reply_to);
        g_autofree char *other = rule == NULL ? NULL : is_outgoing ? hawser_bridge_rule_to_remote (rule, reply_to) : hawser_bridge_rule_to_local (rule, reply_to);
        const char *value = other != NULL && *other != '\0' ? other : reply_to;

        hawser_properties_add (&properties, property.kind, NULL, 0, value, strlen (value));
      }
    else if (via == NULL || property.kind != HAWSER_PROPERTY_USER || property.name_len != strlen (VIA) || memcmp (property.name, VIA, property.name_len) != 0)
      hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
  if (via != NULL)
    hawser_properties_add (&properties, HAWSER_PROPERTY_USER, VIA, strlen (VIA), via, strlen (via));
  renamed = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = topic, .topic_len = strlen (topic), .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = qos, .retain = retain });
  hawser_properties_clear (&properties);
  return renamed;
}

/* The mark that the message carries on from here; NULL: it stays as it is. */
static char *
extend_via (HawserBridge *self, const char *via)
{
  if (!self->settings.mark_origin)
    return NULL;
  return via != NULL ? g_strconcat (via, ",", self->bus->uid, NULL) : g_strdup (self->bus->uid);
}

/* NULL: it goes no further; it was acknowledged or is to be. */
static HawserMessage *
make_outgoing (HawserBridge *self, const HawserDelivery *delivery)
{
  HawserMessage *message = delivery->message, *outgoing;
  const HawserBridgeRule *rule = hawser_bridge_rule_find_local (self->out, message->data);
  g_autofree char *topic = rule != NULL ? hawser_bridge_rule_to_remote (rule, message->data) : NULL;
  g_autofree char *via = NULL, *longer = NULL;
  guint32 remaining_s;

  if (topic == NULL || *topic == '\0')
    {
      self->statistics.n_refused_here++;
      return NULL;
    }
  via = dup_via (message);
  /* what came in over another bridge of ours has our mark last: it may go on, once */
  if (g_strcmp0 (hawser_message_get_source (message), self->source) == 0 || (via != NULL && went_round (self, via, is_marked_by_us (self, message, via))))
    {
      self->statistics.n_looped++;
      return NULL;
    }
  longer = is_marked_by_us (self, message, via) ? NULL : extend_via (self, via);
  remaining_s = message->expiry_s != 0 ? hawser_message_get_remaining_s (message, delivery->now_us) : 0;
  outgoing = rename_message (self, message, topic, MIN (delivery->qos, rule->qos), message->retain, TRUE, longer);
  outgoing->expiry_s = message->expiry_s != 0 ? MAX (remaining_s, 1) : 0; /* not shared yet; what has expired the bus does not deliver */
  return outgoing;
}

static void
acknowledge (HawserBridge *self, guint64 position)
{
  if (position != 0 && self->receiver != NULL)
    hawser_receiver_ack (self->receiver, position);
}

/* ---- Receiving from the bus ---- */

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserBridge *self = data;
  g_autoptr (HawserMessage) message = NULL;
  guint64 cookie;

  if (self->state != HAWSER_BRIDGE_STATE_CONNECTED || g_hash_table_size (self->window) >= self->settings.max_in_flight)
    {
      self->is_busy = TRUE;
      return HAWSER_DELIVER_BUSY;
    }
  message = make_outgoing (self, delivery);
  if (message == NULL)
    {
      acknowledge (self, delivery->position);
      return HAWSER_DELIVER_DONE;
    }
  cookie = self->next_cookie + 1;
  switch (hawser_bridge_client_send (self->client, message, cookie))
    {
    case HAWSER_BRIDGE_SEND_DONE:
      self->statistics.n_sent++;
      acknowledge (self, delivery->position);
      break;
    case HAWSER_BRIDGE_SEND_TAKEN:
      self->next_cookie = cookie;
      g_hash_table_insert (self->window, g_memdup2 (&cookie, sizeof cookie), g_memdup2 (&delivery->position, sizeof delivery->position));
      break;
    case HAWSER_BRIDGE_SEND_REFUSED:
      self->statistics.n_refused_there++;
      changed (self);
      return HAWSER_DELIVER_REFUSED;
    case HAWSER_BRIDGE_SEND_BUSY:
    default:
      self->is_busy = TRUE;
      return HAWSER_DELIVER_BUSY;
    }
  expect_echo (self, message);
  changed (self);
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  HawserBridge *self = data;

  self->receiver = NULL;
  set_error (self, hawser_error_to_nick (reason));
  hawser_bridge_stop (self);
}

static const HawserReceiverFuncs receiver_funcs = { .deliver = deliver, .ended = ended };

/* ---- Connecting ---- */

static void
connect_now (HawserBridge *self)
{
  self->state = HAWSER_BRIDGE_STATE_CONNECTING;
  changed (self);
  hawser_bridge_client_connect (self->client);
}

static void
on_attempt_due (HawserTimer *timer)
{
  connect_now ((HawserBridge *) ((char *) timer - G_STRUCT_OFFSET (HawserBridge, timer)));
}

/**
 * hawser_bridge_connected:
 * @self: a bridge
 * @knows_origin: whether the broker leaves out of what it sends us what we sent it (No Local of MQTT 5.0), and properties
 *   travel with messages
 *
 * For clients: messages may pass.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_connected (HawserBridge *self, gboolean knows_origin)
{
  if (self->state != HAWSER_BRIDGE_STATE_CONNECTING)
    return;
  self->state = HAWSER_BRIDGE_STATE_CONNECTED;
  self->knows_origin = knows_origin;
  self->statistics.n_connects++;
  hawser_backoff_reset (&self->backoff);
  changed (self);
  hawser_bridge_resume (self);
}

/**
 * hawser_bridge_lost:
 * @self: a bridge
 * @reason: why, in one line
 *
 * For clients: the attempt failed, or the connection is gone. What was not answered is still the client's. The next attempt
 * comes by itself.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_lost (HawserBridge *self, const char *reason)
{
  if (self->state != HAWSER_BRIDGE_STATE_CONNECTED && self->state != HAWSER_BRIDGE_STATE_CONNECTING)
    return;
  self->state = HAWSER_BRIDGE_STATE_WAITING;
  g_debug ("bridge '%s': %s", self->name, reason);
  set_error (self, reason);
  hawser_timer_arm (&self->timer, self->lane, get_now_us (self) + hawser_backoff_fail (&self->backoff), on_attempt_due);
}

/**
 * hawser_bridge_warn:
 * @self: a bridge
 * @reason: what does not work although the rest does, in one line
 *
 * For clients: a subscription was refused, for example. It stands as the last error.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_warn (HawserBridge *self, const char *reason)
{
  g_debug ("bridge '%s': %s", self->name, reason);
  set_error (self, reason);
}

/**
 * hawser_bridge_resume:
 * @self: a bridge
 *
 * For clients: there is room again after %HAWSER_BRIDGE_SEND_BUSY.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_resume (HawserBridge *self)
{
  if (!self->is_busy || self->receiver == NULL || self->state != HAWSER_BRIDGE_STATE_CONNECTED)
    return;
  self->is_busy = FALSE;
  hawser_receiver_resume (self->receiver);
}

/**
 * hawser_bridge_sent:
 * @self: a bridge
 * @cookie: which message
 * @refusal: (nullable): why the broker would not have it; %NULL: it has it
 *
 * For clients: the answer to %HAWSER_BRIDGE_SEND_TAKEN. A message that was refused is not sent again: it leaves the spool and
 * is counted.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_sent (HawserBridge *self, guint64 cookie, const char *refusal)
{
  guint64 *position = g_hash_table_lookup (self->window, &cookie);

  if (position == NULL)
    return;
  acknowledge (self, *position);
  g_hash_table_remove (self->window, &cookie);
  if (refusal != NULL)
    {
      self->statistics.n_refused_there++;
      set_error (self, refusal);
    }
  else
    self->statistics.n_sent++;
  changed (self);
  hawser_bridge_resume (self);
}

/**
 * hawser_bridge_received:
 * @self: a bridge
 * @message: (transfer full): its topic is the other side's
 *
 * For clients: a message came in.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_received (HawserBridge *self, HawserMessage *message)
{
  g_autoptr (HawserMessage) received = message;
  const HawserBridgeRule *rule = hawser_bridge_rule_find_remote (self->in, message->data);
  g_autofree char *topic = rule != NULL ? hawser_bridge_rule_to_local (rule, message->data) : NULL, *via = NULL, *longer = NULL;
  int result;

  changed (self);
  /* names that begin with $ are the bus's own; one of the other side needs a prefix */
  if (topic == NULL || *topic == '\0' || *topic == '$' || self->publisher == NULL)
    {
      self->statistics.n_refused_here++;
      return;
    }
  via = dup_via (message);
  if ((via != NULL && went_round (self, via, FALSE)) || is_echo (self, message))
    {
      self->statistics.n_looped++;
      return;
    }
  longer = extend_via (self, via);
  result = hawser_bus_route (self->bus, self->publisher, rename_message (self, message, topic, MIN (message->qos, rule->qos), message->retain, FALSE, longer),
                             NULL, NULL, 0, TRUE);
  if (result == HAWSER_RESULT_OK || result == HAWSER_RESULT_PENDING)
    {
      self->statistics.n_received++;
      return;
    }
  self->statistics.n_refused_here++;
  set_error (self, hawser_bus_get_last_refusal (self->bus));
}

/* ---- Life ---- */

static void
dispose (GObject *object)
{
  HawserBridge *self = HAWSER_BRIDGE (object);

  hawser_bridge_stop (self);
  hawser_timer_disarm (&self->notify_timer);
  G_OBJECT_CLASS (hawser_bridge_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserBridge *self = HAWSER_BRIDGE (object);

  g_ptr_array_unref (self->in);
  g_ptr_array_unref (self->out);
  g_hash_table_unref (self->window);
  g_hash_table_unref (self->echoes);
  g_strfreev (self->settings.topics_in);
  g_strfreev (self->settings.topics_out);
  g_strfreev (self->settings.topics_both);
  g_free (self->name);
  g_free (self->id);
  g_free (self->source);
  g_free (self->last_error);
  g_free (self->shown.last_error);
  g_clear_object (&self->client);
  g_clear_pointer (&self->lane, hawser_lane_unref);
  g_clear_object (&self->bus);
  G_OBJECT_CLASS (hawser_bridge_parent_class)->finalize (object);
}

static void
constructed (GObject *object)
{
  HawserBridge *self = HAWSER_BRIDGE (object);

  G_OBJECT_CLASS (hawser_bridge_parent_class)->constructed (object);
  self->lane = hawser_lane_ref (hawser_bus_get_lane (self->bus));
  self->id = g_strconcat ("bridge/", self->name, NULL);
  self->source = g_strconcat ("/bridge/", self->name, NULL);
}

static void
install_settings (void)
{
  const GParamFlags setting = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;

  props[PROP_TOPICS_IN] = g_param_spec_boxed ("topics-in", NULL, "What comes in from the broker: PATTERN [qos=N] [local=PREFIX] [remote=PREFIX]",
                                              G_TYPE_STRV, setting);
  props[PROP_TOPICS_OUT] = g_param_spec_boxed ("topics-out", NULL, "What goes out to the broker, in the same form", G_TYPE_STRV, setting);
  props[PROP_TOPICS_BOTH] = g_param_spec_boxed ("topics-both", NULL, "What goes both ways, in the same form", G_TYPE_STRV, setting);
  props[PROP_MAX_IN_FLIGHT] = g_param_spec_uint ("max-in-flight", NULL, "Messages sent and not answered", 1, 65535, 100, setting);
  props[PROP_MAX_HOPS] = g_param_spec_uint ("max-hops", NULL, "Bridges that a message may pass before it is taken for one that goes round",
                                            1, 1000, 16, setting);
  props[PROP_MARK_ORIGIN] = g_param_spec_boolean ("mark-origin", NULL, "Whether messages that pass carry user property hawser-via, which keeps "
                                                  "them from going round over several bridges", TRUE, setting);
  props[PROP_RETRY_INITIAL] = hawser_param_spec_duration ("retry-initial", "Longest pause after the first failure to connect; doubles with each failure",
                                                          1000, DAY_US, G_USEC_PER_SEC, setting);
  props[PROP_RETRY_MAXIMUM] = hawser_param_spec_duration ("retry-maximum", "Longest pause between two attempts to connect",
                                                          1000, DAY_US, 30 * G_USEC_PER_SEC, setting);
  props[PROP_SPOOL_LIMIT] = hawser_param_spec_size ("spool-limit", "Most bytes that wait to be sent", 1024, G_MAXUINT64, 256 * 1024 * 1024, setting);
  props[PROP_MAX_QUEUED] = g_param_spec_uint ("max-queued", NULL, "Most messages that wait to be sent", 1, G_MAXUINT32, 10000000, setting);
  props[PROP_MAX_AGE] = hawser_param_spec_duration ("max-age", "Messages that waited longer are dropped; 0 keeps them", 0, G_MAXINT64, 0, setting);
  props[PROP_ON_OVERFLOW] = g_param_spec_enum ("on-overflow", NULL, "What happens to a message when a limit of the queue is reached",
                                               HAWSER_TYPE_OVERFLOW, HAWSER_OVERFLOW_DROP_OLDEST, setting);
}

static void
hawser_bridge_class_init (HawserBridgeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;
  const GParamFlags shown = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  object_class->constructed = constructed;
  object_class->dispose = dispose;
  object_class->finalize = finalize;

  props[PROP_BUS] = g_param_spec_object ("bus", NULL, "The bus", HAWSER_TYPE_BUS, fixed);
  props[PROP_NAME] = g_param_spec_string ("name", NULL, "Name of the bridge", NULL, fixed);
  props[PROP_CLIENT] = g_param_spec_object ("client", NULL, "What talks to the broker", HAWSER_TYPE_BRIDGE_CLIENT, fixed);
  install_settings ();
  props[PROP_STATE] = g_param_spec_enum ("state", NULL, "What it is doing", HAWSER_TYPE_BRIDGE_STATE, HAWSER_BRIDGE_STATE_STOPPED, shown);
  props[PROP_DEPTH] = g_param_spec_uint64 ("depth", NULL, "Messages that wait to be sent or answered", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_SENT] = g_param_spec_uint64 ("n-sent", NULL, "Messages that the broker has", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_RECEIVED] = g_param_spec_uint64 ("n-received", NULL, "Messages that came in and were published", 0, G_MAXUINT64, 0, shown);
  props[PROP_LAST_ERROR] = g_param_spec_string ("last-error", NULL, "The last failure, in one line", NULL, shown);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
free_rule (gpointer rule)
{
  hawser_bridge_rule_free (rule);
}

static void
hawser_bridge_init (HawserBridge *self)
{
  self->in = g_ptr_array_new_with_free_func (free_rule);
  self->out = g_ptr_array_new_with_free_func (free_rule);
  self->window = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  self->echoes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

/**
 * hawser_bridge_new:
 * @bus: the bus to take messages from and to publish to
 * @name: a name for listings, unique among the bridges of @bus, UTF-8
 * @client: what talks to the broker, its properties set
 *
 * The other settings are properties; they count from the next hawser_bridge_start() on.
 *
 * Context: that of @bus.
 *
 * Returns: (transfer full): a bridge that is stopped
 * Since: 0.1
 */
HawserBridge *
hawser_bridge_new (HawserBus *bus, const char *name, HawserBridgeClient *client)
{
  g_return_val_if_fail (HAWSER_IS_BUS (bus) && HAWSER_IS_BRIDGE_CLIENT (client) && name != NULL, NULL);
  return g_object_new (HAWSER_TYPE_BRIDGE, "bus", bus, "name", name, "client", client, NULL);
}

static gboolean
parse_rules (char **texts, GPtrArray *first, GPtrArray *second, const char *key, GError **error)
{
  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    for (guint n = 0; n < 2; n++)
      {
        GPtrArray *rules = n == 0 ? first : second;
        HawserBridgeRule *rule = rules != NULL ? hawser_bridge_rule_parse (texts[i], error) : NULL;

        if (rule != NULL)
          g_ptr_array_add (rules, rule);
        else if (rules != NULL)
          {
            g_prefix_error (error, "%s: ", key);
            return FALSE;
          }
      }
  return TRUE;
}

static gboolean
check_settings (HawserBridge *self, GError **error)
{
  const Settings *settings = &self->settings;

  g_ptr_array_set_size (self->in, 0);
  g_ptr_array_set_size (self->out, 0);
  if (!parse_rules (settings->topics_in, self->in, NULL, "topics-in", error) ||
      !parse_rules (settings->topics_out, self->out, NULL, "topics-out", error) ||
      !parse_rules (settings->topics_both, self->in, self->out, "topics-both", error))
    return FALSE;
  if (self->in->len + self->out->len == 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "no topic passes it: name topics-in, topics-out or topics-both");
      return FALSE;
    }
  if (settings->retry_maximum >= settings->retry_initial)
    return TRUE;
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "retry-maximum is below retry-initial");
  return FALSE;
}

/* What an earlier configuration of it subscribed to and this one does not. */
static void
drop_other_filters (HawserReceiver *receiver, GPtrArray *rules)
{
  g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_free);

  for (HawserEntry *entry = receiver->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);
      gboolean is_wanted = FALSE;

      for (guint i = 0; i < rules->len && !is_wanted; i++)
        is_wanted = g_str_equal (filter, hawser_topic_filter_get_text (((HawserBridgeRule *) rules->pdata[i])->local));
      if (!is_wanted)
        g_ptr_array_add (others, g_steal_pointer (&filter));
    }
  for (guint i = 0; i < others->len; i++)
    hawser_receiver_unsubscribe (receiver, others->pdata[i], strlen (others->pdata[i]));
}

static gboolean
attach (HawserBridge *self, GError **error)
{
  const Settings *settings = &self->settings;
  HawserQueueLimits limits = {
    .max_messages = settings->max_queued, .max_bytes = settings->spool_limit, .max_age_us = settings->max_age,
    .overflow = settings->on_overflow,
  };

  if (self->out->len == 0)
    {
      HawserReceiver *former = hawser_bus_find_receiver (self->bus, self->id);

      if (former != NULL)
        drop_other_filters (former, self->out);
      return TRUE;
    }
  self->receiver = hawser_receiver_new (self->bus, self->id,
                                        HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PASSIVE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED,
                                        &limits);
  drop_other_filters (self->receiver, self->out);
  for (guint i = 0; i < self->out->len; i++)
    {
      const HawserBridgeRule *rule = self->out->pdata[i];
      const char *filter = hawser_topic_filter_get_text (rule->local);
      const HawserSubscribeOptions options = { .qos = rule->qos, .retain_as_published = TRUE, .retain_handling = 1 };
      int result = hawser_receiver_subscribe (self->receiver, filter, strlen (filter), &options);

      if (result != HAWSER_RESULT_OK)
        {
          g_set_error (error, HAWSER_ERROR, result, "subscribing to '%s' was refused: %s", filter, hawser_error_to_nick ((HawserError) result));
          self->receiver = NULL;
          return FALSE;
        }
    }
  hawser_receiver_attach (self->receiver, NULL, &receiver_funcs, self);
  return TRUE;
}

/**
 * hawser_bridge_check:
 * @self: a bridge that is stopped
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID for a setting, and those of the client.
 * Context: that of the bus.
 *
 * Returns: whether its settings and those of its client can be used; nothing is connected to
 * Since: 0.1
 */
gboolean
hawser_bridge_check (HawserBridge *self, GError **error)
{
  return check_settings (self, error) && hawser_bridge_client_check (self->client, error);
}

/**
 * hawser_bridge_start:
 * @self: a bridge
 * @error: return location
 *
 * Takes messages from now on, those first that wait in the spool from before, and begins to connect. That the broker cannot be
 * reached is no error: it is tried again, with pauses that grow to `retry-maximum`, each drawn between nothing and its length.
 *
 * Errors: %HAWSER_ERROR_INVALID for a setting, and those of the client.
 * Context: that of the bus.
 *
 * Returns: whether it runs
 * Since: 0.1
 */
gboolean
hawser_bridge_start (HawserBridge *self, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_BRIDGE (self), FALSE);

  if (self->state != HAWSER_BRIDGE_STATE_STOPPED)
    return TRUE;
  if (!check_settings (self, error) || !hawser_bridge_client_start (self->client, self, error))
    {
      g_prefix_error (error, "bridge '%s': ", self->name);
      return FALSE;
    }
  hawser_backoff_init (&self->backoff, self->settings.retry_initial, self->settings.retry_maximum, 0);
  self->is_busy = FALSE;
  self->state = HAWSER_BRIDGE_STATE_CONNECTING;
  if (!attach (self, error))
    {
      self->state = HAWSER_BRIDGE_STATE_STOPPED;
      hawser_bridge_client_stop (self->client);
      g_prefix_error (error, "bridge '%s': ", self->name);
      return FALSE;
    }
  self->publisher = hawser_publisher_new (self->bus, NULL, self->source);
  hawser_bus_add_bridge (self->bus, self);
  connect_now (self);
  return TRUE;
}

/**
 * hawser_bridge_stop:
 * @self: a bridge
 *
 * Says good-bye to the broker and stops now. What it had not answered and what waits stays in the spool for the next start.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_stop (HawserBridge *self)
{
  HawserReceiver *receiver = g_steal_pointer (&self->receiver);

  if (self->state == HAWSER_BRIDGE_STATE_STOPPED)
    return;
  self->state = HAWSER_BRIDGE_STATE_STOPPED;
  hawser_timer_disarm (&self->timer);
  hawser_bridge_client_stop (self->client);
  g_hash_table_remove_all (self->window);
  g_hash_table_remove_all (self->echoes);
  if (receiver != NULL)
    hawser_receiver_detach (receiver, G_MAXUINT32);
  g_clear_pointer (&self->publisher, hawser_publisher_free);
  hawser_bus_remove_bridge (self->bus, self);
  changed (self);
}

void
hawser_bridge_retire (HawserBridge *self)
{
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  HawserReceiver *receiver;

  hawser_bridge_stop (self);
  receiver = hawser_bus_find_receiver (self->bus, self->id);
  if (receiver != NULL)
    drop_other_filters (receiver, none);
}

/* ---- Looking ---- */

/**
 * hawser_bridge_dup_subscriptions:
 * @self: a bridge that was started
 * @out_qos: (out) (array) (transfer full) (optional): the highest QoS of each, as many as filters
 *
 * For clients: what to subscribe to at the broker.
 *
 * Returns: (transfer full) (array zero-terminated=1): topic filters, as the other side names them
 * Since: 0.1
 */
char **
hawser_bridge_dup_subscriptions (HawserBridge *self, guint8 **out_qos)
{
  char **filters = g_new0 (char *, self->in->len + 1);

  if (out_qos != NULL)
    *out_qos = g_new0 (guint8, self->in->len + 1);
  for (guint i = 0; i < self->in->len; i++)
    {
      const HawserBridgeRule *rule = self->in->pdata[i];

      filters[i] = g_strdup (hawser_topic_filter_get_text (rule->remote));
      if (out_qos != NULL)
        (*out_qos)[i] = rule->qos;
    }
  return filters;
}

/**
 * hawser_bridge_get_name:
 * @self: a bridge
 *
 * Returns: its name
 * Since: 0.1
 */
const char *
hawser_bridge_get_name (HawserBridge *self)
{
  return self->name;
}

/**
 * hawser_bridge_get_bus:
 * @self: a bridge
 *
 * Returns: (transfer none): its bus
 * Since: 0.1
 */
HawserBus *
hawser_bridge_get_bus (HawserBridge *self)
{
  return self->bus;
}

/**
 * hawser_bridge_get_client:
 * @self: a bridge
 *
 * Returns: (transfer none): what talks to the broker
 * Since: 0.1
 */
HawserBridgeClient *
hawser_bridge_get_client (HawserBridge *self)
{
  return self->client;
}

/**
 * hawser_bridge_get_state:
 * @self: a bridge
 *
 * Returns: what it is doing
 * Since: 0.1
 */
HawserBridgeState
hawser_bridge_get_state (HawserBridge *self)
{
  return self->state;
}

/**
 * hawser_bridge_get_depth:
 * @self: a bridge
 *
 * Returns: messages that wait to be sent or answered, in memory and in the spool
 * Since: 0.1
 */
guint64
hawser_bridge_get_depth (HawserBridge *self)
{
  HawserReceiver *receiver = self->receiver != NULL ? self->receiver : hawser_bus_find_receiver (self->bus, self->id);

  return (receiver != NULL ? hawser_receiver_get_n_queued (receiver) : 0) + g_hash_table_size (self->window);
}

/**
 * hawser_bridge_get_last_error:
 * @self: a bridge
 *
 * Returns: (nullable): the last failure in one line; stays after a success
 * Since: 0.1
 */
const char *
hawser_bridge_get_last_error (HawserBridge *self)
{
  return self->last_error;
}

void
hawser_bridge_get_statistics (HawserBridge *self, HawserBridgeStatistics *out_statistics)
{
  *out_statistics = self->statistics;
  out_statistics->n_in_flight = g_hash_table_size (self->window);
}
