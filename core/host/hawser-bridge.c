/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bridge: one durable receiver of the bus for what goes out, one publisher for what comes in, one client of somebody else's
 * broker, and everything between them that every client needs: what topics are called there, the window of what was not answered,
 * the queue while the link is cut, pauses between attempts, figures. Made by the daemon from a [bridge] group, or by an
 * application. Runs on the lane of its bus. Settings and rules are hawser-bridge-settings.c, what keeps messages from going round
 * hawser-bridge-loops.c; how a broker is talked to is the client's. */

#include "hawser-bridge.h"
#include "hawser-bridge-private.h"
#include "hawser-bridge-rule-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-message-private.h"

enum {
  PROP_0,
  PROP_BUS,
  PROP_NAME,
  PROP_CLIENT,
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

  switch (id)
    {
    case PROP_BUS: g_value_set_object (value, self->bus); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_CLIENT: g_value_set_object (value, self->client); break;
    case PROP_STATE: g_value_set_enum (value, self->state); break;
    case PROP_DEPTH: g_value_set_uint64 (value, hawser_bridge_get_depth (self)); break;
    case PROP_N_SENT: g_value_set_uint64 (value, self->statistics.n_sent); break;
    case PROP_N_RECEIVED: g_value_set_uint64 (value, self->statistics.n_received); break;
    case PROP_LAST_ERROR: g_value_set_string (value, self->last_error); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserBridge *self = HAWSER_BRIDGE (object);

  switch (id)
    {
    case PROP_BUS: self->bus = g_value_dup_object (value); break;
    case PROP_NAME: self->name = g_value_dup_string (value); break;
    case PROP_CLIENT: self->client = g_value_dup_object (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

gint64
hawser_bridge_get_now_us (HawserBridge *self)
{
  return hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane));
}

static void
changed (HawserBridge *self)
{
  hawser_notifier_changed (&self->notifier);
}

static void
set_error (HawserBridge *self, const char *reason)
{
  char *copy = g_strdup (reason);

  g_free (self->last_error);
  self->last_error = copy;
  changed (self);
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
    else if (via == NULL || property.kind != HAWSER_PROPERTY_USER || property.name_len != strlen (HAWSER_BRIDGE_VIA) ||
             memcmp (property.name, HAWSER_BRIDGE_VIA, property.name_len) != 0)
      hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
  if (via != NULL)
    hawser_properties_add (&properties, HAWSER_PROPERTY_USER, HAWSER_BRIDGE_VIA, strlen (HAWSER_BRIDGE_VIA), via, strlen (via));
  renamed = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = topic, .topic_len = strlen (topic), .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = qos, .retain = retain });
  hawser_properties_clear (&properties);
  return renamed;
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
  via = hawser_bridge_dup_via (message);
  /* what came in over another bridge of ours has our mark last: it may go on, once */
  if (g_strcmp0 (hawser_message_get_source (message), self->source) == 0 || (via != NULL && hawser_bridge_went_round (self, via, hawser_bridge_is_marked (self, message, via))))
    {
      self->statistics.n_looped++;
      return NULL;
    }
  longer = hawser_bridge_is_marked (self, message, via) ? NULL : hawser_bridge_extend_via (self, via);
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
  hawser_bridge_expect_echo (self, message);
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
  self->n_connection++;
  self->n_unsafe = 0;
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
  hawser_timer_arm (&self->timer, self->lane, hawser_bridge_get_now_us (self) + hawser_backoff_fail (&self->backoff), on_attempt_due);
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
 * hawser_bridge_take_back:
 * @self: a bridge that is not connected
 *
 * For clients: what was taken and not answered cannot be sent again as the standard wants it, because the broker has forgotten
 * its part of the exchange. The bus delivers it again from the spool, under new cookies, in order, before anything new.
 *
 * Context: that of the bus.
 *
 * Returns: %TRUE if the client is to forget it; %FALSE if not all of it is in a spool: then the client has the only copy
 * Since: 0.1
 */
gboolean
hawser_bridge_take_back (HawserBridge *self)
{
  GHashTableIter iter;
  gpointer position;

  if (self->receiver == NULL || self->state == HAWSER_BRIDGE_STATE_CONNECTED)
    return FALSE;
  g_hash_table_iter_init (&iter, self->window);
  while (g_hash_table_iter_next (&iter, NULL, &position))
    if (*(guint64 *) position == 0)
      return FALSE;
  g_hash_table_remove_all (self->window);
  hawser_receiver_detach (self->receiver, G_MAXUINT32);
  hawser_receiver_attach (self->receiver, NULL, &receiver_funcs, self);
  changed (self);
  return TRUE;
}

/* A message that came in is committed, or could not be. */
static void
on_stored (gpointer data, guint64 cookie, int result)
{
  HawserBridge *self = data;

  if (cookie != self->n_connection)
    return;
  if (result != HAWSER_RESULT_OK)
    {
      /* of what is open nothing may be acknowledged any more */
      self->n_connection++;
      self->n_unsafe = 0;
      hawser_bridge_warn (self, hawser_bus_get_last_refusal (self->bus));
      hawser_bridge_client_stored (self->client, FALSE);
    }
  else if (--self->n_unsafe == 0)
    hawser_bridge_client_stored (self->client, TRUE);
}

/* NULL: it goes no further. */
static HawserMessage *
make_incoming (HawserBridge *self, HawserMessage *message)
{
  const HawserBridgeRule *rule = hawser_bridge_rule_find_remote (self->in, message->data);
  g_autofree char *topic = rule != NULL ? hawser_bridge_rule_to_local (rule, message->data) : NULL, *via = NULL, *longer = NULL;

  /* names that begin with $ are the bus's own; one of the other side needs a prefix */
  if (topic == NULL || *topic == '\0' || *topic == '$' || self->publisher == NULL)
    {
      self->statistics.n_refused_here++;
      return NULL;
    }
  via = hawser_bridge_dup_via (message);
  if ((via != NULL && hawser_bridge_went_round (self, via, FALSE)) || hawser_bridge_is_echo (self, message))
    {
      self->statistics.n_looped++;
      return NULL;
    }
  longer = hawser_bridge_extend_via (self, via);
  return rename_message (self, message, topic, MIN (message->qos, rule->qos), message->retain, FALSE, longer);
}

/**
 * hawser_bridge_received:
 * @self: a bridge
 * @message: (transfer full): its topic is the other side's
 *
 * For clients: a message came in. It may be acknowledged to the broker when this returns %TRUE. %FALSE leaves it open until all
 * that is open is in the spool: hawser_bridge_client_stored() says so. A message that the bus will not have is done with: it is
 * counted, and sending it again would not help.
 *
 * Context: that of the bus.
 *
 * Returns: whether all that was promised has happened
 * Since: 0.1
 */
gboolean
hawser_bridge_received (HawserBridge *self, HawserMessage *message)
{
  g_autoptr (HawserMessage) received = message;
  HawserMessage *incoming = make_incoming (self, message);
  gboolean is_acknowledged = message->qos > 0;
  int result;

  changed (self);
  if (incoming == NULL)
    return TRUE;
  result = hawser_bus_route (self->bus, self->publisher, incoming, is_acknowledged ? on_stored : NULL, self, self->n_connection, FALSE);
  if (result == HAWSER_RESULT_OK || result == HAWSER_RESULT_PENDING)
    {
      self->statistics.n_received++;
      self->n_unsafe += is_acknowledged && result == HAWSER_RESULT_PENDING;
      return !is_acknowledged || result == HAWSER_RESULT_OK;
    }
  self->statistics.n_refused_here++;
  set_error (self, hawser_bus_get_last_refusal (self->bus));
  return TRUE;
}

/* ---- Life ---- */

static void
dispose (GObject *object)
{
  HawserBridge *self = HAWSER_BRIDGE (object);

  hawser_bridge_stop (self);
  hawser_notifier_clear (&self->notifier);
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
  g_free (self->name);
  g_free (self->id);
  g_free (self->source);
  g_free (self->last_error);
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
  hawser_notifier_init (&self->notifier, self, self->lane, &props[PROP_STATE], N_PROPS - PROP_STATE);
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
  props[PROP_STATE] = g_param_spec_enum ("state", NULL, "What it is doing", HAWSER_TYPE_BRIDGE_STATE, HAWSER_BRIDGE_STATE_STOPPED, shown);
  props[PROP_DEPTH] = g_param_spec_uint64 ("depth", NULL, "Messages that wait to be sent or answered", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_SENT] = g_param_spec_uint64 ("n-sent", NULL, "Messages that the broker has", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_RECEIVED] = g_param_spec_uint64 ("n-received", NULL, "Messages that came in and were published", 0, G_MAXUINT64, 0, shown);
  props[PROP_LAST_ERROR] = g_param_spec_string ("last-error", NULL, "The last failure, in one line", NULL, shown);
  g_object_class_install_properties (object_class, N_PROPS, props);
  hawser_bridge_settings_install (object_class);
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
  const HawserBridgeSettings *settings = &self->settings;
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
  return hawser_bridge_settings_check (self, error) && hawser_bridge_client_check (self->client, error);
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
  if (!hawser_bridge_settings_check (self, error) || !hawser_bridge_client_start (self->client, self, error))
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
  self->publisher->ignores_labels = TRUE; /* a publisher over there waits for its own broker */
  hawser_roster_add (&self->bus->bridges, self);
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
  hawser_roster_remove (&self->bus->bridges, self);
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
 * hawser_bridge_get_highest_qos_out:
 * @self: a bridge that was started
 *
 * For clients: what they have to be able to do.
 *
 * Returns: the highest QoS at which a rule lets messages out, 0 to 2
 * Since: 0.1
 */
guint8
hawser_bridge_get_highest_qos_out (HawserBridge *self)
{
  guint8 highest = 0;

  for (guint i = 0; i < self->out->len; i++)
    highest = MAX (highest, ((const HawserBridgeRule *) self->out->pdata[i])->qos);
  return highest;
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
