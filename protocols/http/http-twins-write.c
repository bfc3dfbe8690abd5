/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PATCH and DELETE of /v1/twins/{id}. A write may say under which condition it holds: If-Match, If-None-Match, or an
 * expression over the twin; where it does not, the answer is 412 with the revision that there is. Where the twin is stored,
 * the answer comes after the commit. Context: the lane. */

#include "http-twins.h"

#include <string.h>

#define CURL_TYPE "application/x-www-form-urlencoded" /* what curl -d says of everything; it is JSON, or refused */

/* A write whose commit is awaited. Lives until both the session and the commit are through with it. */
typedef struct {
  HttpExchange base;
  HttpSession *session;            /* NULL: the peer is gone */
  char *id;
  guint status;
  gboolean is_minimal;
  guint ref_count;
} Write;

static void
unref_write (Write *self)
{
  if (--self->ref_count > 0)
    return;
  g_free (self->id);
  g_free (self);
}

static void
free_write (HttpExchange *exchange)
{
  Write *self = (Write *) exchange;

  self->session = NULL;
  unref_write (self);
}

static void
respond_conflict (HttpSession *session, guint64 revision, const char *detail)
{
  g_autofree char *tag = g_strdup_printf ("\"%" G_GUINT64_FORMAT "\"", revision);
  g_autoptr (GString) body = g_string_new (NULL);

  http_append_problem (body, 412, HAWSER_ERROR_CONFLICT, detail, http_session_get_request (session)->path);
  g_string_truncate (body, body->len - 1);
  g_string_append_printf (body, ",\"revision\":%" G_GUINT64_FORMAT "}", revision);
  http_session_add_header (session, "ETag", tag);
  http_session_respond (session, 412, "application/problem+json", body->str, body->len);
}

/* FALSE: answered. */
static gboolean
check_condition (HttpSession *session, HttpRequest *request, const char *id, gboolean is_there)
{
  HawserTwins *twins = http_twins (session);
  const char *match = http_request_get_header (request, "If-Match");
  const char *none_match = http_request_get_header (request, "If-None-Match");
  const char *condition = http_request_get_query (request, "condition");
  g_autoptr (GString) text = g_string_new (NULL);
  guint64 revision = 0;
  GError *error = NULL;

  if (is_there)
    hawser_twins_write (twins, id, text, &revision, NULL);
  if (match != NULL && (!is_there || !http_twin_tags_have (match, revision)))
    {
      respond_conflict (session, revision, is_there ? "the twin has another revision" : "there is no such twin");
      return FALSE;
    }
  if (none_match != NULL && is_there && http_twin_tags_have (none_match, revision))
    {
      respond_conflict (session, revision, "the twin is there, with this revision");
      return FALSE;
    }
  if (condition == NULL)
    condition = http_request_get_header (request, "Condition");
  if (condition == NULL || (is_there && hawser_twins_matches (twins, id, condition, &error)))
    return TRUE;
  if (error != NULL)
    http_twins_respond_error (session, error);
  else
    respond_conflict (session, revision, "the condition does not hold");
  return FALSE;
}

static void
answer (Write *self)
{
  HttpSession *session = self->session;
  g_autofree char *id = g_strdup (self->id);
  guint status = self->status;

  if (self->is_minimal)
    http_session_respond (session, 204, NULL, NULL, 0);
  else
    http_twins_respond_twin (session, status, id);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer data)
{
  Write *self = data;
  GError *error = NULL;

  if (!hawser_twins_commit_finish (HAWSER_TWINS (source), result, &error))
    {
      if (self->session != NULL)
        http_twins_respond_error (self->session, g_steal_pointer (&error));
      g_clear_error (&error);
    }
  else if (self->session != NULL)
    answer (self);
  unref_write (self);
}

static void
respond_when_safe (HttpSession *session, const char *id, guint status, gboolean is_minimal)
{
  Write *self = g_new0 (Write, 1);

  self->base.free = free_write;
  self->session = session;
  self->id = g_strdup (id);
  self->status = status;
  self->is_minimal = is_minimal;
  self->ref_count = 2;
  http_session_set_exchange (session, &self->base);
  hawser_twins_commit_async (http_twins (session), id, NULL, on_committed, self);
}

static char *
dup_source (HttpSession *session)
{
  const char *principal = hawser_connection_get_principal_name (http_session_get_connection (session));

  return g_strdup (principal != NULL && *principal != '\0' ? principal : "http");
}

void
http_twins_patch (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *type = http_request_get_header (request, "Content-Type");
  const char *prefer = http_request_get_header (request, "Prefer");
  gsize type_len = type != NULL ? strcspn (type, "; \t") : 0;
  g_auto (HttpTwinPath) path = { 0 };
  g_autofree char *source = dup_source (session);
  GError *error = NULL;
  gboolean is_there;

  if (!http_twins_find (session, rest, TRUE, &path))
    return;
  if (path.part != HTTP_TWIN_ITSELF)
    {
      http_session_add_header (session, "Allow", "GET");
      http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "what is patched is the twin itself");
      return;
    }
  if (type != NULL && g_ascii_strncasecmp (type, "application/merge-patch+json", MAX (type_len, 28)) != 0
      && g_ascii_strncasecmp (type, "application/json", MAX (type_len, 16)) != 0
      && g_ascii_strncasecmp (type, CURL_TYPE, MAX (type_len, strlen (CURL_TYPE))) != 0)
    {
      http_session_add_header (session, "Accept-Patch", "application/merge-patch+json");
      http_session_respond_problem (session, 415, HAWSER_ERROR_INVALID, "a twin takes application/merge-patch+json");
      return;
    }
  is_there = hawser_twins_contains (http_twins (session), path.id);
  if (!check_condition (session, request, path.id, is_there))
    return;
  if (!hawser_twins_patch (http_twins (session), path.id, request->body_len > 0 ? (const char *) request->body : "", (gssize) request->body_len, HAWSER_TWIN_ANY_REVISION, source, NULL, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  respond_when_safe (session, path.id, is_there ? 200 : 201, prefer != NULL && strstr (prefer, "return=minimal") != NULL);
}

void
http_twins_delete (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_auto (HttpTwinPath) path = { 0 };
  GError *error = NULL;

  if (!http_twins_find (session, rest, TRUE, &path))
    return;
  if (path.part != HTTP_TWIN_ITSELF)
    {
      http_session_add_header (session, "Allow", "GET");
      http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "what is deleted is the twin itself");
      return;
    }
  if (!hawser_twins_contains (http_twins (session), path.id))
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such twin");
  else if (!check_condition (session, request, path.id, TRUE))
    return;
  else if (!hawser_twins_remove (http_twins (session), path.id, HAWSER_TWIN_ANY_REVISION, &error))
    http_twins_respond_error (session, error);
  else
    respond_when_safe (session, path.id, 204, TRUE);
}
