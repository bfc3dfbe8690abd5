/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The will message: kept from CONNECT until it is published or dropped. When that is, the session decides. */

#include "mqtt-will.h"

#include <string.h>

void
mqtt_properties_to_message (const MqttProperties *properties, HawserProperties *out_block, guint32 *out_expiry_s)
{
  static const struct {
    MqttProperty from;
    HawserPropertyKind to;
  } slices[] = {
    { MQTT_CONTENT_TYPE, HAWSER_PROPERTY_CONTENT_TYPE },
    { MQTT_RESPONSE_TOPIC, HAWSER_PROPERTY_REPLY_TO },
    { MQTT_CORRELATION, HAWSER_PROPERTY_CORRELATION },
  };
  MqttSlice name, value;
  gsize position = 0;

  out_block->len = 0;
  *out_expiry_s = 0;
  if (properties->present == 0)
    return;
  if (mqtt_properties_has (properties, MQTT_PAYLOAD_FORMAT))
    {
      guint8 format = (guint8) properties->value[MQTT_PAYLOAD_FORMAT].number;

      hawser_properties_add (out_block, HAWSER_PROPERTY_FORMAT, NULL, 0, &format, 1);
    }
  if (mqtt_properties_has (properties, MQTT_MESSAGE_EXPIRY))
    *out_expiry_s = MAX (1, properties->value[MQTT_MESSAGE_EXPIRY].number); /* 0 is "none" inside: the shortest life instead */
  for (guint i = 0; i < G_N_ELEMENTS (slices); i++)
    if (mqtt_properties_has (properties, slices[i].from))
      {
        const MqttSlice *slice = &properties->value[slices[i].from].slice;

        hawser_properties_add (out_block, slices[i].to, NULL, 0, slice->data, slice->len);
      }
  while (properties->n_user > 0 && mqtt_properties_next_user (properties, &position, &name, &value))
    hawser_properties_add (out_block, HAWSER_PROPERTY_USER, (const char *) name.data, name.len, value.data, value.len);
}

MqttWill *
mqtt_will_new (const MqttConnect *connect, const HawserPolicyContext *context, HawserProperties *scratch)
{
  MqttWill *self = g_new0 (MqttWill, 1);
  HawserMessageInit init = {
    .topic = (const char *) connect->will_topic.data, .topic_len = connect->will_topic.len,
    .payload = connect->will_payload.data, .payload_len = connect->will_payload.len,
    .qos = connect->will_qos, .retain = connect->will_retain,
  };

  mqtt_properties_to_message (&connect->will_properties, scratch, &init.expiry_s);
  init.properties = scratch->data;
  init.properties_len = scratch->len;
  self->message = hawser_message_new_raw (&init);
  self->delay_s = mqtt_properties_get (&connect->will_properties, MQTT_WILL_DELAY, 0);
  self->principal = context->principal != NULL ? hawser_principal_ref (context->principal) : NULL;
  self->client_id = g_strdup (context->client_id);
  self->listener = g_strdup (context->listener);
  self->address = g_strdup (context->address);
  self->is_encrypted = context->is_encrypted;
  self->mount_point = context->mount_point;
  return self;
}

static void
ignore_published (gpointer data, guint64 cookie, int result)
{
}

static HawserPolicyContext
get_context (const MqttWill *self)
{
  return (HawserPolicyContext) {
    .principal = self->principal, .client_id = self->client_id, .listener = self->listener, .protocol = "mqtt",
    .topic = hawser_message_get_topic (self->message), .address = self->address, .is_encrypted = self->is_encrypted, .mount_point = self->mount_point,
  };
}

void
mqtt_will_fire (MqttWill *self, HawserBus *bus)
{
  HawserPolicyContext context = get_context (self);

  hawser_bus_publish_as (bus, &context, NULL, g_steal_pointer (&self->message), ignore_published, NULL, 0);
  mqtt_will_free (self);
}

static char *
make_key (const char *identity)
{
  return g_strconcat ("mqtt:", identity, NULL);
}

void
mqtt_will_promise (MqttWill *self, HawserBus *bus, const char *identity, gint64 longest_us)
{
  HawserPolicyContext context = get_context (self);
  g_autofree char *key = make_key (identity);

  hawser_bus_promise (bus, key, &context, g_steal_pointer (&self->message), MIN ((gint64) self->delay_s * G_USEC_PER_SEC, longest_us));
  mqtt_will_free (self);
}

void
mqtt_will_end_promise (HawserBus *bus, const char *identity, gboolean is_kept)
{
  g_autofree char *key = make_key (identity);

  hawser_bus_end_promise (bus, key, is_kept);
}

void
mqtt_will_free (MqttWill *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->message, hawser_message_unref);
  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_free (self->client_id);
  g_free (self->listener);
  g_free (self->address);
  g_free (self);
}
