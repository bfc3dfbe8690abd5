/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The property blocks of MQTT 5.0: decoding against the table, and appending. Pure functions over bytes; no knowledge
 * of sessions. Any thread. */

#include "mqtt-properties.h"

#include <string.h>

gboolean
mqtt_utf8_is_valid (const guint8 *data, gsize len)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101), highs = G_GUINT64_CONSTANT (0x8080808080808080);
  gsize i = 0;

  /* eight at a time while they are ASCII without NUL: most of what is ever sent */
  for (; i + 8 <= len; i += 8)
    {
      guint64 word;

      memcpy (&word, data + i, 8);
      if (((word | (word - ones)) & highs) != 0)
        break;
    }
  for (; i < len; i++)
    if (data[i] == 0 || data[i] >= 0x80)
      return g_utf8_validate_len ((const char *) data + i, len - i, NULL);
  return TRUE;
}

/* One value at @data. Returns the bytes used, -1 when malformed. */
static gssize
read_value (MqttPropertyType type, const guint8 *data, gsize len, guint32 *out_number, MqttSlice *out_slice)
{
  gsize first, second;

  switch (type)
    {
    case MQTT_TYPE_BYTE:
      if (len < 1)
        return -1;
      *out_number = data[0];
      return 1;
    case MQTT_TYPE_U16:
      if (len < 2)
        return -1;
      *out_number = mqtt_u16_get (data);
      return 2;
    case MQTT_TYPE_U32:
      if (len < 4)
        return -1;
      *out_number = mqtt_u32_get (data);
      return 4;
    case MQTT_TYPE_VARINT:
      {
        int n = mqtt_varint_read (data, len, out_number);

        return n > 0 ? n : -1;
      }
    case MQTT_TYPE_STRING:
    case MQTT_TYPE_BINARY:
      if (len < 2 || len - 2 < (first = mqtt_u16_get (data)))
        return -1;
      out_slice->data = data + 2;
      out_slice->len = first;
      if (type == MQTT_TYPE_STRING && !mqtt_utf8_is_valid (data + 2, first))
        return -1;
      return (gssize) (2 + first);
    case MQTT_TYPE_PAIR:
      if (len < 2 || len - 2 < (first = mqtt_u16_get (data)) || len - 2 - first < 2 ||
          len - 4 - first < (second = mqtt_u16_get (data + 2 + first)))
        return -1;
      if (!mqtt_utf8_is_valid (data + 2, first) || !mqtt_utf8_is_valid (data + 4 + first, second))
        return -1;
      return (gssize) (4 + first + second);
    default:
      return -1;
    }
}

static guint8
check_range (const MqttPropertyRule *rule, guint32 number)
{
  if (number >= rule->minimum && number <= rule->maximum)
    return MQTT_SUCCESS;
  /* [MQTT-3.3.2-8]: an alias of 0 has its own code; all others are protocol errors */
  return rule->id == 0x23 ? MQTT_BAD_ALIAS : MQTT_PROTOCOL_ERROR;
}

guint8
mqtt_properties_read (MqttProperties *self, MqttPacketType type, const guint8 *data, gsize len, guint max_user)
{
  self->present = 0;
  self->n_user = 0;
  self->block = data;
  self->block_len = len;

  for (gsize at = 0; at < len;)
    {
      const MqttPropertyRule *rule;
      guint32 id, number = 0;
      MqttSlice slice = { NULL, 0 };
      int n = mqtt_varint_read (data + at, len - at, &id), row;
      gssize used;
      guint8 reason;

      row = n > 0 ? mqtt_property_find (id) : -1;
      if (row < 0)
        return MQTT_MALFORMED;
      rule = &mqtt_property_rules[row];
      if ((rule->packets & MQTT_MASK (type)) == 0)
        return MQTT_MALFORMED;
      if (mqtt_properties_has (self, row) && (rule->repeats & MQTT_MASK (type)) == 0)
        return MQTT_PROTOCOL_ERROR;
      at += (gsize) n;
      used = read_value (rule->type, data + at, len - at, &number, &slice);
      if (used < 0)
        return MQTT_MALFORMED;
      at += (gsize) used;

      self->present |= 1u << row;
      if (rule->type == MQTT_TYPE_PAIR)
        {
          if (++self->n_user > max_user)
            return MQTT_QUOTA;
        }
      else if (rule->type == MQTT_TYPE_STRING || rule->type == MQTT_TYPE_BINARY)
        self->value[row].slice = slice;
      else if ((reason = check_range (rule, number)) != MQTT_SUCCESS)
        return reason;
      else
        self->value[row].number = number;
    }
  return MQTT_SUCCESS;
}

gboolean
mqtt_properties_next_user (const MqttProperties *self, gsize *position, MqttSlice *out_name, MqttSlice *out_value)
{
  while (*position < self->block_len)
    {
      const guint8 *data = self->block + *position;
      gsize len = self->block_len - *position;
      guint32 id, number;
      MqttSlice slice;
      int n = mqtt_varint_read (data, len, &id), row = n > 0 ? mqtt_property_find (id) : -1;
      gssize used = row >= 0 ? read_value (mqtt_property_rules[row].type, data + n, len - (gsize) n, &number, &slice) : -1;

      if (used < 0)
        return FALSE;
      *position += (gsize) n + (gsize) used;
      if (row == MQTT_USER_PROPERTY)
        {
          out_name->data = data + n + 2;
          out_name->len = mqtt_u16_get (data + n);
          out_value->data = out_name->data + out_name->len + 2;
          out_value->len = mqtt_u16_get (out_name->data + out_name->len);
          return TRUE;
        }
    }
  return FALSE;
}

void
mqtt_properties_put_number (GByteArray *block, MqttProperty property, guint32 value)
{
  const MqttPropertyRule *rule = &mqtt_property_rules[property];
  guint8 bytes[6], *to = bytes;

  *to++ = rule->id;
  switch (rule->type)
    {
    case MQTT_TYPE_BYTE:
      *to++ = (guint8) value;
      break;
    case MQTT_TYPE_U16:
      to = mqtt_u16_put (to, (guint16) value);
      break;
    case MQTT_TYPE_U32:
      to = mqtt_u32_put (to, value);
      break;
    case MQTT_TYPE_VARINT:
      to = mqtt_varint_put (to, value);
      break;
    default:
      g_assert_not_reached ();
    }
  g_byte_array_append (block, bytes, (guint) (to - bytes));
}

static void
put_counted (GByteArray *block, const void *data, gsize len)
{
  guint8 count[2];

  mqtt_u16_put (count, (guint16) len);
  g_byte_array_append (block, count, 2);
  if (len > 0)
    g_byte_array_append (block, data, (guint) len);
}

void
mqtt_properties_put_slice (GByteArray *block, MqttProperty property, const void *data, gsize len)
{
  g_byte_array_append (block, &mqtt_property_rules[property].id, 1);
  put_counted (block, data, len);
}

void
mqtt_properties_put_user (GByteArray *block, const void *name, gsize name_len, const void *value, gsize value_len)
{
  g_byte_array_append (block, &mqtt_property_rules[MQTT_USER_PROPERTY].id, 1);
  put_counted (block, name, name_len);
  put_counted (block, value, value_len);
}
