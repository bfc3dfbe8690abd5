/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/twins/events: changes of twins as they happen, as server-sent events or, where the request upgrades, over a
 * WebSocket. `id` is a filter over ids, `filter` a search over the twins, `changes` which kinds, `fields` which members. With
 * `interval` each twin that changed is sent as it is, at most once in that time, and nothing is lost to who reads slowly;
 * `snapshot` sends those that are there first. The plain bus has the same changes below $twin/. Context: the lane. */

#include "http-twins.h"

#include <string.h>

#include "http-fields.h"
#include "http-upgrade.h"

#define COMMENT_US (15 * G_USEC_PER_SEC)
#define SHORTEST_INTERVAL_US 10000
#define LONGEST_INTERVAL_US (3600 * (gint64) G_USEC_PER_SEC)
#define MAX_FRAGMENTS 16
#define MAX_INCOMING 65536         /* bytes of a message from a peer that has nothing to say */
#define ALL_CHANGES ((HawserTwinChange) 0xff)

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;
  HttpAdapter *adapter;
  HawserConnection *connection;
  HawserTwins *twins;
  guint observer;
  char *query;                     /* NULL: all */
  HttpFields *fields;              /* NULL: all */
  HawserTwinChange changes;
  gint64 interval_us;              /* 0: each change */
  GHashTable *changed;             /* with an interval: ids to be sent */
  GString *text;
  gint64 sent_us;
  gint64 stuck_since_us;
  gint64 due_us;
  guint64 n_lost;
  HawserWebsocketReader reader;
  gboolean is_websocket;
  gboolean is_open;
} TwinStream;

static void
free_stream (HttpExchange *exchange)
{
  TwinStream *self = (TwinStream *) exchange;

  hawser_timer_disarm (&self->timer);
  if (self->observer != 0)
    hawser_twins_unobserve (self->twins, self->observer);
  g_clear_pointer (&self->changed, g_hash_table_unref);
  http_fields_free (self->fields);
  hawser_websocket_reader_clear (&self->reader);
  g_string_free (self->text, TRUE);
  g_free (self->query);
  g_free (self);
}

/* ---- Output ---- */

static void
send_frame (TwinStream *self, HawserWebsocketOpcode opcode, const char *data, gsize len)
{
  guint8 head[HAWSER_WEBSOCKET_MAX_HEADER];
  gsize n = hawser_websocket_write_header (head, opcode, len);

  hawser_connection_write (self->connection, head, n);
  hawser_connection_write (self->connection, data, len);
}

static void
send_json (TwinStream *self, const char *json, gsize len)
{
  self->sent_us = hawser_lane_get_now_us (self->adapter->lane);
  if (self->is_websocket)
    {
      send_frame (self, HAWSER_WEBSOCKET_TEXT, json, len);
      return;
    }
  hawser_connection_write (self->connection, "data: ", 6);
  hawser_connection_write (self->connection, json, len);
  hawser_connection_write (self->connection, "\n\n", 2);
}

static void
send_gap (TwinStream *self)
{
  g_autofree char *text = g_strdup_printf (self->is_websocket ? "{\"op\":\"gap\",\"lost\":%" G_GUINT64_FORMAT "}" : "event: gap\ndata: {\"lost\":%" G_GUINT64_FORMAT "}\n\n", self->n_lost);

  if (self->is_websocket)
    send_frame (self, HAWSER_WEBSOCKET_TEXT, text, strlen (text));
  else
    hawser_connection_write (self->connection, text, strlen (text));
  self->n_lost = 0;
}

static void on_tick (HawserTimer *timer);

static void
arm (TwinStream *self, gint64 us)
{
  hawser_timer_arm (&self->timer, self->adapter->lane, us, on_tick);
}

static gboolean
is_congested (TwinStream *self)
{
  if (!hawser_connection_is_congested (self->connection))
    return FALSE;
  if (self->stuck_since_us == 0)
    {
      self->stuck_since_us = hawser_lane_get_now_us (self->adapter->lane);
      arm (self, self->stuck_since_us + self->adapter->stuck_timeout_us);
    }
  return TRUE;
}

/* ---- Each change ---- */

static gboolean
wants (TwinStream *self, const char *id)
{
  return http_twins_check_read (self->session, id) == HAWSER_RESULT_OK
         && (self->query == NULL || hawser_twins_matches (self->twins, id, self->query, NULL));
}

static void
send_change (TwinStream *self, const char *json)
{
  gsize len = strlen (json);

  if (is_congested (self))
    {
      self->n_lost++;
      return;
    }
  if (self->n_lost > 0)
    send_gap (self);
  if (self->fields == NULL)
    {
      send_json (self, json, len);
      return;
    }
  g_string_truncate (self->text, 0);
  http_fields_project (self->fields, json, len, self->text);
  send_json (self, self->text->str, self->text->len);
}

static void
on_change (const char *id, HawserTwinChange change, guint64 revision, const char *json, gpointer data)
{
  TwinStream *self = data;

  if (!self->is_open)
    return;
  if (self->interval_us > 0)
    {
      if (!g_hash_table_contains (self->changed, id))
        g_hash_table_add (self->changed, g_strdup (id));
      if (self->due_us == 0)
        {
          self->due_us = hawser_lane_get_now_us (self->adapter->lane) + self->interval_us;
          if (self->stuck_since_us == 0)
            arm (self, self->due_us);
        }
    }
  else if (change == HAWSER_TWIN_CHANGE_REMOVED ? self->query == NULL && http_twins_check_read (self->session, id) == HAWSER_RESULT_OK : wants (self, id))
    send_change (self, json);
}

/* ---- Each twin that changed, now and then ---- */

/* {"id","parent","state",…} and, of inner nodes, "aggregate"; {"id","removed":true} of what is no longer there. */
static void
write_twin (TwinStream *self, const char *id, GString *out)
{
  g_autoptr (GString) aggregate = NULL;
  HawserTwinRef twin = hawser_twins_lookup (self->twins, id, FALSE, NULL);
  HawserJsonSlice all, key, value;
  HawserJsonIter iter;

  if (!hawser_twins_write (self->twins, id, out, NULL, NULL))
    {
      HawserJsonWriter writer;

      hawser_json_writer_init (&writer, out);
      hawser_json_writer_begin_object (&writer);
      hawser_json_writer_member_string (&writer, "id", id);
      hawser_json_writer_member_boolean (&writer, "removed", TRUE);
      hawser_json_writer_end_object (&writer);
      return;
    }
  if (!(self->changes & HAWSER_TWIN_CHANGE_AGGREGATE) || twin == 0 || hawser_twins_get_n_children (self->twins, twin) == 0)
    return;
  aggregate = g_string_new (NULL);
  if (!hawser_twins_write_aggregate (self->twins, id, aggregate, NULL) || !hawser_json_parse (aggregate->str, aggregate->len, &all, NULL))
    return;
  hawser_json_iter_init (&iter, &all);
  while (hawser_json_iter_next (&iter, &key, &value))
    if (hawser_json_slice_is_string (&key, "aggregate", 9))
      {
        g_string_truncate (out, out->len - 1);
        g_string_append (out, ",\"aggregate\":");
        g_string_append_len (out, value.text, (gssize) value.len);
        g_string_append_c (out, '}');
      }
}

/* As many as there is room for; the others stay, and are sent as they are then. */
static void
send_changed (TwinStream *self)
{
  g_autoptr (GString) twin = g_string_sized_new (1024);
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->changed);
  while (!is_congested (self) && g_hash_table_iter_next (&iter, &id, NULL))
    {
      gboolean is_there = hawser_twins_contains (self->twins, id);

      if (is_there ? wants (self, id) : http_twins_check_read (self->session, id) == HAWSER_RESULT_OK)
        {
          g_string_truncate (twin, 0);
          write_twin (self, id, twin);
          g_string_truncate (self->text, 0);
          if (self->fields != NULL && is_there)
            http_fields_project (self->fields, twin->str, twin->len, self->text);
          else
            g_string_append_len (self->text, twin->str, (gssize) twin->len);
          send_json (self, self->text->str, self->text->len);
        }
      g_hash_table_iter_remove (&iter);
    }
}

static void
add_all (TwinStream *self, HawserTopicFilter *filter)
{
  HawserTwinRef at = 0;
  GArray *stack = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));

  do
    {
      for (guint i = 0; i < hawser_twins_get_n_children (self->twins, at); i++)
        {
          HawserTwinRef child = hawser_twins_get_child (self->twins, at, i);
          const char *id = hawser_twins_get_id (self->twins, child);

          if (hawser_topic_filter_matches (filter, id))
            g_hash_table_add (self->changed, g_strdup (id));
          if (hawser_twins_get_n_children (self->twins, child) > 0)
            g_array_append_val (stack, child);
        }
      at = stack->len > 0 ? g_array_index (stack, HawserTwinRef, stack->len - 1) : 0;
      g_array_set_size (stack, stack->len > 0 ? stack->len - 1 : 0);
    }
  while (at != 0);
  g_array_unref (stack);
}

/* ---- Time and room ---- */

static void
on_tick (HawserTimer *timer)
{
  TwinStream *self = (TwinStream *) ((char *) timer - G_STRUCT_OFFSET (TwinStream, timer));
  gint64 now_us = hawser_lane_get_now_us (self->adapter->lane);

  if (self->stuck_since_us != 0)
    {
      if (now_us - self->stuck_since_us >= self->adapter->stuck_timeout_us)
        hawser_connection_close (self->connection, HAWSER_ERROR_QUOTA);
      else
        arm (self, self->stuck_since_us + self->adapter->stuck_timeout_us);
      return;
    }
  if (self->due_us != 0 && now_us >= self->due_us)
    {
      self->due_us = 0;
      send_changed (self);
      if (self->stuck_since_us != 0)
        return;
    }
  if (now_us - self->sent_us >= COMMENT_US - G_USEC_PER_SEC)
    {
      self->sent_us = now_us;
      if (self->is_websocket)
        send_frame (self, HAWSER_WEBSOCKET_PING, "", 0);
      else
        hawser_connection_write (self->connection, ":\n\n", 3);
    }
  arm (self, self->due_us != 0 ? self->due_us : now_us + COMMENT_US);
}

static void
writable (HttpExchange *exchange)
{
  TwinStream *self = (TwinStream *) exchange;

  self->stuck_since_us = 0;
  if (self->interval_us > 0 && self->due_us == 0 && g_hash_table_size (self->changed) > 0)
    send_changed (self);
  else if (self->n_lost > 0)
    send_gap (self);
  if (self->stuck_since_us == 0)
    on_tick (&self->timer);
}

/* Of a WebSocket: its pings and its end; there is nothing to be said here. */
static gsize
received (HttpExchange *exchange, const guint8 *data, gsize len)
{
  TwinStream *self = (TwinStream *) exchange;
  const HawserWebsocketLimits limits = { MAX_INCOMING, MAX_FRAGMENTS };
  gsize used = 0;

  while (self->is_open && used < len)
    {
      HawserWebsocketEvent event;
      gsize n, needed;
      HawserWebsocketResult result = hawser_websocket_read (&self->reader, (guint8 *) data + used, len - used, &limits, &n, &needed, &event);
      guint code = result == HAWSER_WEBSOCKET_ERROR || (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_CLOSE) ? event.close_code : 0;

      used += n;
      if (result == HAWSER_WEBSOCKET_MORE)
        return used;
      if (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_PING && hawser_connection_get_pending (self->connection) < MAX_INCOMING)
        send_frame (self, HAWSER_WEBSOCKET_PONG, (const char *) event.data, event.len);
      if (code != 0)
        {
          const char payload[2] = { (char) (code >> 8), (char) code };

          send_frame (self, HAWSER_WEBSOCKET_CLOSE, payload, code == HAWSER_WEBSOCKET_CLOSE_NO_STATUS ? 0 : sizeof payload);
          self->is_open = FALSE;
          http_session_finish (self->session, HAWSER_ERROR_CLOSED, "the WebSocket was closed");
        }
    }
  return self->is_open ? used : len;
}

/* ---- The request ---- */

/* Comma-separated names of HawserTwinChange; 0: one is none. */
static HawserTwinChange
read_changes (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, ",", 16);
  GFlagsClass *class = g_type_class_ref (HAWSER_TYPE_TWIN_CHANGE);
  HawserTwinChange changes = 0;

  for (guint i = 0; words[i] != NULL; i++)
    {
      GFlagsValue *value = g_flags_get_value_by_nick (class, words[i]);

      if (value == NULL)
        {
          changes = 0;
          break;
        }
      changes |= (HawserTwinChange) value->value;
    }
  g_type_class_unref (class);
  return changes;
}

/* NULL: fine. */
static const char *
read_options (TwinStream *self, HttpRequest *request)
{
  const char *changes = http_request_get_query (request, "changes");
  const char *fields = http_request_get_query (request, "fields");
  g_autofree char *with_id = fields != NULL ? g_strconcat ("id,removed,", fields, NULL) : NULL;
  const char *detail = NULL;

  self->changes = changes != NULL ? read_changes (changes) : ALL_CHANGES;
  if (self->changes == 0)
    return "changes are of reported, desired, attributes, parent, state, aggregate, added, removed";
  if (!http_request_get_duration (request, "interval", SHORTEST_INTERVAL_US, LONGEST_INTERVAL_US, &self->interval_us))
    return "interval is a duration of 10ms to 1h";
  if (fields != NULL && *fields == '\0')
    return "fields has no path such as reported/power-kw";
  if (fields != NULL)
    self->fields = http_fields_new (with_id, &detail);
  return detail;
}

static void
begin (TwinStream *self)
{
  http_session_add_header (self->session, "Cache-Control", "no-store");
  http_session_add_header (self->session, "X-Accel-Buffering", "no");
  http_session_add_header (self->session, "Connection", "close");
  http_session_become_stream (self->session, 200, "text/event-stream");
  hawser_connection_write (self->connection, "retry: 1000\n\n", 13);
}

void
http_twins_events (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *ids = http_request_get_query (request, "id");
  const char *query = http_request_get_query (request, "filter");
  const char *snapshot = http_request_get_query (request, "snapshot");
  g_autoptr (HawserTopicFilter) filter = NULL;
  g_autofree char *accept = NULL;
  TwinStream *self;
  const char *detail;
  GError *error = NULL;

  if (http_request_get_header (request, "Upgrade") != NULL && !http_websocket_check (session, request, &accept))
    return;
  self = g_new0 (TwinStream, 1);
  self->base = (HttpExchange) { free_stream, accept != NULL ? received : NULL, writable };
  self->is_websocket = accept != NULL;
  self->session = session;
  self->adapter = http_session_get_adapter (session);
  self->connection = http_session_get_connection (session);
  self->twins = http_twins (session);
  self->text = g_string_new (NULL);
  self->query = query != NULL && *query != '\0' ? g_strdup (query) : NULL;
  http_session_set_exchange (session, &self->base);
  detail = read_options (self, request);
  if (detail != NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
      return;
    }
  filter = hawser_topic_filter_new (ids != NULL ? ids : "#", &error);
  if (filter != NULL && self->query != NULL)
    hawser_twins_matches (self->twins, "", self->query, &error); /* asked about no twin, an expression is only read */
  if (error != NULL)
    {
      http_twins_respond_error (session, error);
      return;
    }
  if (self->interval_us > 0)
    self->changed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->observer = hawser_twins_observe (self->twins, ids != NULL ? ids : "#", self->changes, on_change, self, NULL, &error);
  if (self->observer == 0)
    {
      http_twins_respond_error (session, error);
      return;
    }
  if (self->is_websocket)
    {
      http_websocket_add_headers (session, accept, http_websocket_offers (request, HTTP_CLOUDEVENTS_SUBPROTOCOL) ? HTTP_CLOUDEVENTS_SUBPROTOCOL : NULL);
      http_session_become_stream (session, 101, NULL);
    }
  else
    begin (self);
  self->is_open = TRUE;
  self->sent_us = hawser_lane_get_now_us (self->adapter->lane);
  if (snapshot != NULL && self->interval_us > 0)
    {
      add_all (self, filter);
      self->due_us = self->sent_us;
    }
  arm (self, self->due_us != 0 ? self->due_us : self->sent_us + COMMENT_US);
}
