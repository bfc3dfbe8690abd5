/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Enhanced authentication (MQTT 5.0 section 4.12) by SCRAM-SHA-256: AUTH packets between CONNECT and CONNACK, and again
 * later when the client wants so. Who may come in is asked of the listener's identity providers. Context: the connection's
 * lane. */

#include "mqtt-session.h"

#include <string.h>

struct _MqttAuth {
  HawserScram *scram;           /* the exchange under way; NULL: none */
  HawserPrincipal *principal;   /* who it would be */
  GBytes *last;                 /* the server's last message, for CONNACK */
  char *name;                   /* who came in at CONNECT */
};

void
mqtt_auth_free (MqttAuth *self)
{
  if (self == NULL)
    return;
  hawser_scram_free (self->scram);
  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_clear_pointer (&self->last, g_bytes_unref);
  g_free (self->name);
  g_free (self);
}

gboolean
mqtt_auth_is_offered (MqttSession *self, const MqttProperties *properties)
{
  const MqttSlice *method = &properties->value[MQTT_AUTH_METHOD].slice;

  return method->len == strlen (HAWSER_SCRAM_METHOD) && memcmp (method->data, HAWSER_SCRAM_METHOD, method->len) == 0 &&
         hawser_listener_has_verifiers (self->adapter->listener);
}

/* [MQTT-4.12.0-5]: each packet names the method. */
static void
put_method (GByteArray *block, GBytes *data)
{
  gsize len;
  const guint8 *bytes = g_bytes_get_data (data, &len);

  mqtt_properties_put_slice (block, MQTT_AUTH_METHOD, HAWSER_SCRAM_METHOD, strlen (HAWSER_SCRAM_METHOD));
  mqtt_properties_put_slice (block, MQTT_AUTH_DATA, bytes, len);
}

static void
send_auth (MqttSession *self, guint8 reason, GBytes *data)
{
  GByteArray *block = self->adapter->block;

  g_byte_array_set_size (block, 0);
  put_method (block, data);
  mqtt_codec_write_end (self->adapter->output, self->version, MQTT_AUTH, reason, block);
  mqtt_session_send_output (self);
}

static void
refuse (MqttSession *self)
{
  mqtt_session_end (self, MQTT_NOT_AUTHORIZED, HAWSER_ERROR_NOT_AUTHORIZED, "not authorized");
}

static void
begin (MqttSession *self, MqttAuth *auth, const MqttProperties *properties)
{
  const MqttSlice *data = &properties->value[MQTT_AUTH_DATA].slice;
  g_autofree char *verifier = NULL;
  g_autoptr (GBytes) challenge = NULL;
  const char *name = NULL;

  g_clear_pointer (&auth->scram, hawser_scram_free);
  g_clear_pointer (&auth->principal, hawser_principal_unref);
  auth->scram = hawser_scram_new ();
  if (mqtt_properties_has (properties, MQTT_AUTH_DATA))
    name = hawser_scram_begin (auth->scram, data->data, data->len);
  if (name == NULL)
    {
      refuse (self);
      return;
    }
  verifier = hawser_listener_find_verifier (self->adapter->listener, name, &auth->principal);
  challenge = hawser_scram_challenge (auth->scram, verifier);
  send_auth (self, MQTT_CONTINUE, challenge);
}

void
mqtt_auth_begin (MqttSession *self, const MqttProperties *properties)
{
  MqttMore *more = mqtt_session_need_more (self);

  more->auth = g_new0 (MqttAuth, 1);
  begin (self, more->auth, properties);
}

static void
finish (MqttSession *self, MqttAuth *auth, const MqttProperties *properties)
{
  const MqttSlice *data = &properties->value[MQTT_AUTH_DATA].slice;
  g_autoptr (GBytes) last = NULL;

  if (mqtt_properties_has (properties, MQTT_AUTH_DATA))
    last = hawser_scram_finish (auth->scram, data->data, data->len);
  g_clear_pointer (&auth->scram, hawser_scram_free);
  if (last == NULL || auth->principal == NULL ||
      (auth->name != NULL && strcmp (auth->name, hawser_principal_get_name (auth->principal)) != 0))
    {
      refuse (self); /* also who comes back as somebody else */
      return;
    }
  if (self->state == MQTT_STATE_OPEN)
    {
      send_auth (self, MQTT_SUCCESS, last);
      return;
    }
  auth->name = g_strdup (hawser_principal_get_name (auth->principal));
  auth->last = g_steal_pointer (&last);
  mqtt_session_let_in (self, auth->principal);
}

void
mqtt_session_on_auth (MqttSession *self, const guint8 *body, gsize len)
{
  MqttAuth *auth = self->more != NULL ? self->more->auth : NULL;
  MqttAck packet;
  guint8 reason = mqtt_codec_read_end (self->version, MQTT_AUTH, body, len, &self->adapter->limits, &packet);
  const MqttProperties *properties = &packet.properties;

  if (reason == MQTT_SUCCESS && (auth == NULL || packet.reason == MQTT_SUCCESS || !mqtt_properties_has (properties, MQTT_AUTH_METHOD)))
    reason = MQTT_PROTOCOL_ERROR; /* [MQTT-4.12.0-7], and what only a server sends */
  if (reason == MQTT_SUCCESS && !mqtt_auth_is_offered (self, properties))
    reason = MQTT_BAD_METHOD;     /* [MQTT-4.12.1-1] */
  if (reason == MQTT_SUCCESS && packet.reason == MQTT_REAUTHENTICATE && (self->state != MQTT_STATE_OPEN || auth->scram != NULL))
    reason = MQTT_PROTOCOL_ERROR;
  if (reason == MQTT_SUCCESS && packet.reason == MQTT_CONTINUE && auth->scram == NULL)
    reason = MQTT_PROTOCOL_ERROR;
  if (reason != MQTT_SUCCESS)
    mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, "AUTH does not fit");
  else if (packet.reason == MQTT_REAUTHENTICATE)
    begin (self, auth, properties);
  else
    finish (self, auth, properties);
}

/* For CONNACK. */
void
mqtt_auth_put (MqttSession *self, GByteArray *block)
{
  if (self->more != NULL && self->more->auth != NULL && self->more->auth->last != NULL)
    put_method (block, self->more->auth->last);
}
