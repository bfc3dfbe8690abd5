/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CONNECT: who is it, may it, what was left of its session, and the answer. The identity providers may take their
 * time; nothing is read from the client meanwhile. Context: the connection's lane. */

#include "mqtt-session.h"

#include <string.h>

/* A CONNECT that waits for the identity providers; owned by the call that asks them. */
struct _MqttLogin {
  MqttSession *session;   /* NULL: the client went away */
  guint8 *body;
  MqttConnect connect;    /* slices into the body */
  char *client_id;
  gboolean is_assigned;
  gboolean is_sessions;   /* freed by the session, not by a call: AUTH packets come between */
};

static void free_login (gpointer data);

void
mqtt_login_cancel (MqttLogin *login)
{
  if (login == NULL)
    return;
  login->session = NULL;
  if (login->is_sessions)
    free_login (login);
}

static void
free_login (gpointer data)
{
  MqttLogin *login = data;

  if (login->session != NULL)
    login->session->login = NULL;
  g_free (login->body);
  g_free (login->client_id);
  g_free (login);
}

static void
on_keep_alive (HawserTimer *timer)
{
  MqttSession *self = (MqttSession *) timer;
  gint64 now_us = hawser_lane_get_now_us (self->sessions->lane);
  gint64 span_us = (gint64) self->keep_alive_s * (G_USEC_PER_SEC * 3 / 2); /* [MQTT-3.1.2-22] */

  if (hawser_connection_is_paused (self->connection))
    self->since_us = now_us; /* it is we who do not listen */
  if (now_us < self->since_us + span_us)
    hawser_timer_arm (&self->timer, self->sessions->lane, self->since_us + span_us, on_keep_alive);
  else
    mqtt_session_end (self, MQTT_KEEP_ALIVE, HAWSER_ERROR_TIMEOUT, "no packet within one and a half times the keep alive");
}

static guint8
check_client_id (MqttSession *self, const MqttConnect *connect)
{
  if (connect->client_id.len > self->adapter->settings.max_client_id)
    return MQTT_BAD_CLIENT_ID;
  if (connect->client_id.len == 0 &&
      (connect->version == MQTT_VERSION_3_1 || (connect->version == MQTT_VERSION_3_1_1 && !connect->clean_start)))
    return MQTT_BAD_CLIENT_ID; /* 3.1.1 [MQTT-3.1.3-8] */
  return MQTT_SUCCESS;
}

static guint8
check_will (MqttSession *self, const MqttConnect *connect)
{
  const MqttSettings *settings = &self->adapter->settings;

  if (!connect->has_will)
    return MQTT_SUCCESS;
  if (!mqtt_response_topic_is_valid (&connect->will_properties))
    return MQTT_PROTOCOL_ERROR; /* a PUBLISH may not have it either: [MQTT-3.3.2-14] */
  if (mqtt_topic_count_levels (connect->will_topic.data, connect->will_topic.len) > settings->max_levels)
    return MQTT_BAD_TOPIC;
  if (connect->will_qos > settings->maximum_qos)
    return MQTT_NO_QOS; /* [MQTT-3.2.2-12] */
  if (connect->will_retain && !settings->retain_available)
    return MQTT_NO_RETAIN; /* [MQTT-3.2.2-13] */
  if (connect->will_payload.len > self->adapter->max_message)
    return MQTT_TOO_LARGE;
  return MQTT_SUCCESS;
}

static guint8
check_connect (MqttSession *self, const MqttConnect *connect)
{
  guint8 reason;

  if ((self->adapter->settings.versions >> connect->version & 1) == 0)
    return MQTT_BAD_VERSION;
  if (self->adapter->settings.redirect != NULL && *self->adapter->settings.redirect != '\0')
    return self->adapter->settings.redirect_for_good ? MQTT_MOVED : MQTT_USE_ANOTHER;
  if (mqtt_properties_has (&connect->properties, MQTT_AUTH_METHOD) && !mqtt_auth_is_offered (self, &connect->properties))
    return MQTT_BAD_METHOD;
  reason = check_client_id (self, connect);
  return reason != MQTT_SUCCESS ? reason : check_will (self, connect);
}

static char *
make_client_id (void)
{
  return g_strdup_printf ("auto-%08x%08x%08x", g_random_int (), g_random_int (), g_random_int ());
}

static guint32
maximum_expiry_s (HawserMqttAdapter *adapter)
{
  return (guint32) MIN (adapter->settings.session_expiry_maximum_us / G_USEC_PER_SEC, G_MAXUINT32);
}

static void
apply_connect (MqttSession *self, const MqttConnect *connect)
{
  const MqttProperties *properties = &connect->properties;
  guint32 maximum_s = maximum_expiry_s (self->adapter);

  if (mqtt_session_is_5 (self))
    self->expiry_s = MIN (mqtt_properties_get (properties, MQTT_SESSION_EXPIRY, 0), maximum_s);
  else
    self->expiry_s = connect->clean_start ? 0 : maximum_s;
  self->max_packet = mqtt_properties_get (properties, MQTT_MAXIMUM_PACKET, G_MAXUINT32);
  self->receive_maximum = (guint16) mqtt_properties_get (properties, MQTT_RECEIVE_MAXIMUM, 65535);
  if (mqtt_properties_get (properties, MQTT_ALIAS_MAXIMUM, 0) > 0)
    mqtt_session_need_more (self)->aliases_out = mqtt_aliases_new (mqtt_properties_get (properties, MQTT_ALIAS_MAXIMUM, 0));
  self->wants_problems = mqtt_properties_get (properties, MQTT_REQUEST_PROBLEM, 1) != 0;
}

/* [MQTT-3.2.2-21]: the client uses ours when we name one. 3.1.1 has no way to be told. */
static gboolean
apply_keep_alive (MqttSession *self, const MqttConnect *connect)
{
  gint64 maximum_s = (self->adapter->settings.keep_alive_maximum_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
  gboolean is_ours = mqtt_session_is_5 (self) && maximum_s > 0 && (connect->keep_alive_s == 0 || connect->keep_alive_s > maximum_s);

  self->keep_alive_s = is_ours ? (guint16) MIN (maximum_s, 65535) : connect->keep_alive_s;
  return is_ours;
}

static void
write_connack (MqttSession *self, const MqttLogin *login, gboolean session_present, gboolean keep_alive_is_ours)
{
  const MqttSettings *settings = &self->adapter->settings;
  GByteArray *block = self->adapter->block;

  g_byte_array_set_size (block, 0);
  if (mqtt_session_is_5 (self))
    {
      if (mqtt_properties_get (&login->connect.properties, MQTT_SESSION_EXPIRY, 0) != self->expiry_s)
        mqtt_properties_put_number (block, MQTT_SESSION_EXPIRY, self->expiry_s);
      if (settings->receive_maximum < 65535)
        mqtt_properties_put_number (block, MQTT_RECEIVE_MAXIMUM, settings->receive_maximum);
      if (settings->maximum_qos < 2)
        mqtt_properties_put_number (block, MQTT_MAXIMUM_QOS, settings->maximum_qos);
      if (!settings->retain_available)
        mqtt_properties_put_number (block, MQTT_RETAIN_AVAILABLE, 0);
      if (self->adapter->limits.max_packet < MQTT_MAX_REMAINING)
        mqtt_properties_put_number (block, MQTT_MAXIMUM_PACKET, self->adapter->limits.max_packet);
      if (login->is_assigned)
        mqtt_properties_put_slice (block, MQTT_ASSIGNED_ID, login->client_id, strlen (login->client_id));
      if (settings->topic_alias_maximum > 0)
        mqtt_properties_put_number (block, MQTT_ALIAS_MAXIMUM, settings->topic_alias_maximum);
      if (keep_alive_is_ours)
        mqtt_properties_put_number (block, MQTT_SERVER_KEEP_ALIVE, self->keep_alive_s);
      if (settings->response_information != NULL && mqtt_properties_get (&login->connect.properties, MQTT_REQUEST_RESPONSE, 0) == 1)
        {
          g_autofree char *information = g_strconcat (settings->response_information, login->client_id, NULL);

          mqtt_properties_put_slice (block, MQTT_RESPONSE_INFO, information, MIN (strlen (information), G_MAXUINT16));
        }
      mqtt_auth_put (self, block);
    }
  mqtt_codec_write_connack (self->adapter->output, self->version, session_present && self->version != MQTT_VERSION_3_1, MQTT_SUCCESS, block);
  mqtt_session_send_output (self);
}

/* What is left of the session of this identity: taken over, or ended when the client starts clean. */
static gboolean
take_over (MqttSession *self, gboolean clean_start, gboolean *out_is_recovered)
{
  MqttSession *old = mqtt_sessions_find (self->sessions, self->identity);
  g_autofree char *receiver_id = mqtt_receiver_id_new (self->identity);
  HawserReceiver *receiver;
  gboolean continues = old != NULL && !clean_start && old->expiry_s > 0;

  if (continues)
    {
      self->window = g_steal_pointer (&old->window);
      self->inflow = g_steal_pointer (&old->inflow);
      if (self->window != NULL)
        mqtt_window_suspend (self->window);
      if (self->inflow != NULL)
        mqtt_inflow_suspend (self->inflow);
      if (mqtt_session_get_exact (old) != NULL)
        mqtt_session_need_more (self)->exact = g_steal_pointer (&old->more->exact);
      if (mqtt_session_get_exact (self) != NULL)
        mqtt_exact_suspend (mqtt_session_get_exact (self));
    }
  mqtt_will_end_promise (self->sessions->bus, self->identity, clean_start);
  if (old != NULL)
    mqtt_session_yield (old, continues);
  receiver = hawser_bus_find_receiver (self->sessions->bus, receiver_id);
  if (receiver == NULL)
    return continues;
  if (clean_start)
    {
      hawser_receiver_remove (receiver);
      return FALSE;
    }
  *out_is_recovered = !continues;
  return TRUE;
}

/* A session that the spool keeps is there from the beginning, and with it what it must know after a restart. */
static void
open_recorded (MqttSession *self, gboolean is_recovered)
{
  mqtt_session_need_receiver (self);
  hawser_receiver_set_expiry (self->receiver, self->expiry_s);
  if (!is_recovered)
    return;
  mqtt_session_recover (self);
  if (self->window == NULL)
    {
      self->window = mqtt_window_new ((guint16) MIN (self->receive_maximum, self->adapter->settings.max_inflight));
      self->window->tail_id = (guint16) (1 + g_random_int () % 65535); /* which ones the client still holds, nobody knows */
    }
}

static guint8
check_rights (MqttSession *self, const MqttLogin *login, const HawserPolicyContext *context)
{
  g_autofree char *topic = NULL;

  if (!login->connect.has_will)
    return MQTT_SUCCESS;
  topic = g_strndup ((const char *) login->connect.will_topic.data, login->connect.will_topic.len);
  return mqtt_reason_from_error (hawser_bus_check_publish (self->sessions->bus, context, topic));
}

static void
set_identity (MqttSession *self, HawserPrincipal *principal)
{
  const char *client_id = hawser_connection_get_client_id (self->connection);
  const char *mount = hawser_listener_get_mount_point (self->adapter->listener);

  if (mount != NULL)
    {
      /* the same client at another mount point is another one; no principal and no client id alone makes such a name */
      g_autofree char *own = mqtt_identity_new (principal != NULL ? hawser_principal_get_name (principal) : NULL, client_id);

      self->identity = g_strconcat ("%m/", mount, "/", own, NULL);
      self->owns_identity = TRUE;
      return;
    }
  if (principal == NULL && strchr (client_id, '/') == NULL)
    {
      self->identity = (char *) client_id; /* one copy less for each of many idle connections */
      return;
    }
  self->identity = mqtt_identity_new (principal != NULL ? hawser_principal_get_name (principal) : NULL, client_id);
  self->owns_identity = TRUE;
}

static void
open_session (MqttSession *self, MqttLogin *login, HawserPrincipal *principal)
{
  const MqttConnect *connect = &login->connect;
  HawserPolicyContext context = { 0 };
  gboolean session_present, keep_alive_is_ours, is_recovered = FALSE;
  guint8 reason;
  int result;

  hawser_connection_set_identity (self->connection, login->client_id, principal);
  hawser_connection_fill_context (self->connection, &context);
  result = hawser_listener_admit (self->connection, TRUE);
  if (result != HAWSER_RESULT_OK)
    {
      mqtt_session_end (self, result == HAWSER_ERROR_QUOTA ? MQTT_CONNECTION_RATE : MQTT_BANNED, HAWSER_ERROR_QUOTA,
                        hawser_bus_get_last_refusal (self->sessions->bus));
      return;
    }
  apply_connect (self, connect);
  reason = check_rights (self, login, &context);
  if (reason == MQTT_SUCCESS && self->expiry_s > 0 && self->sessions->n_waiting >= self->adapter->settings.max_sessions)
    reason = MQTT_QUOTA;
  if (reason != MQTT_SUCCESS)
    {
      mqtt_session_end (self, reason, HAWSER_ERROR_NOT_AUTHORIZED, reason == MQTT_QUOTA ? "too many sessions" : "will is not allowed");
      return;
    }

  set_identity (self, principal);
  session_present = take_over (self, connect->clean_start, &is_recovered);
  if (self->window != NULL)
    self->window->limit = (guint16) MIN (self->receive_maximum, self->adapter->settings.max_inflight);
  mqtt_sessions_add (self->sessions, self);
  if (connect->has_will)
    mqtt_session_need_more (self)->will = mqtt_will_new (connect, &context, &self->adapter->properties);

  self->state = MQTT_STATE_OPEN;
  keep_alive_is_ours = apply_keep_alive (self, connect);
  self->since_us = hawser_lane_get_now_us (self->sessions->lane);
  hawser_timer_disarm (&self->timer);
  if (self->keep_alive_s > 0)
    hawser_timer_arm (&self->timer, self->sessions->lane,
                      self->since_us + (gint64) self->keep_alive_s * (G_USEC_PER_SEC * 3 / 2), on_keep_alive);
  write_connack (self, login, session_present, keep_alive_is_ours);

  if (session_present)
    mqtt_session_find_receiver (self);
  if (self->expiry_s > 0 && hawser_bus_has_spool (self->sessions->bus))
    open_recorded (self, is_recovered);
  if (session_present)
    mqtt_session_resend (self);
  if (self->state == MQTT_STATE_OPEN)
    mqtt_session_attach_provisioned (self);
}

static guint8
reason_of_refusal (const MqttConnect *connect, const GError *error)
{
  if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE) || g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_TIMEOUT))
    return MQTT_UNAVAILABLE;
  if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA))
    return MQTT_CONNECTION_RATE;
  return connect->has_user || connect->has_password ? MQTT_BAD_LOGIN : MQTT_NOT_AUTHORIZED;
}

static void
on_authenticated (HawserPrincipal *principal, const GError *error, gpointer user_data)
{
  MqttLogin *login = user_data;
  MqttSession *self = login->session;

  if (self == NULL || self->state != MQTT_STATE_LOGIN)
    return;
  if (principal == NULL && error != NULL)
    mqtt_session_end (self, reason_of_refusal (&login->connect, error), HAWSER_ERROR_NOT_AUTHORIZED, "not authorized");
  else
    open_session (self, login, principal);
  if (self->is_paused)
    {
      self->is_paused = FALSE;
      hawser_connection_resume (self->connection);
    }
}

void
mqtt_session_let_in (MqttSession *self, HawserPrincipal *principal)
{
  MqttLogin *login = self->login;

  login->is_sessions = FALSE;
  open_session (self, login, principal);
  free_login (login);
}

static void
ask_identity (MqttSession *self, MqttLogin *login)
{
  const MqttConnect *connect = &login->connect;
  HawserCredentialKind kind = HAWSER_CREDENTIAL_NONE;
  g_autofree char *name = connect->has_user ? g_strndup ((const char *) connect->user.data, connect->user.len) : NULL;
  g_autoptr (GBytes) secret = connect->has_password ? g_bytes_new (connect->password.data, connect->password.len) : NULL;

  if (connect->has_user)
    kind = HAWSER_CREDENTIAL_PASSWORD;
  else if (connect->has_password)
    kind = HAWSER_CREDENTIAL_TOKEN; /* 5.0 allows a password alone: section 3.1.2.9 */
  hawser_listener_authenticate_peer (self->connection, kind, name, secret, on_authenticated, login, free_login);
}

void
mqtt_session_on_connect (MqttSession *self, const guint8 *body, gsize len)
{
  MqttLogin *login = g_new0 (MqttLogin, 1);
  const MqttConnect *connect = &login->connect;
  guint8 reason;

  login->body = g_memdup2 (body, len);
  reason = mqtt_codec_read_connect (login->body, len, &self->adapter->limits, &login->connect);
  /* an unknown level is answered in the form that its speaker most likely reads: [MQTT-3.1.2-2] */
  self->version = connect->version > MQTT_VERSION_5_0 ? MQTT_VERSION_5_0 : connect->version;
  if (reason == MQTT_SUCCESS)
    reason = check_connect (self, connect);
  if (reason != MQTT_SUCCESS)
    {
      free_login (login);
      mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, mqtt_reason_to_string (reason));
      return;
    }

  login->is_assigned = connect->client_id.len == 0;
  login->client_id = login->is_assigned ? make_client_id () : g_strndup ((const char *) connect->client_id.data, connect->client_id.len);
  login->session = self;
  self->state = MQTT_STATE_LOGIN;
  self->login = login;
  if (mqtt_properties_has (&connect->properties, MQTT_AUTH_METHOD))
    {
      login->is_sessions = TRUE;
      mqtt_auth_begin (self, &connect->properties); /* AUTH packets follow */
      return;
    }
  ask_identity (self, login);
  if (self->state == MQTT_STATE_LOGIN)
    {
      self->is_paused = TRUE;
      hawser_connection_pause (self->connection);
    }
}
