/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the answers of the admin API are made of: members of JSON objects, pages of a list, names and bodies read from a request,
 * and answers that wait until what they say is safe. Called by the other http-admin files, on the lane. */

#include "http-admin.h"

#include <string.h>

void
http_json_string (GString *out, const char *name, const char *value)
{
  g_string_append_printf (out, "%s\"%s\":", out->len > 0 && out->str[out->len - 1] != '{' ? "," : "", name);
  if (value == NULL)
    g_string_append (out, "null");
  else
    {
      g_autofree char *valid = g_utf8_make_valid (value, -1);

      hawser_json_append_string (out, valid, strlen (valid));
    }
}

void
http_json_number (GString *out, const char *name, guint64 value)
{
  g_string_append_printf (out, "%s\"%s\":%" G_GUINT64_FORMAT, out->str[out->len - 1] != '{' ? "," : "", name, value);
}

void
http_json_boolean (GString *out, const char *name, gboolean value)
{
  g_string_append_printf (out, "%s\"%s\":%s", out->str[out->len - 1] != '{' ? "," : "", name, value ? "true" : "false");
}

void
http_json_raw (GString *out, const char *name, const char *json)
{
  g_string_append_printf (out, "%s\"%s\":%s", out->str[out->len - 1] != '{' ? "," : "", name, json);
}

void
http_json_duration (GString *out, const char *name, gint64 us)
{
  g_autofree char *text = us > 0 ? hawser_duration_format (us) : NULL;

  http_json_string (out, name, text);
}

void
http_page_item_free (gpointer item)
{
  g_free (((HttpPageItem *) item)->key);
  g_free (((HttpPageItem *) item)->json);
  g_free (item);
}

gboolean
http_page_wants (HttpPage *page, const char *key, const char *name)
{
  HttpPageItem *last;

  if ((page->after != NULL && strcmp (key, page->after) <= 0) || (page->prefix != NULL && !g_str_has_prefix (name, page->prefix)))
    return FALSE;
  if (page->items->len <= page->limit)
    return TRUE;
  last = page->items->pdata[page->items->len - 1];
  return strcmp (key, last->key) < 0;
}

/* (transfer full) @json */
void
http_page_add (HttpPage *page, const char *key, char *json)
{
  HttpPageItem *item = g_new (HttpPageItem, 1);
  guint low = 0, high = page->items->len;

  item->key = g_strdup (key);
  item->json = json;
  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (strcmp (((HttpPageItem *) page->items->pdata[middle])->key, key) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  g_ptr_array_insert (page->items, (int) low, item);
  if (page->items->len > page->limit + 1)
    g_ptr_array_remove_index (page->items, page->items->len - 1);
}

void
http_page_respond (HttpSession *session, HttpPage *page)
{
  g_autoptr (GString) out = g_string_new ("{\"items\":[");

  for (guint i = 0; i < page->items->len && i < page->limit; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      g_string_append (out, ((HttpPageItem *) page->items->pdata[i])->json);
    }
  g_string_append (out, "],\"next\":");
  if (page->items->len > page->limit)
    {
      const char *key = ((HttpPageItem *) page->items->pdata[page->limit - 1])->key;

      hawser_json_append_string (out, key, strlen (key));
    }
  else
    g_string_append (out, "null");
  g_string_append_c (out, '}');
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}

/* NULL: answered. */
char *
http_admin_read_name (HttpSession *session, const char *rest)
{
  char *name = http_decode_path (rest, strlen (rest));

  if (name == NULL || *name == '\0')
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the path has no name, or one with a bad escape, a control character or a '.' or '..' level");
      g_free (name);
      return NULL;
    }
  return name;
}

/* The JSON object that is the body; nothing counts as an empty one. FALSE: answered. */
gboolean
http_admin_read_object (HttpSession *session, HttpRequest *request, HawserJsonSlice *out)
{
  static const HawserJsonSlice empty = { HAWSER_JSON_OBJECT, "{}", 2 };

  if (request->body_len == 0)
    {
      *out = empty;
      return TRUE;
    }
  if (hawser_json_parse ((const char *) request->body, request->body_len, out, NULL) && out->type == HAWSER_JSON_OBJECT)
    return TRUE;
  http_session_respond_error (session, HAWSER_ERROR_MALFORMED, "the body is not a JSON object");
  return FALSE;
}

void
http_admin_respond_json (HttpSession *session, guint status, GString *json)
{
  http_session_respond (session, status, "application/json", json->str, json->len);
}

typedef struct {
  HttpExchange base;
  HttpSession *session;          /* NULL: it went away */
  guint status;
  char *json;                    /* NULL: none */
} Change;

static void
forget_change (HttpExchange *exchange)
{
  ((Change *) exchange)->session = NULL; /* on_safe() frees it */
}

static void
on_safe (gpointer data, guint64 cookie, int result)
{
  Change *self = data;
  g_autofree char *json = g_steal_pointer (&self->json);
  HttpSession *session = self->session;
  guint status = self->status;

  if (session == NULL)
    {
      g_free (self);
      return;
    }
  if (result != HAWSER_RESULT_OK)
    http_session_respond_error (session, result, "the change could not be stored");
  else
    http_session_respond (session, status, json != NULL ? "application/json" : NULL, json, json != NULL ? strlen (json) : 0);
  g_free (self); /* the answer let go of it */
}

/* @json: (transfer full) (nullable) */
void
http_admin_respond_when_safe (HttpSession *session, guint status, char *json)
{
  Change *self = g_new0 (Change, 1);

  *self = (Change) { { forget_change }, session, status, json };
  http_session_set_exchange (session, &self->base);
  hawser_bus_commit (http_session_get_adapter (session)->bus, on_safe, self, 0);
}
