/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A twin as bytes, for the time in which it is not in memory: numbers with their times and sources, documents, history. Only
 * this process reads them again, so the layout is nobody's contract; they are checked all the same, because a disk lies
 * between. On the bus's lane. */

#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-buffer.h"
#include "hawser-reader.h"

enum {
  HAS_ROW = 1 << 0,
  HAS_MARKS = 1 << 1,
  HAS_DELTA = 1 << 2,
};

/* ---- writing ---- */

static void
put_double (HawserBuffer *out, double value)
{
  guint64 bits;

  memcpy (&bits, &value, sizeof bits);
  hawser_buffer_u64be (out, bits);
}

static void
put_text (HawserBuffer *out, const char *text)
{
  gsize len = text != NULL ? strlen (text) : 0;

  hawser_buffer_u32be (out, (guint32) len);
  hawser_buffer_bytes (out, text, len);
}

static void
put_source (HawserTwins *self, HawserBuffer *out, guint32 place)
{
  const HawserOrigin *origin = g_array_index (self->sources, HawserTwinSource, place).origin;

  put_text (out, origin != NULL ? origin->source : NULL);
}

static void
put_row (HawserTwins *self, HawserBuffer *out, const HawserTwinRow *row)
{
  hawser_buffer_u32be (out, row->n);
  hawser_buffer_u64be (out, (guint64) row->time_us);
  hawser_buffer_u32be (out, row->revision);
  put_source (self, out, row->source);
  for (guint i = 0; i < row->n; i++)
    put_double (out, row->values[i]);
  for (guint i = 0; row->marks != 0 && i < row->n; i++)
    {
      const HawserTwinMark *mark = &((HawserTwinMark *) hawser_twin_pool_get (&self->pool, row->marks))[i];

      hawser_buffer_u64be (out, (guint64) mark->time_us);
      hawser_buffer_u32be (out, mark->revision);
      put_source (self, out, mark->source);
    }
}

static void
put_document (HawserBuffer *out, const HawserTwinDocument *document)
{
  hawser_buffer_u32be (out, document->n);
  for (guint i = 0; i < document->n; i++)
    {
      const HawserTwinEntry *entry = &document->entries[i];

      put_text (out, entry->key);
      put_text (out, entry->json);
      hawser_buffer_u64be (out, (guint64) entry->stamp.time_us);
      hawser_buffer_u64be (out, entry->stamp.revision);
      put_text (out, entry->stamp.origin != NULL ? entry->stamp.origin->source : NULL);
    }
}

void
hawser_twin_pack (HawserTwins *self, HawserTwinRef twin, HawserBuffer *out)
{
  const HawserTwinRecord *record = hawser_twin_get (self, twin);
  const HawserTwinRow *row = hawser_twin_row (self, record);
  const HawserTwinExtra none = { 0 }, *extra = hawser_twin_extra (self, record);

  if (extra == NULL)
    extra = &none;
  hawser_buffer_u32be (out, record->hash); /* whose bytes they are */
  hawser_buffer_u8 (out, (guint8) ((row != NULL ? HAS_ROW : 0) | (row != NULL && row->marks != 0 ? HAS_MARKS : 0) | (extra->has_delta ? HAS_DELTA : 0)));
  if (row != NULL)
    put_row (self, out, row);
  put_document (out, &extra->reported);
  put_document (out, &extra->desired);
  put_document (out, &extra->attributes);
  hawser_buffer_u64be (out, (guint64) extra->skew_us);
  hawser_twin_history_pack (extra, out);
}

/* ---- reading ---- */

static gboolean
get_double (HawserReader *in, double *out_value)
{
  guint64 bits;

  if (!hawser_reader_u64be (in, &bits))
    return FALSE;
  memcpy (out_value, &bits, sizeof bits);
  return TRUE;
}

static gboolean
get_text (HawserReader *in, const char **out_text, gsize *out_len)
{
  guint32 len;
  const guint8 *text;

  if (!hawser_reader_u32be (in, &len) || !hawser_reader_bytes (in, len, &text))
    return FALSE;
  *out_text = (const char *) text;
  *out_len = len;
  return TRUE;
}

/* Twins that one party reported for come back one after the other: the last source is kept at hand. Owned by @self. */
static HawserOrigin *
get_origin (HawserTwins *self, const char *text, gsize len)
{
  g_autofree char *source = NULL;

  if (len == 0)
    return NULL;
  if (self->last_origin != NULL && strlen (self->last_origin->source) == len && memcmp (self->last_origin->source, text, len) == 0)
    return self->last_origin;
  if (strlen (self->origin->source) == len && memcmp (self->origin->source, text, len) == 0)
    return self->origin;
  source = g_strndup (text, len);
  if (self->last_origin != NULL)
    hawser_origin_unref (self->last_origin);
  return self->last_origin = hawser_origin_new (0, self->bus->uid, source);
}

static gboolean
get_source (HawserTwins *self, HawserReader *in, guint32 *out_place)
{
  const char *text;
  gsize len;

  if (!get_text (in, &text, &len))
    return FALSE;
  *out_place = len > 0 ? hawser_twin_use_source (self, get_origin (self, text, len)) : 0;
  return TRUE;
}

static gboolean
get_row (HawserTwins *self, HawserTwinRecord *record, HawserReader *in, gboolean has_marks)
{
  guint32 n, revision;
  guint64 time_us;
  HawserTwinRow *row;
  HawserTwinMark *marks;

  if (!hawser_reader_u32be (in, &n) || n == 0 || n > HAWSER_TWIN_MAX_COLUMNS || !hawser_reader_u64be (in, &time_us) || !hawser_reader_u32be (in, &revision))
    return FALSE;
  row = hawser_twin_need_row (self, record, n);
  row->time_us = (gint64) time_us;
  row->revision = revision;
  if (!get_source (self, in, &row->source))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!get_double (in, &row->values[i]))
      return FALSE;
  if (!has_marks)
    return TRUE;
  marks = hawser_twin_need_marks (self, row);
  for (guint i = 0; i < n; i++)
    if (!hawser_reader_u64be (in, &time_us) || !hawser_reader_u32be (in, &marks[i].revision) || !get_source (self, in, &marks[i].source))
      return FALSE;
    else
      marks[i].time_us = (gint64) time_us;
  return TRUE;
}

static gboolean
get_document (HawserTwins *self, HawserReader *in, HawserTwinDocument *document)
{
  guint32 n;

  if (!hawser_reader_u32be (in, &n) || n > HAWSER_TWIN_MAX_ENTRIES)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      const char *key, *json, *source;
      gsize key_len, len, source_len;
      guint64 time_us, revision;
      HawserTwinStamp stamp;

      if (!get_text (in, &key, &key_len) || !get_text (in, &json, &len) || !hawser_reader_u64be (in, &time_us) || !hawser_reader_u64be (in, &revision) ||
          !get_text (in, &source, &source_len))
        return FALSE;
      stamp = (HawserTwinStamp) { (gint64) time_us, get_origin (self, source, source_len), revision };
      if (!hawser_twin_document_set (document, key, key_len, json, len, &stamp, NULL))
        return FALSE;
    }
  return TRUE;
}

gboolean
hawser_twin_unpack (HawserTwins *self, HawserTwinRef twin, const guint8 *bytes, gsize len)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra extra = { 0 }, *kept;
  HawserReader in;
  guint32 hash;
  guint8 parts = 0;
  guint64 skew_us;

  hawser_reader_init (&in, bytes, len);
  if (!hawser_reader_u32be (&in, &hash) || hash != record->hash || !hawser_reader_u8 (&in, &parts) ||
      (parts & HAS_ROW && !get_row (self, record, &in, (parts & HAS_MARKS) != 0)) || !get_document (self, &in, &extra.reported) ||
      !get_document (self, &in, &extra.desired) || !get_document (self, &in, &extra.attributes) || !hawser_reader_u64be (&in, &skew_us) ||
      !hawser_twin_history_unpack (&extra, &in))
    {
      hawser_twin_document_clear (&extra.reported);
      hawser_twin_document_clear (&extra.desired);
      hawser_twin_document_clear (&extra.attributes);
      hawser_twin_forget_history (&extra);
      return FALSE;
    }
  extra.skew_us = (gint64) skew_us;
  extra.has_delta = (parts & HAS_DELTA) != 0;
  if (extra.reported.n == 0 && extra.desired.n == 0 && extra.attributes.n == 0 && extra.histories == NULL && skew_us == 0 && !extra.has_delta)
    return TRUE;
  kept = hawser_twin_need_extra (self, twin);
  *kept = extra;
  return TRUE;
}
