/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages of the bus as PUBLISH packets of libmosquitto and back: MQTT 5.0 section 3.3.2.3. Pure functions. */

#include "bridge-mqtt-properties.h"

#include <mqtt_protocol.h>
#include <string.h>

static void
add (mosquitto_property **list, const HawserProperty *property)
{
  g_autofree char *value = g_strndup ((const char *) property->value, property->value_len);

  switch (property->kind)
    {
    case HAWSER_PROPERTY_CONTENT_TYPE:
      mosquitto_property_add_string (list, MQTT_PROP_CONTENT_TYPE, value);
      break;
    case HAWSER_PROPERTY_REPLY_TO:
      mosquitto_property_add_string (list, MQTT_PROP_RESPONSE_TOPIC, value);
      break;
    case HAWSER_PROPERTY_CORRELATION:
      mosquitto_property_add_binary (list, MQTT_PROP_CORRELATION_DATA, property->value, (guint16) MIN (property->value_len, G_MAXUINT16));
      break;
    case HAWSER_PROPERTY_FORMAT:
      if (property->value_len == 1)
        mosquitto_property_add_byte (list, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, *property->value);
      break;
    case HAWSER_PROPERTY_USER:
    default:
      {
        g_autofree char *name = g_strndup (property->name, property->name_len);

        mosquitto_property_add_string_pair (list, MQTT_PROP_USER_PROPERTY, name, value);
      }
    }
}

mosquitto_property *
bridge_mqtt_properties_write (const HawserMessageView *message)
{
  mosquitto_property *list = NULL;
  HawserProperty property;
  gsize position = 0;

  while (hawser_properties_next (message->properties, message->properties_len, &position, &property))
    add (&list, &property);
  if (message->expiry_s > 0)
    mosquitto_property_add_int32 (&list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message->expiry_s);
  return list;
}

/* ---- Reading ---- */

static gboolean
take_string (HawserProperties *out, const mosquitto_property *list, int identifier, HawserPropertyKind kind)
{
  char *text = NULL;
  gboolean is_valid = TRUE;

  if (mosquitto_property_read_string (list, identifier, &text, FALSE) == NULL)
    return TRUE;
  is_valid = text != NULL && g_utf8_validate (text, -1, NULL) && (kind != HAWSER_PROPERTY_REPLY_TO || hawser_topic_name_check (text, strlen (text)));
  if (is_valid)
    hawser_properties_add (out, kind, NULL, 0, text, strlen (text));
  free (text);
  return is_valid;
}

static gboolean
take_pairs (HawserProperties *out, const mosquitto_property *list)
{
  gboolean is_valid = TRUE;
  char *name = NULL, *value = NULL;

  for (const mosquitto_property *at = mosquitto_property_read_string_pair (list, MQTT_PROP_USER_PROPERTY, &name, &value, FALSE);
       at != NULL && is_valid; at = mosquitto_property_read_string_pair (at, MQTT_PROP_USER_PROPERTY, &name, &value, TRUE))
    {
      is_valid = name != NULL && value != NULL && g_utf8_validate (name, -1, NULL) && g_utf8_validate (value, -1, NULL);
      if (is_valid)
        hawser_properties_add (out, HAWSER_PROPERTY_USER, name, strlen (name), value, strlen (value));
      g_clear_pointer (&name, free);
      g_clear_pointer (&value, free);
    }
  free (name);
  free (value);
  return is_valid;
}

HawserMessage *
bridge_mqtt_properties_read (const struct mosquitto_message *packet, const mosquitto_property *properties)
{
  HawserProperties list = { 0 };
  HawserMessage *message = NULL;
  guint32 expiry_s = 0;
  guint8 format = 0;
  void *correlation = NULL;
  guint16 correlation_len = 0;

  if (mosquitto_property_read_byte (properties, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, &format, FALSE) != NULL)
    hawser_properties_add (&list, HAWSER_PROPERTY_FORMAT, NULL, 0, &format, 1);
  mosquitto_property_read_int32 (properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &expiry_s, FALSE);
  if (mosquitto_property_read_binary (properties, MQTT_PROP_CORRELATION_DATA, &correlation, &correlation_len, FALSE) != NULL)
    hawser_properties_add (&list, HAWSER_PROPERTY_CORRELATION, NULL, 0, correlation, correlation_len);
  free (correlation);
  if (packet->topic != NULL && hawser_topic_name_check (packet->topic, strlen (packet->topic)) &&
      take_string (&list, properties, MQTT_PROP_CONTENT_TYPE, HAWSER_PROPERTY_CONTENT_TYPE) &&
      take_string (&list, properties, MQTT_PROP_RESPONSE_TOPIC, HAWSER_PROPERTY_REPLY_TO) && take_pairs (&list, properties))
    message = hawser_message_new_raw (&(HawserMessageInit) {
        .topic = packet->topic, .topic_len = strlen (packet->topic), .properties = list.data, .properties_len = list.len,
        .payload = packet->payload, .payload_len = (gsize) packet->payloadlen, .expiry_s = expiry_s,
        .qos = (guint8) packet->qos, .retain = packet->retain });
  hawser_properties_clear (&list);
  return message;
}
