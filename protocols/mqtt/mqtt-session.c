/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One MQTT session: bytes become packets here and packets become calls, in the order that the standard allows; and the
 * session's life from CONNECT to expiry. CONNECT itself, publishing, delivering and subscribing are files of their own;
 * bytes are mqtt-codec.c. Context: the connection's lane. */

#include "mqtt-session.h"

#include <string.h>

/* Five fields of 65535 bytes and as much again for properties: nobody's CONNECT is longer, whoever claims more waits
 * to be believed until it is known who it is. */
#define MAX_CONNECT (6 * 65536)

MqttMore *
mqtt_session_need_more (MqttSession *self)
{
  if (self->more == NULL)
    self->more = g_new0 (MqttMore, 1);
  return self->more;
}

static void
free_more (MqttMore *more)
{
  if (more == NULL)
    return;
  mqtt_will_free (more->will);
  mqtt_aliases_free (more->aliases_out);
  mqtt_exact_free (more->exact);
  mqtt_auth_free (more->auth);
  g_free (more->provisioned);
  for (guint i = 0; i < more->n_aliases; i++)
    g_free (more->aliases[i]);
  g_free (more->aliases);
  g_free (more);
}

static void
free_session (MqttSession *self)
{
  hawser_timer_disarm (&self->timer);
  if (self->is_waiting)
    self->sessions->n_waiting--;
  mqtt_window_free (self->window);
  mqtt_inflow_free (self->inflow);
  free_more (self->more);
  mqtt_login_cancel (self->login);
  g_clear_object (&self->adapter);
  if (self->owns_identity)
    g_free (self->identity);
  g_free (self);
}

/* Off the list; what has no connection either is gone. */
static void
forget (MqttSession *self)
{
  mqtt_sessions_remove (self->sessions, self);
  if (self->connection == NULL)
    free_session (self);
}

void
mqtt_session_discard (MqttSession *self)
{
  hawser_timer_disarm (&self->timer);
  if (self->more != NULL)
    g_clear_pointer (&self->more->will, mqtt_will_free);
  forget (self);
}

static void
fire_will (MqttSession *self)
{
  if (self->more == NULL || self->more->will == NULL)
    return;
  if (self->sessions->is_closing)
    g_clear_pointer (&self->more->will, mqtt_will_free);
  else
    mqtt_will_fire (g_steal_pointer (&self->more->will), self->sessions->bus);
}

static gint64
expiry_due_us (MqttSession *self)
{
  return self->expiry_s == G_MAXUINT32 ? G_MAXINT64 : self->since_us + (gint64) self->expiry_s * G_USEC_PER_SEC;
}

/* Without a connection: the end when the session expires. */
static void
on_waited (HawserTimer *timer)
{
  MqttSession *self = (MqttSession *) timer;

  if (hawser_lane_get_now_us (self->sessions->lane) >= expiry_due_us (self))
    forget (self);
  else if (expiry_due_us (self) != G_MAXINT64)
    hawser_timer_arm (&self->timer, self->sessions->lane, expiry_due_us (self), on_waited);
}

/* After its delay, or when the session ends before [MQTT-3.1.3-9]; a restart changes nothing. */
static void
promise_will (MqttSession *self)
{
  if (self->more == NULL || self->more->will == NULL)
    return;
  if (self->more->will->delay_s == 0)
    fire_will (self);
  else
    mqtt_will_promise (g_steal_pointer (&self->more->will), self->sessions->bus, self->identity,
                       (gint64) MIN (self->expiry_s, G_MAXUINT32) * G_USEC_PER_SEC);
}

static void
wait_for_client (MqttSession *self)
{
  self->since_us = hawser_lane_get_now_us (self->sessions->lane);
  self->is_waiting = TRUE;
  self->sessions->n_waiting++;
  if (self->window != NULL)
    mqtt_window_suspend (self->window);
  if (self->inflow != NULL)
    mqtt_inflow_suspend (self->inflow);
  if (mqtt_session_get_exact (self) != NULL)
    mqtt_exact_suspend (mqtt_session_get_exact (self));
  promise_will (self);
  on_waited (&self->timer);
}

void
mqtt_session_leave (MqttSession *self, gboolean keeps_will)
{
  if (self->state == MQTT_STATE_ENDED)
    return;
  if (keeps_will && self->state == MQTT_STATE_OPEN && !self->sessions->is_closing)
    hawser_connection_link_lost (self->connection);
  self->state = MQTT_STATE_ENDED;
  hawser_timer_disarm (&self->timer);
  g_clear_pointer (&self->login, mqtt_login_cancel);
  if (self->more != NULL && !keeps_will)
    g_clear_pointer (&self->more->will, mqtt_will_free);
  mqtt_session_let_go (self, self->expiry_s);
  if (!self->is_listed)
    return;
  if (self->expiry_s > 0 && !self->sessions->is_closing)
    {
      wait_for_client (self);
      return;
    }
  mqtt_sessions_remove (self->sessions, self);
  fire_will (self);
}

/* Says why, as far as the version and the moment allow. */
static void
tell_reason (MqttSession *self, guint8 reason, const char *detail)
{
  GByteArray *output = self->adapter->output, *block = self->adapter->block;
  gboolean has_connected = self->state == MQTT_STATE_OPEN;
  const MqttReasonRule *rule = mqtt_reason_find (reason);

  if (!mqtt_session_is_5 (self))
    {
      if (!has_connected && rule != NULL && rule->connack_3 != 0)
        mqtt_codec_write_connack (output, self->version, FALSE, rule->connack_3, NULL);
      mqtt_session_send_output (self);
      return;
    }
  g_byte_array_set_size (block, 0);
  if (detail != NULL)
    mqtt_properties_put_slice (block, MQTT_REASON_STRING, detail, MIN (strlen (detail), 1024));
  if (reason == MQTT_USE_ANOTHER || reason == MQTT_MOVED)
    mqtt_properties_put_slice (block, MQTT_SERVER_REFERENCE, self->adapter->settings.redirect, strlen (self->adapter->settings.redirect));
  if (has_connected)
    mqtt_codec_write_end (output, self->version, MQTT_DISCONNECT, reason, block);
  else
    mqtt_codec_write_connack (output, self->version, FALSE, mqtt_reason_is_valid (MQTT_CONNACK, reason) ? reason : MQTT_UNSPECIFIED, block);
  if (output->len > self->max_packet)
    {
      /* [MQTT-3.14.2-3]: the string goes before the packet grows too long for the client */
      g_byte_array_set_size (output, 0);
      if (has_connected)
        mqtt_codec_write_end (output, self->version, MQTT_DISCONNECT, reason, NULL);
      else
        mqtt_codec_write_connack (output, self->version, FALSE, reason, NULL);
    }
  mqtt_session_send_output (self);
}

void
mqtt_session_end (MqttSession *self, guint8 reason, HawserError error, const char *detail)
{
  if (self->state == MQTT_STATE_ENDED)
    return;
  if (reason != MQTT_SUCCESS && self->version != 0)
    tell_reason (self, reason, detail);
  mqtt_session_leave (self, TRUE);
  hawser_connection_finish (self->connection, error, detail);
}

void
mqtt_session_yield (MqttSession *self, gboolean continues)
{
  gboolean was_open = self->state == MQTT_STATE_OPEN;
  gboolean drops_will = continues && self->more != NULL && self->more->will != NULL && self->more->will->delay_s > 0;

  if (was_open)
    tell_reason (self, MQTT_TAKEN_OVER, mqtt_session_is_5 (self) ? "another connection uses this client id" : NULL);
  hawser_timer_disarm (&self->timer);
  if (self->more != NULL && drops_will)
    g_clear_pointer (&self->more->will, mqtt_will_free); /* [MQTT-3.1.3-9] */
  self->state = MQTT_STATE_ENDED;
  if (was_open)
    mqtt_session_let_go (self, continues ? G_MAXUINT32 : 0);
  mqtt_sessions_remove (self->sessions, self);
  fire_will (self);
  if (self->is_waiting)
    {
      self->is_waiting = FALSE;
      self->sessions->n_waiting--;
    }
  if (self->connection == NULL)
    free_session (self);
  else if (was_open)
    hawser_connection_finish (self->connection, HAWSER_ERROR_EXISTS, "session taken over");
}

void
mqtt_session_send_output (MqttSession *self)
{
  GByteArray *output = self->adapter->output;

  if (output->len > 0)
    hawser_connection_write (self->connection, output->data, output->len);
  g_byte_array_set_size (output, 0);
}

void
mqtt_session_send_ack (MqttSession *self, MqttPacketType type, guint16 packet_id, guint8 reason, const char *detail)
{
  GByteArray *output = self->adapter->output, *block = self->adapter->block;

  if (G_LIKELY (reason == MQTT_SUCCESS || !mqtt_session_is_5 (self)))
    {
      guint8 *to = hawser_connection_reserve (self->connection, 4);

      to[0] = (guint8) (type << 4 | mqtt_packet_rules[type].flags);
      to[1] = 2;
      mqtt_u16_put (to + 2, packet_id);
      hawser_connection_commit (self->connection, 4);
      return;
    }
  g_byte_array_set_size (block, 0);
  if (detail != NULL && self->wants_problems)
    mqtt_properties_put_slice (block, MQTT_REASON_STRING, detail, MIN (strlen (detail), 1024));
  mqtt_codec_write_ack (output, self->version, type, packet_id, reason, block);
  if (output->len > self->max_packet)
    {
      g_byte_array_set_size (output, 0);
      mqtt_codec_write_ack (output, self->version, type, packet_id, reason, NULL);
    }
  mqtt_session_send_output (self);
}

guint8
mqtt_reason_from_error (int error)
{
  switch (error)
    {
    case HAWSER_RESULT_OK:
      return MQTT_SUCCESS;
    case HAWSER_ERROR_INVALID:
    case HAWSER_ERROR_MALFORMED:
    case HAWSER_ERROR_NOT_FOUND:
      return MQTT_BAD_TOPIC;
    case HAWSER_ERROR_NOT_AUTHORIZED:
    case HAWSER_ERROR_DISABLED:
      return MQTT_NOT_AUTHORIZED;
    case HAWSER_ERROR_TOO_LARGE:
    case HAWSER_ERROR_QUOTA:
      return MQTT_QUOTA;
    default:
      return MQTT_IMPLEMENTATION;
    }
}

/* ---- from bytes to packets ---- */

static void
on_disconnect (MqttSession *self, const guint8 *body, gsize len)
{
  MqttAck end;
  guint8 reason = mqtt_codec_read_end (self->version, MQTT_DISCONNECT, body, len, &self->adapter->limits, &end);

  if (reason == MQTT_SUCCESS && mqtt_properties_has (&end.properties, MQTT_SESSION_EXPIRY))
    {
      guint32 wanted_s = end.properties.value[MQTT_SESSION_EXPIRY].number;
      gint64 maximum_us = self->adapter->settings.session_expiry_maximum_us;

      if (self->expiry_s == 0 && wanted_s > 0)
        reason = MQTT_PROTOCOL_ERROR; /* 3.14.2.2.2 */
      else
        self->expiry_s = (guint32) MIN (wanted_s, MIN (maximum_us / G_USEC_PER_SEC, G_MAXUINT32));
    }
  if (reason != MQTT_SUCCESS)
    {
      mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, "DISCONNECT is malformed");
      return;
    }
  mqtt_session_leave (self, end.reason != MQTT_SUCCESS); /* [MQTT-3.14.4-3] */
  if (hawser_connection_get_pending (self->connection) > 0)
    hawser_connection_finish (self->connection, HAWSER_ERROR_CLOSED, "the client disconnected");
  else
    hawser_connection_close (self->connection, HAWSER_ERROR_CLOSED);
}

static void
on_ack (MqttSession *self, MqttPacketType type, const guint8 *body, gsize len)
{
  MqttAck ack;
  guint8 reason = mqtt_codec_read_ack (self->version, type, body, len, &self->adapter->limits, &ack);

  if (reason != MQTT_SUCCESS)
    mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, "acknowledgement is malformed");
  else if (type == MQTT_PUBREL)
    mqtt_session_on_pubrel (self, &ack);
  else
    mqtt_session_on_puback (self, type, &ack);
}

static void
on_ping (MqttSession *self, gsize len)
{
  guint8 *to;

  if (len != 0)
    {
      mqtt_session_end (self, MQTT_MALFORMED, HAWSER_ERROR_MALFORMED, "PINGREQ has a body");
      return;
    }
  to = hawser_connection_reserve (self->connection, 2);
  to[0] = MQTT_PINGRESP << 4;
  to[1] = 0;
  hawser_connection_commit (self->connection, 2);
}

static void
on_packet (MqttSession *self, const MqttHeader *header, const guint8 *body)
{
  if (G_UNLIKELY (self->state == MQTT_STATE_LOGIN && header->type != MQTT_AUTH && header->type != MQTT_DISCONNECT))
    {
      mqtt_session_end (self, MQTT_PROTOCOL_ERROR, HAWSER_ERROR_MALFORMED, "only AUTH comes before CONNACK"); /* [MQTT-3.1.2-30] */
      return;
    }
  switch (header->type)
    {
    case MQTT_PUBLISH:
      mqtt_session_on_publish (self, header->flags, body, header->body_len);
      return;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
      on_ack (self, header->type, body, header->body_len);
      return;
    case MQTT_SUBSCRIBE:
      mqtt_session_on_subscribe (self, body, header->body_len);
      return;
    case MQTT_UNSUBSCRIBE:
      mqtt_session_on_unsubscribe (self, body, header->body_len);
      return;
    case MQTT_PINGREQ:
      on_ping (self, header->body_len);
      return;
    case MQTT_DISCONNECT:
      on_disconnect (self, body, header->body_len);
      return;
    case MQTT_CONNECT:
      if (self->state == MQTT_STATE_NEW)
        mqtt_session_on_connect (self, body, header->body_len);
      else
        mqtt_session_end (self, MQTT_PROTOCOL_ERROR, HAWSER_ERROR_MALFORMED, "second CONNECT"); /* [MQTT-3.1.0-2] */
      return;
    case MQTT_AUTH:
      mqtt_session_on_auth (self, body, header->body_len);
      return;
    default:
      /* what only servers send */
      mqtt_session_end (self, MQTT_PROTOCOL_ERROR, HAWSER_ERROR_MALFORMED, "packet type is not for servers");
      return;
    }
}

/* The front of a packet: FALSE ends the connection. */
static gboolean
admit (MqttSession *self, MqttRead read, const MqttHeader *header)
{
  guint32 limit = self->adapter->limits.max_packet;

  if (read == MQTT_READ_MALFORMED)
    {
      mqtt_session_end (self, MQTT_MALFORMED, HAWSER_ERROR_MALFORMED, "fixed header is malformed");
      return FALSE;
    }
  if (self->state == MQTT_STATE_NEW)
    limit = MIN (limit, MAX_CONNECT);
  if ((guint64) header->header_len + header->body_len > limit)
    {
      mqtt_session_end (self, MQTT_TOO_LARGE, HAWSER_ERROR_TOO_LARGE, "packet is over the maximum packet size");
      return FALSE;
    }
  return TRUE;
}

static gsize
received (HawserConnection *connection, gpointer data, const guint8 *bytes, gsize len)
{
  MqttSession *self = data;
  gsize used = 0;

  while (used < len && self->state != MQTT_STATE_ENDED && !self->is_held)
    {
      MqttHeader header;
      MqttRead read;
      gsize total;

      if (G_UNLIKELY (self->state == MQTT_STATE_NEW && bytes[used] != MQTT_CONNECT << 4))
        {
          mqtt_session_end (self, MQTT_SUCCESS, HAWSER_ERROR_MALFORMED, "the first packet is not CONNECT"); /* [MQTT-3.1.0-1] */
          break;
        }
      read = mqtt_codec_read_header (bytes + used, len - used, &header);
      if (read == MQTT_READ_MORE || !admit (self, read, &header))
        break;
      total = (gsize) header.header_len + header.body_len;
      if (len - used < total)
        {
          hawser_connection_expect (connection, total);
          break;
        }
      on_packet (self, &header, bytes + used + header.header_len);
      used += total;
    }
  if (used > 0 && self->state == MQTT_STATE_OPEN)
    {
      self->since_us = hawser_lane_get_now_us (self->sessions->lane);
      if (self->is_busy)
        mqtt_session_wake (self);
    }
  return used;
}

static void
writable (HawserConnection *connection, gpointer data)
{
  MqttSession *self = data;

  if (self->is_busy && self->state == MQTT_STATE_OPEN)
    mqtt_session_wake (self);
}

static void
closed (HawserConnection *connection, gpointer data, const GError *error)
{
  MqttSession *self = data;

  mqtt_session_leave (self, TRUE);
  self->connection = NULL;
  if (!self->is_listed)
    {
      free_session (self);
      return;
    }
  if (!self->owns_identity)
    self->identity = g_strdup (self->identity); /* its bytes were the connection's */
  self->owns_identity = TRUE;
  g_clear_object (&self->adapter);
}

static void
paused (HawserConnection *connection, gpointer data, gboolean is_paused)
{
  MqttSession *self = data;

  self->is_held = is_paused != FALSE;
}

static const HawserSessionFuncs session_funcs = { received, writable, closed, paused };

static void
on_connect_late (HawserTimer *timer)
{
  MqttSession *self = (MqttSession *) timer;

  mqtt_session_end (self, self->state == MQTT_STATE_LOGIN ? MQTT_UNAVAILABLE : MQTT_SUCCESS, HAWSER_ERROR_TIMEOUT,
                    "no complete CONNECT in time");
}

void
mqtt_session_accept (HawserMqttAdapter *adapter, HawserConnection *connection)
{
  MqttSession *self = g_new0 (MqttSession, 1);

  self->connection = connection;
  self->adapter = g_object_ref (adapter);
  self->sessions = adapter->sessions;
  self->max_packet = G_MAXUINT32;
  self->since_us = hawser_lane_get_now_us (adapter->lane);
  hawser_timer_arm (&self->timer, adapter->lane, self->since_us + adapter->settings.connect_timeout_us, on_connect_late);
  hawser_connection_set_session (connection, &session_funcs, self);
}
