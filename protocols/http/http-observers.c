/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/observers: somebody looks at topics for as long as he says so again and again. POST makes an observer, PUT renews its
 * lease, DELETE ends it; what it sees is on its topic for every protocol, and as an event stream on /v1/observers/ID/events. A
 * principal sees and changes its own. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-admin.h"

#define DEFAULT_LEASE_US (60 * (gint64) G_USEC_PER_SEC)
#define MAX_LEASE_US (24 * 3600 * (gint64) G_USEC_PER_SEC)

typedef struct {
  char *kind, *filter, *lease;
} Wanted;

static void
clear_wanted (Wanted *wanted)
{
  g_free (wanted->kind);
  g_free (wanted->filter);
  g_free (wanted->lease);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, clear_wanted)

/* FALSE: answered. Members of the body win over the query. */
static gboolean
read_wanted (HttpSession *session, HttpRequest *request, Wanted *out)
{
  HawserJsonSlice json, name, value;
  HawserJsonIter iter;

  if (!http_admin_read_object (session, request, &json))
    return FALSE;
  hawser_json_iter_init (&iter, &json);
  while (hawser_json_iter_next (&iter, &name, &value))
    {
      char **at = hawser_json_slice_is_string (&name, "kind", 4) ? &out->kind : hawser_json_slice_is_string (&name, "filter", 6) ? &out->filter
                  : hawser_json_slice_is_string (&name, "lease", 5) ? &out->lease : NULL;
      g_autofree char *text = hawser_json_slice_dup_scalar (&value);

      if (at == NULL || text == NULL || *at != NULL)
        {
          http_session_respond_error (session, HAWSER_ERROR_INVALID, "an observer has kind, filter and lease, each once: strings, or seconds");
          return FALSE;
        }
      *at = g_steal_pointer (&text);
    }
  if (out->kind == NULL)
    out->kind = g_strdup (http_request_get_query (request, "kind"));
  if (out->filter == NULL)
    out->filter = g_strdup (http_request_get_query (request, "filter"));
  if (out->lease == NULL)
    out->lease = g_strdup (http_request_get_query (request, "lease"));
  return TRUE;
}

/* A number is seconds. FALSE: answered. */
static gboolean
read_lease (HttpSession *session, const char *text, guint default_ms, guint *out_ms)
{
  char *end = NULL;
  double seconds = text != NULL ? g_ascii_strtod (text, &end) : 0;
  gint64 us;

  *out_ms = default_ms;
  if (text == NULL)
    return TRUE;
  us = end != text && *end == '\0' && seconds >= 0 && seconds <= (double) MAX_LEASE_US / G_USEC_PER_SEC ? (gint64) (seconds * G_USEC_PER_SEC) : -1;
  if (us < 0 && !hawser_duration_parse (text, &us, NULL))
    us = -1;
  if (us < G_USEC_PER_SEC || us > MAX_LEASE_US)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "lease is a duration of 1s to 24h, such as 30s; a number is seconds");
      return FALSE;
    }
  *out_ms = (guint) (us / 1000);
  return TRUE;
}

static void
respond_error (HttpSession *session, GError *error)
{
  http_session_respond_error (session, error->code, error->message);
  g_error_free (error);
}

static void
respond_observer (HttpSession *session, guint status, HawserObserver *observer)
{
  g_autofree char *json = hawser_observer_to_json (observer);

  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, status, "application/json", json, strlen (json));
}

void
http_observers_post (HttpSession *session, HttpRequest *request, const char *rest)
{
  GEnumClass *kinds = g_type_class_ref (HAWSER_TYPE_OBSERVER_KIND);
  g_auto (Wanted) wanted = { 0 };
  g_autoptr (HawserObserver) observer = NULL;
  g_autofree char *location = NULL;
  GEnumValue *kind = NULL;
  GError *error = NULL;
  guint lease_ms;

  if (read_wanted (session, request, &wanted) && read_lease (session, wanted.lease, DEFAULT_LEASE_US / 1000, &lease_ms))
    {
      kind = g_enum_get_value_by_nick (kinds, wanted.kind != NULL ? wanted.kind : "message");
      if (kind == NULL)
        http_session_respond_error (session, HAWSER_ERROR_INVALID, "kind is message, metric or error");
      else if (wanted.filter == NULL)
        http_session_respond_error (session, HAWSER_ERROR_INVALID, "filter is missing: the topics to look at");
      else if ((observer = hawser_connection_observe (http_session_get_connection (session), (HawserObserverKind) kind->value, wanted.filter, lease_ms, &error)) == NULL)
        respond_error (session, error);
    }
  g_type_class_unref (kinds);
  if (observer == NULL)
    return;
  location = g_strconcat ("/v1/observers/", hawser_observer_get_id (observer), NULL);
  http_session_add_header (session, "Location", location);
  respond_observer (session, 201, observer);
}

void
http_admin_list_observer (gpointer observer, gpointer data)
{
  HttpPage *page = data;
  const char *id = hawser_observer_get_id (observer);

  if (http_page_wants (page, id, hawser_observer_get_filter (observer)))
    http_page_add (page, id, hawser_observer_to_json (observer));
}

void
http_observers_list (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (http_page_item_free);
  HttpPage page = { items, http_request_get_query (request, "cursor"), http_request_get_query (request, "prefix"), 1000 };

  hawser_bus_foreach_observer (http_session_get_adapter (session)->bus, http_session_get_connection (session), http_admin_list_observer, &page);
  http_page_respond (session, &page);
}

/* NULL: answered. @out_is_stream: the path goes on with /events. */
static HawserObserver *
find (HttpSession *session, const char *rest, gboolean *out_is_stream)
{
  gsize len = strlen (rest);
  gboolean is_stream = g_str_has_suffix (rest, "/events");
  g_autofree char *id = g_strndup (rest, is_stream ? len - strlen ("/events") : len);
  HawserObserver *observer = hawser_connection_find_observer (http_session_get_connection (session), id);

  *out_is_stream = is_stream;
  if (observer == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such observer of yours, or its lease is over");
  return observer;
}

/* NULL: answered. */
static HawserObserver *
find_itself (HttpSession *session, const char *rest)
{
  gboolean is_stream;
  HawserObserver *observer = find (session, rest, &is_stream);

  if (observer == NULL || !is_stream)
    return observer;
  http_session_add_header (session, "Allow", "GET");
  http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "the events of an observer are read");
  return NULL;
}

void
http_observers_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  gboolean is_stream;
  HawserObserver *observer = find (session, rest, &is_stream);

  if (observer == NULL)
    return;
  if (is_stream)
    http_events_observe (session, request, observer);
  else
    respond_observer (session, 200, observer);
}

void
http_observers_put (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserObserver *observer = find_itself (session, rest);
  g_auto (Wanted) wanted = { 0 };
  GError *error = NULL;
  guint lease_ms;

  if (observer == NULL || !read_wanted (session, request, &wanted) || !read_lease (session, wanted.lease, 0, &lease_ms))
    return;
  if (wanted.kind != NULL || wanted.filter != NULL)
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "only the lease can be renewed: make another observer");
  else if (!hawser_observer_renew (observer, lease_ms, &error))
    respond_error (session, error);
  else
    respond_observer (session, 200, observer);
}

void
http_observers_delete (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserObserver *observer = find_itself (session, rest);

  if (observer == NULL)
    return;
  hawser_observer_end (observer);
  http_session_respond (session, 204, NULL, NULL, 0);
}
