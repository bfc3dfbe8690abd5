/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The stored form of a message: what the spool writes and reads back. Pure functions over bytes; whoever keeps the
 * bytes adds the checksum. Times are stored as wall time and turned back into monotonic time of this process, so that
 * expiry survives a restart. */

#include "hawser-message-private.h"

#include <stdio.h>
#include <string.h>

#define STORE_VERSION 1
#define STORE_HEAD 38
#define UID_LEN 16 /* of HawserOrigin */

static void
put (guint8 **cursor, const void *data, gsize len)
{
  if (len > 0)
    memcpy (*cursor, data, len);
  *cursor += len;
}

#define PUT_INT(cursor, type, value) \
  G_STMT_START { type put_value = (value); put ((cursor), &put_value, sizeof put_value); } G_STMT_END

GBytes *
hawser_message_store (HawserMessage *self, gint64 wall_minus_monotonic_us)
{
  return hawser_message_store_with (self, wall_minus_monotonic_us, NULL);
}

GBytes *
hawser_message_store_with (HawserMessage *self, gint64 wall_minus_monotonic_us, GBytes *more)
{
  g_autofree char *id = hawser_message_dup_id (self);
  const char *source = self->origin != NULL ? self->origin->source : "";
  gsize source_len = MIN (strlen (source), G_MAXUINT16), id_len = id != NULL ? MIN (strlen (id), G_MAXUINT16) : 0;
  gsize more_len = more != NULL ? g_bytes_get_size (more) : 0;
  gsize len = STORE_HEAD + self->topic_len + source_len + self->properties_len + id_len + self->payload_len + more_len;
  guint8 *data = g_malloc (len), *cursor = data;
  const guint8 head[4] = { STORE_VERSION, self->qos, self->retain, more_len > 0 };

  put (&cursor, head, sizeof head);
  PUT_INT (&cursor, guint32, GUINT32_TO_LE (self->expiry_s));
  PUT_INT (&cursor, guint64, GUINT64_TO_LE (self->sequence));
  PUT_INT (&cursor, gint64, GINT64_TO_LE (self->published_us + wall_minus_monotonic_us));
  PUT_INT (&cursor, guint16, GUINT16_TO_LE (self->topic_len));
  PUT_INT (&cursor, guint16, GUINT16_TO_LE ((guint16) source_len));
  PUT_INT (&cursor, guint32, GUINT32_TO_LE (self->properties_len));
  PUT_INT (&cursor, guint16, GUINT16_TO_LE ((guint16) id_len));
  PUT_INT (&cursor, guint32, GUINT32_TO_LE (self->payload_len));
  put (&cursor, self->data, self->topic_len);
  put (&cursor, source, source_len);
  put (&cursor, hawser_message_properties (self), self->properties_len);
  put (&cursor, id, id_len);
  put (&cursor, self->payload, self->payload_len);
  put (&cursor, more_len > 0 ? g_bytes_get_data (more, NULL) : NULL, more_len);
  g_assert ((gsize) (cursor - data) == len);
  return g_bytes_new_take (data, len);
}

#define GET_INT(cursor, type, out) \
  G_STMT_START { memcpy (&(out), *(cursor), sizeof (type)); *(cursor) += sizeof (type); } G_STMT_END

/* Messages that are read one after the other mostly come from the same publisher: they share its origin again. */
static HawserOrigin *
take_origin (const char *uid, const char *source, gsize source_len)
{
  static GPrivate last_of_thread = G_PRIVATE_INIT ((GDestroyNotify) hawser_origin_unref);
  HawserOrigin *last = g_private_get (&last_of_thread);

  if (last == NULL || strcmp (last->uid, uid) != 0 || strlen (last->source) != source_len || memcmp (last->source, source, source_len) != 0)
    {
      g_autofree char *text = g_strndup (source, source_len);

      last = hawser_origin_new (0, uid, text);
      g_private_replace (&last_of_thread, last);
    }
  return hawser_origin_ref (last);
}

/* Whether @id is what hawser_message_dup_id() makes of a bus's identity, which it writes out, and @sequence. */
static gboolean
is_derived_id (const char *id, gsize id_len, guint64 sequence, char *out_uid)
{
  char digits[17];
  int n = snprintf (digits, sizeof digits, "%010" G_GINT64_MODIFIER "x", sequence);

  if (id_len != UID_LEN + (gsize) n || memcmp (id + UID_LEN, digits, (gsize) n) != 0)
    return FALSE;
  memcpy (out_uid, id, UID_LEN);
  out_uid[UID_LEN] = '\0';
  return TRUE;
}

HawserMessage *
hawser_message_load (const guint8 *data, gsize len, gint64 wall_minus_monotonic_us)
{
  const guint8 *more;
  gsize more_len;

  return hawser_message_load_with (data, len, wall_minus_monotonic_us, &more, &more_len);
}

HawserMessage *
hawser_message_load_with (const guint8 *data, gsize len, gint64 wall_minus_monotonic_us, const guint8 **out_more, gsize *out_more_len)
{
  const guint8 *cursor = data + 4;
  guint32 expiry_s, properties_len, payload_len;
  guint16 topic_len, source_len, id_len;
  guint64 sequence, own_len;
  gint64 wall_us;
  HawserMessage *self;

  if (len < STORE_HEAD || data[0] != STORE_VERSION || data[1] > 2)
    return NULL;
  GET_INT (&cursor, guint32, expiry_s);
  GET_INT (&cursor, guint64, sequence);
  GET_INT (&cursor, gint64, wall_us);
  GET_INT (&cursor, guint16, topic_len);
  GET_INT (&cursor, guint16, source_len);
  GET_INT (&cursor, guint32, properties_len);
  GET_INT (&cursor, guint16, id_len);
  GET_INT (&cursor, guint32, payload_len);
  topic_len = GUINT16_FROM_LE (topic_len);
  source_len = GUINT16_FROM_LE (source_len);
  properties_len = GUINT32_FROM_LE (properties_len);
  id_len = GUINT16_FROM_LE (id_len);
  payload_len = GUINT32_FROM_LE (payload_len);
  own_len = (guint64) STORE_HEAD + topic_len + source_len + properties_len + id_len + payload_len;
  if (topic_len == 0 || data[3] > 1 || (data[3] == 0 ? own_len != len : own_len >= len))
    return NULL;
  *out_more = data + own_len;
  *out_more_len = len - own_len;

  {
    const char *topic = (const char *) cursor;
    const char *source = topic + topic_len;
    char uid[UID_LEN + 1] = "";
    const guint8 *stored = cursor + topic_len + source_len;
    const char *id = (const char *) stored + properties_len;
    HawserProperties properties = { 0 };
    HawserOrigin *origin;
    HawserProperty property;
    gboolean has_id = FALSE;
    gsize position = 0;

    /* copied one by one: a block that passed the checksum but not the walk must not reach a receiver */
    while (hawser_properties_next (stored, properties_len, &position, &property))
      {
        has_id |= property.kind == HAWSER_PROPERTY_USER && property.name_len == 2 && memcmp (property.name, "id", 2) == 0;
        hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
      }
    if (!has_id && id_len > 0 && !is_derived_id (id, id_len, GUINT64_FROM_LE (sequence), uid))
      hawser_properties_add (&properties, HAWSER_PROPERTY_USER, "id", 2, id, id_len);

    self = hawser_message_new_raw (&(HawserMessageInit) {
        .topic = topic, .topic_len = topic_len, .properties = properties.data, .properties_len = properties.len,
        .payload = (const guint8 *) id + id_len, .payload_len = payload_len,
        .expiry_s = GUINT32_FROM_LE (expiry_s), .qos = data[1], .retain = data[2] != 0 });
    origin = take_origin (uid, source, source_len);
    self = hawser_message_stamp (self, GUINT64_FROM_LE (sequence), GINT64_FROM_LE (wall_us) - wall_minus_monotonic_us, origin);
    hawser_origin_unref (origin);
    hawser_properties_clear (&properties);
  }
  return self;
}
