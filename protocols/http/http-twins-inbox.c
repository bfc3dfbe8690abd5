/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to twins and their answers: POST of /v1/twins/{id}/inbox/{subject} waits for the reply of the device, by whatever
 * protocol it listens; channel=live asks the device what it reads now and falls back on what is stored, with its age.
 * Context: the lane. */

#include "http-twins.h"

#include <string.h>

#include "http-ask.h"
#include "http-cloud-event.h"

#define DEFAULT_WAIT_US (10 * G_USEC_PER_SEC)
#define DEFAULT_LIVE_US G_USEC_PER_SEC
#define MAX_WAIT_US (10 * 60 * G_USEC_PER_SEC)
#define DEFAULT_QOS 1
#define INBOX_TOPIC "twin/inbox"    /* a message needs one before it is known where it goes */

/* wait or timeout of the query. FALSE: answered. */
static gboolean
read_wait (HttpSession *session, HttpRequest *request, gint64 *us)
{
  if (http_request_get_duration (request, "wait", 0, MAX_WAIT_US, us) && http_request_get_duration (request, "timeout", 0, MAX_WAIT_US, us))
    return TRUE;
  http_session_respond_error (session, HAWSER_ERROR_INVALID, "wait is a duration up to 10min");
  return FALSE;
}

/* ---- Messages ---- */

static void
answer_message (HttpSession *session, HawserMessage *reply, gpointer data)
{
  if (reply != NULL)
    http_ask_respond (session, reply);
  else
    http_session_respond_error (session, HAWSER_ERROR_TIMEOUT, "the device did not answer in time");
}

static void
respond_sent (HttpSession *session, guint n_sent)
{
  g_autofree char *body = g_strdup_printf ("{\"sent\":%u}", n_sent);

  http_session_respond (session, 202, "application/json", body, strlen (body));
}

/* The message of the request; (transfer full). NULL: answered. */
static HawserMessage *
make_message (HttpSession *session, HttpRequest *request, HttpAsk *ask)
{
  HawserCloudEventTerms terms = { .topic = INBOX_TOPIC, .qos = DEFAULT_QOS };
  gint64 expiry_us = 0;
  HawserMessage *message;
  const char *detail;

  if (!http_request_get_duration (request, "expiry", 1, G_MAXUINT32 * G_USEC_PER_SEC, &expiry_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "expiry is not a duration such as 30s");
      return NULL;
    }
  terms.expiry_s = (guint32) MIN ((expiry_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, G_MAXUINT32 - 1);
  message = http_message_from_request (request, &terms, ask != NULL ? http_ask_get_reply_to (ask) : NULL,
                                       ask != NULL ? http_ask_get_correlation (ask) : NULL, &detail);
  if (message == NULL)
    http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
  return message;
}

void
http_twins_post (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GBytes) correlation = http_ask_read_correlation (request);
  g_autoptr (HawserMessage) message = NULL;
  g_auto (HttpTwinPath) path = { 0 };
  gint64 wait_us = DEFAULT_WAIT_US;
  gboolean is_node;
  HttpAsk *ask = NULL;
  GError *error = NULL;
  guint n_sent = 0;

  if (!http_twins_find (session, rest, TRUE, &path))
    return;
  if (path.part != HTTP_TWIN_INBOX)
    {
      http_session_add_header (session, "Allow", path.part == HTTP_TWIN_ITSELF ? "GET, PATCH, DELETE" : "GET");
      http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "a twin takes messages under /inbox/{subject}");
      return;
    }
  if (!read_wait (session, request, &wait_us))
    return;
  if (!hawser_twins_contains (http_twins (session), path.id))
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such twin");
      return;
    }
  /* who tells many does not wait for the first of them to answer */
  is_node = hawser_twins_get_n_children (http_twins (session), hawser_twins_lookup (http_twins (session), path.id, FALSE, NULL)) > 0;
  if (wait_us > 0 && !is_node)
    {
      ask = http_ask_new (session, correlation, wait_us, answer_message, NULL, NULL);
      if (ask == NULL)
        return;
    }
  message = make_message (session, request, ask);
  if (message == NULL)
    return;
  if (!hawser_twins_send (http_twins (session), path.id, path.subject, message, &n_sent, &error))
    http_twins_respond_error (session, error);
  else if (ask == NULL)
    respond_sent (session, n_sent);
}

/* ---- What the device reads now ---- */

HawserMessage *
http_twins_make_question (const char *reply_to, GBytes *correlation, gint64 wait_us)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (INBOX_TOPIC);

  hawser_message_builder_set_qos (builder, DEFAULT_QOS);
  hawser_message_builder_set_expiry_s (builder, (guint) MAX (wait_us / G_USEC_PER_SEC, 1)); /* who comes later is not asked any more */
  hawser_message_builder_set_reply_to (builder, reply_to);
  hawser_message_builder_set_correlation (builder, correlation);
  return hawser_message_builder_build (builder);
}

/* The newest time of a reported property, 0: none. */
static gint64
find_newest (const HawserJsonSlice *twin)
{
  HawserJsonSlice key, reported, property, member, value;
  HawserJsonIter members, properties, parts;
  gint64 newest_us = 0, us;

  hawser_json_iter_init (&members, twin);
  while (hawser_json_iter_next (&members, &key, &reported))
    {
      if (!hawser_json_slice_is_string (&key, "reported", 8))
        continue;
      hawser_json_iter_init (&properties, &reported);
      while (hawser_json_iter_next (&properties, NULL, &property))
        {
          hawser_json_iter_init (&parts, &property);
          while (hawser_json_iter_next (&parts, &member, &value))
            {
              g_autofree char *text = hawser_json_slice_is_string (&member, "time", 4) ? hawser_json_slice_dup_string (&value) : NULL;

              if (text != NULL && http_twin_read_time (text, 0, &us))
                newest_us = MAX (newest_us, us);
            }
        }
    }
  return newest_us;
}

/* The twin, and whether that is what the device said just now; else how old it is. */
static void
respond_live (HttpSession *session, const char *id, gboolean is_live)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  gint64 now_us = hawser_clock_get_wall_us (hawser_bus_get_clock (adapter->bus));
  g_autoptr (GString) out = g_string_new (NULL);
  HawserJsonSlice twin;
  g_autoptr (HttpFields) fields = NULL;
  GError *error = NULL;
  gint64 newest_us;

  if (!http_twins_read_fields (session, http_session_get_request (session), "id,channel,live,age", &fields))
    return;
  if (!hawser_twins_write (http_twins (session), id, out, NULL, &error))
    {
      http_twins_respond_error (session, error);
      return;
    }
  newest_us = hawser_json_parse (out->str, out->len, &twin, NULL) ? find_newest (&twin) : 0;
  g_string_truncate (out, out->len - 1);
  g_string_append_printf (out, ",\"channel\":\"%s\",\"live\":%s,\"age\":", is_live ? "live" : "twin", is_live ? "true" : "false");
  if (newest_us != 0)
    {
      char seconds[G_ASCII_DTOSTR_BUF_SIZE];

      g_string_append (out, g_ascii_formatd (seconds, sizeof seconds, "%.3f", (double) MAX (now_us - newest_us, 0) / G_USEC_PER_SEC));
    }
  else
    g_string_append (out, "null");
  g_string_append_c (out, '}');
  http_session_add_header (session, "Cache-Control", "no-store");
  if (fields != NULL)
    {
      g_autoptr (GString) some = g_string_sized_new (256);

      http_fields_project (fields, out->str, out->len, some);
      http_session_respond (session, 200, "application/json", some->str, some->len);
    }
  else
    http_session_respond (session, 200, "application/json", out->str, out->len);
}

/* What the device answered becomes what is reported: an object of values. */
static void
answer_live (HttpSession *session, HawserMessage *reply, gpointer data)
{
  const char *id = data;
  g_autofree char *kept = g_strdup (id); /* the answer frees it */
  gsize len = 0;
  const char *payload = reply != NULL ? (const char *) hawser_message_get_data (reply, &len) : NULL;
  HawserJsonSlice value;
  gboolean is_live = FALSE;

  if (reply != NULL && hawser_json_parse (payload, len, &value, NULL) && value.type == HAWSER_JSON_OBJECT)
    {
      g_autoptr (GString) patch = g_string_new ("{\"reported\":");

      g_string_append_len (patch, value.text, (gssize) value.len);
      g_string_append_c (patch, '}');
      is_live = hawser_twins_patch (http_twins (session), kept, patch->str, (gssize) patch->len, HAWSER_TWIN_ANY_REVISION, "live", NULL, NULL);
    }
  respond_live (session, kept, is_live);
}

void
http_twins_read_live (HttpSession *session, HttpRequest *request, const char *id)
{
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (HttpFields) fields = NULL;
  gint64 wait_us = DEFAULT_LIVE_US;
  HttpAsk *ask;

  if (!read_wait (session, request, &wait_us) || !http_twins_read_fields (session, request, "id", &fields))
    return; /* fields that make no sense are said before anybody is asked */
  if (!hawser_twins_contains (http_twins (session), id))
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such twin");
      return;
    }
  ask = http_ask_new (session, NULL, MAX (wait_us, 1), answer_live, g_strdup (id), g_free);
  if (ask == NULL)
    return;
  message = http_twins_make_question (http_ask_get_reply_to (ask), http_ask_get_correlation (ask), wait_us);
  /* nobody there to ask: what is stored is the answer, at once */
  if (!hawser_twins_send (http_twins (session), id, HTTP_TWIN_LIVE_SUBJECT, message, NULL, NULL))
    respond_live (session, id, FALSE);
}
