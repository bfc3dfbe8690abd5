/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/twins: lists and searches, one twin, its children, its aggregate. What a twin says of itself is core/twin's JSON; here
 * are paths, rights, tags, pages and fields. Writing is http-twins-write.c, messages to twins http-twins-inbox.c, history
 * http-twins-history.c, streams of changes http-twins-events.c. Context: the lane. */

#include "http-twins.h"

#include <string.h>

#include "http-fields.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT 5000
#define LIVE_US G_USEC_PER_SEC     /* for which a list with channel=live waits */
#define MAX_LIVE_US (60 * G_USEC_PER_SEC)

HawserTwins *
http_twins (HttpSession *session)
{
  return hawser_twins_get (http_session_get_adapter (session)->bus);
}

static int
check (HttpSession *session, const char *id, gboolean is_write)
{
  HawserPolicyContext context;

  hawser_connection_fill_context (http_session_get_connection (session), &context);
  return is_write ? hawser_twins_check_write (http_twins (session), &context, id) : hawser_twins_check_read (http_twins (session), &context, id);
}

int
http_twins_check_read (HttpSession *session, const char *id)
{
  return check (session, id, FALSE);
}

int
http_twins_check_write (HttpSession *session, const char *id)
{
  return check (session, id, TRUE);
}

void
http_twins_respond_error (HttpSession *session, GError *error)
{
  http_session_respond_error (session, error->domain == HAWSER_ERROR ? error->code : HAWSER_ERROR_INVALID, error->message);
  g_error_free (error);
}

gboolean
http_twins_find (HttpSession *session, const char *rest, gboolean is_write, HttpTwinPath *out)
{
  g_auto (HttpTwinPath) path = { 0 };
  int result;

  if (!http_twin_path_read (rest, &path))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the path is not the id of a twin: bad escape, control character, '.' or '..' level, not UTF-8, or empty");
      return FALSE;
    }
  result = check (session, path.id, is_write);
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (http_session_get_adapter (session)->bus));
      return FALSE;
    }
  *out = path;
  path = (HttpTwinPath) { 0 };
  return TRUE;
}

/* ---- Lists ---- */

/* (transfer full) (nullable) */
static char *
dup_id (const HawserJsonSlice *item)
{
  HawserJsonSlice key, value;
  HawserJsonIter iter;

  hawser_json_iter_init (&iter, item);
  while (hawser_json_iter_next (&iter, &key, &value))
    if (hawser_json_slice_is_string (&key, "id", 2))
      return hawser_json_slice_dup_string (&value);
  return NULL;
}

/* Those of the list that the peer may read, with the wanted members. @ids: only their ids, into it. @json is the core's list. */
static void
append_list (HttpSession *session, const GString *json, const HttpFields *fields, GPtrArray *ids, GString *out)
{
  HawserJsonSlice all, key, value, item;
  HawserJsonIter members, items;
  gboolean has_any = FALSE;

  g_string_append (out, "{\"items\":[");
  if (!hawser_json_parse (json->str, json->len, &all, NULL))
    g_assert_not_reached (); /* we wrote it */
  hawser_json_iter_init (&members, &all);
  while (hawser_json_iter_next (&members, &key, &value))
    {
      if (hawser_json_slice_is_string (&key, "next", 4))
        {
          g_string_append (out, "],\"next\":");
          g_string_append_len (out, value.text, (gssize) value.len);
        }
      if (!hawser_json_slice_is_string (&key, "items", 5))
        continue;
      hawser_json_iter_init (&items, &value);
      while (hawser_json_iter_next (&items, NULL, &item))
        {
          g_autofree char *id = dup_id (&item);

          if (id == NULL || http_twins_check_read (session, id) != HAWSER_RESULT_OK)
            continue;
          if (ids != NULL)
            {
              g_ptr_array_add (ids, g_steal_pointer (&id));
              continue;
            }
          if (has_any)
            g_string_append_c (out, ',');
          has_any = TRUE;
          if (fields != NULL)
            http_fields_project (fields, item.text, item.len, out);
          else
            g_string_append_len (out, item.text, (gssize) item.len);
        }
    }
}

gboolean
http_twins_read_fields (HttpSession *session, HttpRequest *request, const char *always, HttpFields **out)
{
  const char *text = http_request_get_query (request, "fields");
  g_autofree char *with_id = text != NULL ? g_strconcat (always, ",", text, NULL) : NULL;
  const char *detail;

  *out = NULL;
  if (text == NULL)
    return TRUE;
  *out = http_fields_new (with_id, &detail);
  if (*out == NULL)
    http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
  return *out != NULL;
}

static gboolean
is_asked (HttpRequest *request, const char *name)
{
  const char *text = http_request_get_query (request, name);

  return text != NULL && !g_str_equal (text, "0") && !g_str_equal (text, "false");
}

/* @parent NULL: of all twins. */
static void
respond_list (HttpSession *session, HttpRequest *request, const char *parent)
{
  HawserTwins *twins = http_twins (session);
  const char *filter = http_request_get_query (request, "filter");
  const char *limit_text = http_request_get_query (request, "limit");
  g_autoptr (GString) json = g_string_new (NULL), out = g_string_new (NULL);
  g_autoptr (HttpFields) fields = NULL;
  g_autoptr (GPtrArray) ids = NULL;
  guint64 limit = DEFAULT_LIMIT;
  gint64 wait_us = LIVE_US;
  GError *error = NULL;

  if (!http_twins_read_fields (session, request, "id", &fields))
    return;
  if (g_strcmp0 (http_request_get_query (request, "channel"), "live") == 0)
    {
      ids = g_ptr_array_new_with_free_func (g_free);
      limit = MAX_LIMIT;
      if (!http_request_get_duration (request, "timeout", 1, MAX_LIVE_US, &wait_us))
        {
          http_session_respond_error (session, HAWSER_ERROR_INVALID, "timeout is a duration up to 1min");
          return;
        }
    }
  if (limit_text != NULL && !g_ascii_string_to_unsigned (limit_text, 10, 0, MAX_LIMIT, &limit, NULL))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "limit is a number of 0 to 5000");
      return;
    }
  if (filter != NULL && *filter == '\0')
    filter = NULL;
  if (limit == 0)
    g_string_append (out, "{\"items\":[],\"next\":null");
  else if (hawser_twins_write_list (twins, parent, filter, http_request_get_query (request, "sort"), http_request_get_query (request, "cursor"), (guint) limit, json, &error))
    append_list (session, json, fields, ids, out);
  else
    {
      http_twins_respond_error (session, error);
      return;
    }
  if (ids != NULL)
    {
      http_twins_ask_all (session, g_steal_pointer (&ids), wait_us);
      return;
    }
  if (is_asked (request, "count"))
    {
      HawserPolicyContext context;
      gint64 n;

      hawser_connection_fill_context (http_session_get_connection (session), &context);
      n = hawser_twins_count_readable (twins, &context, parent, filter, &error);

      if (n < 0)
        {
          http_twins_respond_error (session, error);
          return;
        }
      g_string_append_printf (out, ",\"count\":%" G_GINT64_FORMAT, n);
    }
  g_string_append_c (out, '}');
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}

void
http_twins_list (HttpSession *session, HttpRequest *request, const char *rest)
{
  respond_list (session, request, http_request_get_query (request, "parent"));
}

/* ---- One of them ---- */

static void
add_tag (HttpSession *session, guint64 revision)
{
  g_autofree char *tag = g_strdup_printf ("\"%" G_GUINT64_FORMAT "\"", revision);

  http_session_add_header (session, "ETag", tag);
}

void
http_twins_respond_twin (HttpSession *session, guint status, const char *id)
{
  g_autoptr (GString) out = g_string_sized_new (1024);
  guint64 revision;
  GError *error = NULL;

  if (!hawser_twins_write (http_twins (session), id, out, &revision, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  add_tag (session, revision);
  http_session_add_header (session, "Cache-Control", "no-cache");
  http_session_respond (session, status, "application/json", out->str, out->len);
}

static void
read_itself (HttpSession *session, HttpRequest *request, const char *id)
{
  const char *known = http_request_get_header (request, "If-None-Match");
  GString *out = http_session_get_adapter (session)->twin_text;
  g_autoptr (HttpFields) fields = NULL;
  guint64 revision;
  GError *error = NULL;

  if (!http_twins_read_fields (session, request, "id", &fields))
    return;
  g_string_truncate (out, 0);
  if (!hawser_twins_write (http_twins (session), id, out, &revision, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  add_tag (session, revision);
  http_session_add_header (session, "Cache-Control", "no-cache");
  if (known != NULL && http_twin_tags_have (known, revision))
    http_session_respond (session, 304, NULL, NULL, 0);
  else if (fields != NULL)
    {
      g_autoptr (GString) some = g_string_sized_new (256);

      http_fields_project (fields, out->str, out->len, some);
      http_session_respond (session, 200, "application/json", some->str, some->len);
    }
  else
    http_session_respond (session, 200, "application/json", out->str, out->len);
}

static void
read_aggregate (HttpSession *session, const char *id)
{
  GString *out = http_session_get_adapter (session)->twin_text;
  GError *error = NULL;

  g_string_truncate (out, 0);
  if (!hawser_twins_write_aggregate (http_twins (session), id, out, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}

void
http_twins_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *channel = http_request_get_query (request, "channel");
  g_auto (HttpTwinPath) path = { 0 };

  if (!http_twins_find (session, rest, FALSE, &path))
    return;
  switch (path.part)
    {
    case HTTP_TWIN_ITSELF:
      if (channel != NULL && !g_str_equal (channel, "live") && !g_str_equal (channel, "twin"))
        http_session_respond_error (session, HAWSER_ERROR_INVALID, "channel is twin or live");
      else if (channel != NULL && g_str_equal (channel, "live"))
        http_twins_read_live (session, request, path.id);
      else
        read_itself (session, request, path.id);
      break;
    case HTTP_TWIN_CHILDREN:
      if (hawser_twins_contains (http_twins (session), path.id))
        respond_list (session, request, path.id);
      else
        http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such twin");
      break;
    case HTTP_TWIN_AGGREGATE: read_aggregate (session, path.id); break;
    case HTTP_TWIN_HISTORY: http_twins_read_history (session, request, path.id); break;
    case HTTP_TWIN_INBOX:
    default:
      http_session_add_header (session, "Allow", "POST");
      http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "an inbox takes POST");
      break;
    }
}
