/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/twins/{id}/history: what was reported at a time, or the values of one property, or of all, in a range; as JSON or, for
 * who accepts text/event-stream, one event for each value. Context: the lane. */

#include "http-twins.h"

#include <string.h>

#define MAX_VALUES 10000           /* of one answer */

typedef struct {
  gint64 from_us, to_us;
  guint limit;
} Range;

/* FALSE: answered. */
static gboolean
read_range (HttpSession *session, HttpRequest *request, gint64 now_us, Range *out)
{
  const char *from = http_request_get_query (request, "from");
  const char *to = http_request_get_query (request, "to");
  const char *limit = http_request_get_query (request, "limit");
  guint64 n = MAX_VALUES;

  *out = (Range) { G_MININT64, G_MAXINT64, MAX_VALUES };
  if ((from != NULL && !http_twin_read_time (from, now_us, &out->from_us)) || (to != NULL && !http_twin_read_time (to, now_us, &out->to_us)))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "from and to are times such as 2026-11-21T03:11:08Z, seconds since 1970, or -10min");
      return FALSE;
    }
  if (limit != NULL && !g_ascii_string_to_unsigned (limit, 10, 1, MAX_VALUES, &n, NULL))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "limit is a number of 1 to 10000");
      return FALSE;
    }
  out->limit = (guint) n;
  return TRUE;
}

/* "items" of the core's history as events of a stream that ends. */
static void
append_events (const GString *json, const char *id, const char *key, GString *out)
{
  HawserJsonSlice all, name, value, item;
  HawserJsonIter members, items;

  if (!hawser_json_parse (json->str, json->len, &all, NULL))
    g_assert_not_reached (); /* we wrote it */
  hawser_json_iter_init (&members, &all);
  while (hawser_json_iter_next (&members, &name, &value))
    {
      if (!hawser_json_slice_is_string (&name, "items", 5))
        continue;
      hawser_json_iter_init (&items, &value);
      while (hawser_json_iter_next (&items, NULL, &item))
        {
          HawserJsonWriter writer;

          g_string_append (out, "data: ");
          hawser_json_writer_init (&writer, out);
          hawser_json_writer_begin_object (&writer);
          hawser_json_writer_member_string (&writer, "id", id);
          hawser_json_writer_member_string (&writer, "key", key);
          g_string_append_c (out, ',');
          g_string_append_len (out, item.text + 1, (gssize) item.len - 1); /* {"time","value"} without its first bracket */
          g_string_append (out, "\n\n");
        }
    }
}

/* Every property that has a history, as {"id","history":{KEY:[…]}}. */
static gboolean
append_all (HawserTwins *twins, const char *id, const Range *range, GString *out, GError **error)
{
  g_autoptr (GString) twin = g_string_new (NULL), one = g_string_new (NULL);
  HawserJsonSlice all, name, value, key, reported, items;
  HawserJsonIter members, properties, parts;
  HawserJsonWriter writer;

  if (!hawser_twins_write (twins, id, twin, NULL, error))
    return FALSE;
  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", id);
  hawser_json_writer_key (&writer, "history");
  hawser_json_writer_begin_object (&writer);
  if (!hawser_json_parse (twin->str, twin->len, &all, NULL))
    g_assert_not_reached (); /* we wrote it */
  hawser_json_iter_init (&members, &all);
  while (hawser_json_iter_next (&members, &name, &reported))
    {
      if (!hawser_json_slice_is_string (&name, "reported", 8))
        continue;
      hawser_json_iter_init (&properties, &reported);
      while (hawser_json_iter_next (&properties, &key, &value))
        {
          g_autofree char *text = hawser_json_slice_dup_string (&key);

          g_string_truncate (one, 0);
          if (text == NULL || !hawser_twins_write_history (twins, id, text, range->from_us, range->to_us, range->limit, one, NULL)
              || !hawser_json_parse (one->str, one->len, &all, NULL))
            continue;
          hawser_json_iter_init (&parts, &all);
          while (hawser_json_iter_next (&parts, &name, &items))
            if (hawser_json_slice_is_string (&name, "items", 5))
              {
                hawser_json_writer_key (&writer, text);
                hawser_json_writer_raw (&writer, items.text, (gssize) items.len);
              }
        }
    }
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_end_object (&writer);
  return TRUE;
}

static void
respond_range (HttpSession *session, HttpRequest *request, const char *id, const char *key, gint64 now_us)
{
  const char *accept = http_request_get_header (request, "Accept");
  gboolean is_stream = accept != NULL && strstr (accept, "text/event-stream") != NULL;
  g_autoptr (GString) json = g_string_new (NULL);
  GError *error = NULL;
  gboolean is_done;
  Range range;

  if (!read_range (session, request, now_us, &range))
    return;
  is_done = key != NULL ? hawser_twins_write_history (http_twins (session), id, key, range.from_us, range.to_us, range.limit, json, &error)
            : append_all (http_twins (session), id, &range, json, &error);
  if (!is_done)
    {
      http_twins_respond_error (session, error);
      return;
    }
  http_session_add_header (session, "Cache-Control", "no-store");
  if (is_stream && key != NULL)
    {
      g_autoptr (GString) out = g_string_new (NULL);

      append_events (json, id, key, out);
      http_session_respond (session, 200, "text/event-stream", out->str, out->len);
      return;
    }
  http_session_respond (session, 200, "application/json", json->str, json->len);
}

void
http_twins_read_history (HttpSession *session, HttpRequest *request, const char *id)
{
  gint64 now_us = hawser_clock_get_wall_us (hawser_bus_get_clock (http_session_get_adapter (session)->bus));
  const char *at = http_request_get_query (request, "at");
  const char *key = http_request_get_query (request, "key");
  g_autoptr (GString) out = g_string_new (NULL);
  GError *error = NULL;
  gint64 time_us;

  if (at == NULL)
    {
      respond_range (session, request, id, key, now_us);
      return;
    }
  if (!http_twin_read_time (at, now_us, &time_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "at is a time such as 2026-11-21T03:11:08Z, seconds since 1970, or -10min");
      return;
    }
  if (!hawser_twins_write_at (http_twins (session), id, time_us, out, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}
