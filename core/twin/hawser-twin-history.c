/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last values of each property, in rings that grow to the family's `history` and no further. Times do not go back: what
 * is older than what is held is not taken in the first place. On the bus's lane. */

#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-error.h"

static void
clear_history (gpointer data)
{
  HawserTwinHistory *self = data;

  for (guint i = 0; self->texts != NULL && i < self->size; i++)
    g_free (self->texts[i]);
  g_free (self->key);
  g_free (self->times);
  g_free (self->numbers);
  g_free (self->texts);
}

void
hawser_twin_forget_history (HawserTwinExtra *extra)
{
  g_clear_pointer (&extra->histories, g_array_unref);
}

static HawserTwinHistory *
find_history (HawserTwinExtra *extra, const char *key)
{
  for (guint i = 0; extra != NULL && extra->histories != NULL && i < extra->histories->len; i++)
    {
      HawserTwinHistory *history = &g_array_index (extra->histories, HawserTwinHistory, i);

      if (strcmp (history->key, key) == 0)
        return history;
    }
  return NULL;
}

static HawserTwinHistory *
add_history (HawserTwinExtra *extra, char *key)
{
  const HawserTwinHistory fresh = { .key = key };

  if (extra->histories == NULL)
    {
      extra->histories = g_array_new (FALSE, FALSE, sizeof (HawserTwinHistory));
      g_array_set_clear_func (extra->histories, clear_history);
    }
  g_array_append_val (extra->histories, fresh);
  return &g_array_index (extra->histories, HawserTwinHistory, extra->histories->len - 1);
}

static HawserTwinHistory *
need_history (HawserTwins *self, HawserTwinRef twin, const char *key)
{
  HawserTwinExtra *extra = hawser_twin_need_extra (self, twin);
  HawserTwinHistory *history = find_history (extra, key);

  return history != NULL ? history : add_history (extra, g_strdup (key));
}

static gpointer
unroll (gconstpointer ring, gsize element, guint first, guint n, guint size, guint new_size)
{
  guint8 *flat = g_malloc0 ((gsize) new_size * element);
  guint tail = MIN (n, size - first);

  memcpy (flat, (const guint8 *) ring + first * element, tail * element);
  memcpy (flat + tail * element, ring, (n - tail) * element);
  return flat;
}

static void
remember (HawserTwinHistory *self, guint limit, gint64 time_us, double number, const char *text)
{
  guint place;

  if (self->n == self->size && self->size < limit)
    {
      guint size = MIN (limit, MAX (4, self->size * 2));
      gint64 *times = self->size > 0 ? unroll (self->times, sizeof *times, self->first, self->n, self->size, size) : g_new0 (gint64, size);
      double *numbers = self->size > 0 ? unroll (self->numbers, sizeof *numbers, self->first, self->n, self->size, size) : g_new0 (double, size);
      char **texts = self->texts != NULL ? unroll (self->texts, sizeof *texts, self->first, self->n, self->size, size) : NULL;

      g_free (self->times);
      g_free (self->numbers);
      g_free (self->texts);
      self->times = times;
      self->numbers = numbers;
      self->texts = texts;
      self->first = 0;
      self->size = size;
    }
  if (text != NULL && self->texts == NULL)
    self->texts = g_new0 (char *, self->size);
  place = (self->first + self->n) % self->size;
  if (self->n == self->size)
    self->first = (self->first + 1) % self->size;
  else
    self->n++;
  self->times[place] = time_us;
  self->numbers[place] = number;
  if (self->texts != NULL)
    {
      g_free (self->texts[place]);
      self->texts[place] = g_strdup (text);
    }
}

void
hawser_twin_remember_number (HawserTwins *self, HawserTwinRef twin, guint column, gint64 time_us, double value)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));

  remember (need_history (self, twin, family->columns[column].key), family->history, time_us, value, NULL);
}

void
hawser_twin_remember_text (HawserTwins *self, HawserTwinRef twin, const char *key, gint64 time_us, const char *json)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));

  remember (need_history (self, twin, key), family->history, time_us, (double) NAN, json);
}

/* ---- as bytes, see hawser-twin-pack.c ---- */

void
hawser_twin_history_pack (const HawserTwinExtra *extra, HawserBuffer *out)
{
  hawser_buffer_u32be (out, extra->histories != NULL ? extra->histories->len : 0);
  for (guint h = 0; extra->histories != NULL && h < extra->histories->len; h++)
    {
      const HawserTwinHistory *history = &g_array_index (extra->histories, HawserTwinHistory, h);
      gsize key_len = strlen (history->key);

      hawser_buffer_u32be (out, (guint32) key_len);
      hawser_buffer_bytes (out, history->key, key_len);
      hawser_buffer_u32be (out, history->n);
      for (guint i = 0; i < history->n; i++)
        {
          guint place = (history->first + i) % history->size;
          const char *text = history->texts != NULL ? history->texts[place] : NULL;
          gsize len = text != NULL ? strlen (text) : 0;
          guint64 bits;

          memcpy (&bits, &history->numbers[place], sizeof bits);
          hawser_buffer_u64be (out, (guint64) history->times[place]);
          hawser_buffer_u64be (out, bits);
          hawser_buffer_u32be (out, text != NULL ? (guint32) len + 1 : 0); /* 0: a number */
          hawser_buffer_bytes (out, text, len);
        }
    }
}

static gboolean
unpack_values (HawserTwinHistory *history, guint32 n, HawserReader *in)
{
  for (guint i = 0; i < n; i++)
    {
      guint64 time_us, bits;
      guint32 len;
      double number;
      const guint8 *bytes;
      g_autofree char *text = NULL;

      if (!hawser_reader_u64be (in, &time_us) || !hawser_reader_u64be (in, &bits) || !hawser_reader_u32be (in, &len) || !hawser_reader_bytes (in, len > 0 ? len - 1 : 0, &bytes))
        return FALSE;
      memcpy (&number, &bits, sizeof number);
      if (len > 0)
        text = g_strndup ((const char *) bytes, len - 1);
      remember (history, n, (gint64) time_us, number, text);
    }
  return TRUE;
}

gboolean
hawser_twin_history_unpack (HawserTwinExtra *extra, HawserReader *in)
{
  guint32 n_histories, key_len, n;
  const guint8 *key;

  if (!hawser_reader_u32be (in, &n_histories))
    return FALSE;
  for (guint h = 0; h < n_histories; h++)
    {
      HawserTwinHistory *history;

      if (!hawser_reader_u32be (in, &key_len) || key_len > HAWSER_TWIN_MAX_KEY || !hawser_reader_bytes (in, key_len, &key) || !hawser_reader_u32be (in, &n))
        return FALSE;
      history = add_history (extra, g_strndup ((const char *) key, key_len));
      if (!unpack_values (history, n, in))
        return FALSE;
    }
  return TRUE;
}

/* How many of the ring are before @time_us. */
static guint
count_before (const HawserTwinHistory *self, gint64 time_us)
{
  guint low = 0, high = self->n;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (self->times[(self->first + middle) % self->size] < time_us)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
write_value (const HawserTwinHistory *self, guint i, HawserJsonWriter *writer)
{
  guint place = (self->first + i) % self->size;

  if (self->texts != NULL && self->texts[place] != NULL)
    hawser_json_writer_raw (writer, self->texts[place], -1);
  else
    hawser_json_writer_double (writer, self->numbers[place]);
}

static void
write_time (HawserJsonWriter *writer, const char *key, gint64 time_us)
{
  g_autofree char *text = hawser_time_format (time_us);

  hawser_json_writer_member_string (writer, key, text);
}

/**
 * hawser_twins_write_history:
 * @self: twins
 * @id: a twin
 * @key: a reported property
 * @from_us: wall clock, the first time wanted
 * @to_us: wall clock, the first time not wanted any more; %G_MAXINT64 for all
 * @limit: values at most, 0 for all
 * @out: `{"id","key","items":[{"time","value"}],"next":TIME-or-null}` is appended, oldest first; `next` is the time to go on from
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (no such twin).
 * Context: the bus's.
 *
 * Returns: %TRUE if @out was written
 * Since: 0.1
 */
gboolean
hawser_twins_write_history (HawserTwins *self, const char *id, const char *key, gint64 from_us, gint64 to_us, guint limit, GString *out, GError **error)
{
  HawserTwinRef twin = hawser_twins_lookup (self, id, FALSE, error);
  HawserTwinHistory *history;
  HawserJsonWriter writer;
  guint i = 0, n = 0;

  if (twin == 0)
    return FALSE;
  history = find_history (hawser_twin_extra (self, hawser_twin_get (self, twin)), key);
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", id);
  hawser_json_writer_member_string (&writer, "key", key);
  hawser_json_writer_key (&writer, "items");
  hawser_json_writer_begin_array (&writer);
  for (i = history != NULL ? count_before (history, from_us) : 0; history != NULL && i < history->n; i++, n++)
    {
      gint64 time_us = history->times[(history->first + i) % history->size];

      if (time_us >= to_us || (limit > 0 && n >= limit))
        break;
      hawser_json_writer_begin_object (&writer);
      write_time (&writer, "time", time_us);
      hawser_json_writer_key (&writer, "value");
      write_value (history, i, &writer);
      hawser_json_writer_end_object (&writer);
    }
  hawser_json_writer_end_array (&writer);
  if (history != NULL && i < history->n && limit > 0 && n >= limit && history->times[(history->first + i) % history->size] < to_us)
    write_time (&writer, "next", history->times[(history->first + i) % history->size]);
  else
    {
      hawser_json_writer_key (&writer, "next");
      hawser_json_writer_null (&writer);
    }
  hawser_json_writer_end_object (&writer);
  return TRUE;
}

/**
 * hawser_twins_write_at:
 * @self: twins
 * @id: a twin
 * @time_us: wall clock
 * @out: `{"id","at","reported":{KEY:{"value","time"}}}` is appended: what was reported then, of the properties whose history goes back so far
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (no such twin).
 * Context: the bus's.
 *
 * Returns: %TRUE if @out was written
 * Since: 0.1
 */
gboolean
hawser_twins_write_at (HawserTwins *self, const char *id, gint64 time_us, GString *out, GError **error)
{
  HawserTwinRef twin = hawser_twins_lookup (self, id, FALSE, error);
  HawserTwinExtra *extra;
  HawserJsonWriter writer;

  if (twin == 0)
    return FALSE;
  extra = hawser_twin_extra (self, hawser_twin_get (self, twin));
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", id);
  write_time (&writer, "at", time_us);
  hawser_json_writer_key (&writer, "reported");
  hawser_json_writer_begin_object (&writer);
  for (guint h = 0; extra != NULL && extra->histories != NULL && h < extra->histories->len; h++)
    {
      HawserTwinHistory *history = &g_array_index (extra->histories, HawserTwinHistory, h);
      guint n = time_us == G_MAXINT64 ? history->n : count_before (history, time_us + 1);

      if (n == 0)
        continue;
      hawser_json_writer_key (&writer, history->key);
      hawser_json_writer_begin_object (&writer);
      hawser_json_writer_key (&writer, "value");
      write_value (history, n - 1, &writer);
      write_time (&writer, "time", history->times[(history->first + n - 1) % history->size]);
      hawser_json_writer_end_object (&writer);
    }
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_end_object (&writer);
  return TRUE;
}
