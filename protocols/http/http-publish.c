/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/topics/{topic}: POST publishes, PUT publishes retained, DELETE takes the retained value away, GET reads it; with
 * `wait` a POST is a request that is answered with the reply. POST /v1/events takes CloudEvents whose subject is the
 * topic. An answer is given when what it promises has happened: at QoS 1 after the commit. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-ask.h"
#include "http-cloud-event.h"
#include "http-idempotency.h"
#include "http-listen.h"

#define DEFAULT_QOS 1                            /* an answer is an acknowledgement: it means what QoS 1 means */
#define MAX_WAIT_US (10 * 60 * G_USEC_PER_SEC)

/* ---- Publishing ---- */

/* A publish, or a batch of them, whose commits are awaited. */
typedef struct {
  HttpExchange base;
  HttpSession *session;
  guint64 serial;                                /* stale callbacks have another */
  guint n_waiting;
  guint status;                                  /* of the answer when all went well */
  int result;
  guint64 mark;                                  /* of its Idempotency-Key, or 0 */
} Publication;

static guint64 next_serial = 1;

static void
free_publication (HttpExchange *exchange)
{
  Publication *self = (Publication *) exchange;

  http_keys_end (http_session_get_adapter (self->session)->keys, self->mark, self->result == HAWSER_RESULT_OK); /* the bus has it, though the peer may have left */
  g_free (exchange);
}

static void
answer_accepted (HttpSession *session, guint status)
{
  http_session_respond (session, status, NULL, NULL, 0);
}

static void
answer_refused (HttpSession *session, int result, int event)
{
  const char *detail = hawser_bus_get_last_refusal (http_session_get_adapter (session)->bus);
  g_autofree char *numbered = event >= 0 ? g_strdup_printf ("event %d: %s", event, detail) : NULL;

  http_session_respond_error (session, result, numbered != NULL ? numbered : detail);
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  HttpSession *session = hawser_connection_get_session (data);
  Publication *self = session != NULL ? (Publication *) http_session_get_exchange (session) : NULL;

  if (self == NULL || self->base.free != free_publication || self->serial != cookie)
    return;
  if (result != HAWSER_RESULT_OK)
    self->result = result;
  if (--self->n_waiting > 0)
    return;
  http_keys_end (http_session_get_adapter (self->session)->keys, self->mark, self->result == HAWSER_RESULT_OK);
  if (self->result != HAWSER_RESULT_OK)
    answer_refused (self->session, self->result, -1);
  else
    answer_accepted (self->session, self->status);
}

/* Publishes and answers. The messages are consumed. */
static void
publish_all (HttpSession *session, GPtrArray *messages, guint status, guint64 mark)
{
  HttpKeys *keys = http_session_get_adapter (session)->keys;
  HawserConnection *connection = http_session_get_connection (session);
  guint64 serial = next_serial++;
  Publication *publication;
  guint n_waiting = 0;

  for (guint i = 0; i < messages->len; i++)
    {
      HawserMessage *message = g_steal_pointer (&messages->pdata[i]);
      gboolean may_wait = hawser_message_get_qos (message) > 0;
      int result = hawser_connection_publish (connection, message, may_wait ? on_published : NULL, serial);

      if (result == HAWSER_RESULT_PENDING)
        n_waiting++;
      else if (result != HAWSER_RESULT_OK)
        {
          http_keys_end (keys, mark, FALSE);
          answer_refused (session, result, messages->len > 1 ? (int) i : -1);
          return;
        }
    }
  if (n_waiting == 0)
    {
      http_keys_end (keys, mark, TRUE);
      answer_accepted (session, status);
      return;
    }
  publication = g_new0 (Publication, 1);
  *publication = (Publication) { { free_publication }, session, serial, n_waiting, status, HAWSER_RESULT_OK, mark };
  http_session_set_exchange (session, &publication->base);
}

static void
unref_message (gpointer message)
{
  hawser_message_unref (message);
}

static void
publish_one (HttpSession *session, HawserMessage *message, guint status, guint64 mark)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func (unref_message);

  g_ptr_array_add (messages, message);
  publish_all (session, messages, status, mark);
}

/* FALSE: answered, because the request came before. */
static gboolean
begin_key (HttpSession *session, HttpRequest *request, guint64 *out_mark)
{
  switch (http_keys_begin (http_session_get_adapter (session)->keys, session, request, out_mark))
    {
    case HTTP_KEY_DONE: answer_accepted (session, 202); return FALSE;
    case HTTP_KEY_UNDER_WAY: http_session_respond_problem (session, 409, HAWSER_ERROR_EXISTS, "the same request is under way"); return FALSE;
    case HTTP_KEY_OTHER: http_session_respond_problem (session, 422, HAWSER_ERROR_EXISTS, "the Idempotency-Key was used for another request"); return FALSE;
    case HTTP_KEY_NEW:
    default: return TRUE;
    }
}

/* ---- What a request says ---- */

static gboolean
read_truth (const char *text, gboolean *out)
{
  static const char * const yes[] = { "", "1", "true", "yes", NULL }, * const no[] = { "0", "false", "no", NULL };

  *out = text != NULL && g_strv_contains (yes, text);
  return text == NULL || *out || g_strv_contains (no, text);
}

/* FALSE: answered. */
static gboolean
read_terms (HttpSession *session, HttpRequest *request, const char *topic, HawserCloudEventTerms *out)
{
  const char *qos = http_request_get_query (request, "qos");
  const char *retain = http_request_get_query (request, "retain");
  gint64 expiry_us = 0;

  *out = (HawserCloudEventTerms) { .topic = topic, .qos = DEFAULT_QOS, .overrides = qos != NULL || retain != NULL };
  if (qos != NULL)
    {
      if (strlen (qos) != 1 || *qos < '0' || *qos > '2')
        {
          http_session_respond_error (session, HAWSER_ERROR_INVALID, "qos is not 0, 1 or 2");
          return FALSE;
        }
      out->qos = (HawserQos) (*qos - '0');
    }
  if (!read_truth (retain, &out->retain))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "retain is not 1 or 0, true or false");
      return FALSE;
    }
  if (!http_request_get_duration (request, "expiry", 1, G_MAXUINT32 * G_USEC_PER_SEC, &expiry_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "expiry is not a duration such as 30s");
      return FALSE;
    }
  out->expiry_s = (guint32) MIN ((expiry_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, G_MAXUINT32 - 1);
  return TRUE;
}

/* NULL: answered. */
static char *
read_topic (HttpSession *session, const char *rest)
{
  char *topic = http_decode_path (rest, strlen (rest));

  if (topic == NULL || *topic == '\0')
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, topic == NULL ? "the path is not a topic: bad escape, control character, '.' or '..' level, or not UTF-8" : "the path has no topic");
      g_free (topic);
      return NULL;
    }
  return topic;
}

static gboolean
content_type_is (HttpRequest *request, const char *type)
{
  const char *text = http_request_get_header (request, "Content-Type");
  gsize len = text != NULL ? strcspn (text, "; \t") : 0;

  return len == strlen (type) && g_ascii_strncasecmp (text, type, len) == 0;
}

/* Events of a structured or batched body; NULL: answered. */
static GPtrArray *
read_events (HttpSession *session, HttpRequest *request, const HawserCloudEventTerms *terms, gboolean is_batch)
{
  g_autoptr (GError) error = NULL;
  HawserMessage *message = NULL;
  GPtrArray *messages = NULL;
  HawserJsonSlice body;

  if (hawser_json_parse ((const char *) request->body, request->body_len, &body, &error))
    {
      if (is_batch)
        messages = hawser_cloud_event_read_batch (&body, terms, &HAWSER_CLOUD_EVENT_LIMITS, &error);
      else if ((message = hawser_cloud_event_read (&body, terms, &HAWSER_CLOUD_EVENT_LIMITS, &error)) != NULL)
        {
          messages = g_ptr_array_new_with_free_func (unref_message);
          g_ptr_array_add (messages, message);
        }
    }
  if (messages == NULL)
    http_session_respond_error (session, error->code, error->message);
  return messages;
}

/* ---- Request and reply ---- */

static void
answer_reply (HttpSession *session, HawserMessage *reply, gpointer data)
{
  if (reply != NULL)
    http_ask_respond (session, reply);
  else
    http_session_respond_error (session, HAWSER_ERROR_TIMEOUT, "no reply came in time");
}

/* @event asks, and is answered where we listen, whatever it says itself. */
static HawserMessage *
make_question (HawserMessage *event, HttpAsk *question)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (event);

  hawser_message_builder_set_reply_to (builder, http_ask_get_reply_to (question));
  hawser_message_builder_set_correlation (builder, http_ask_get_correlation (question));
  return hawser_message_builder_build (builder);
}

/* @event: of a structured body; NULL: the body itself is the payload. */
static void
ask (HttpSession *session, HttpRequest *request, const HawserCloudEventTerms *terms, gint64 wait_us, HawserMessage *event)
{
  g_autoptr (GBytes) correlation = event != NULL ? hawser_message_dup_correlation (event) : http_ask_read_correlation (request);
  HttpAsk *question = http_ask_new (session, correlation, wait_us, answer_reply, NULL, NULL);
  HawserMessage *message;
  const char *detail = NULL;
  int result;

  if (question == NULL)
    return;
  message = event != NULL ? make_question (event, question)
                          : http_message_from_request (request, terms, http_ask_get_reply_to (question), http_ask_get_correlation (question), &detail);
  if (message == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
      return;
    }
  result = hawser_connection_publish (http_session_get_connection (session), message, terms->qos > 0 ? on_published : NULL, 0);
  if (result != HAWSER_RESULT_OK && result != HAWSER_RESULT_PENDING)
    answer_refused (session, result, -1);
}

/* ---- Devices that listen for a while ---- */

/* ttd of the query, or the header of Hono's devices: seconds. FALSE: answered. */
static gboolean
read_ttd (HttpSession *session, HttpRequest *request, gint64 *us)
{
  const char *hono = http_request_get_header (request, "hono-ttd");
  guint64 seconds = 0;

  if (!http_request_get_duration (request, "ttd", 0, MAX_WAIT_US, us)
      || (hono != NULL && !g_ascii_string_to_unsigned (hono, 10, 0, MAX_WAIT_US / G_USEC_PER_SEC, &seconds, NULL)))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "ttd is a duration up to 10min");
      return FALSE;
    }
  if (hono != NULL)
    *us = (gint64) seconds * G_USEC_PER_SEC;
  return TRUE;
}

/* Commands are those of the twin that the topic feeds, as they come to who reports for it, or those that `command` filters. */
static void
listen (HttpSession *session, HttpRequest *request, const char *topic, HawserMessage *message, gint64 ttd_us)
{
  g_autoptr (GPtrArray) filters = http_request_list_query (request, "command");
  HawserTwins *twins = hawser_twins_get (http_session_get_adapter (session)->bus);
  g_autofree char *id = filters->len == 0 ? hawser_twins_dup_id_of_topic (twins, topic) : NULL;
  const char *principal = hawser_connection_get_principal_name (http_session_get_connection (session));
  g_autofree char *inbox = id != NULL ? hawser_twins_dup_inbox_filter (twins, id, principal) : NULL;

  if (inbox != NULL)
    g_ptr_array_add (filters, inbox);
  if (filters->len == 0)
    {
      hawser_message_unref (message);
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the topic feeds no twin: command=FILTER says where commands are published");
      return;
    }
  g_ptr_array_add (filters, NULL);
  http_listen_publish (session, message, (const char * const *) filters->pdata, ttd_us);
}

/* ---- Handlers ---- */

static void
publish (HttpSession *session, HttpRequest *request, const char *rest, gboolean retain)
{
  g_autofree char *topic = read_topic (session, rest);
  HawserCloudEventTerms terms;
  HawserMessage *message;
  const char *detail;
  gint64 wait_us = 0, ttd_us = 0;
  guint64 mark = 0;
  gboolean is_batch;

  if (topic == NULL || !read_terms (session, request, topic, &terms))
    return;
  terms.retain |= retain;
  terms.overrides |= retain;
  if (!http_request_get_duration (request, "wait", 0, MAX_WAIT_US, &wait_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "wait is not a duration up to 10min");
      return;
    }
  if (!read_ttd (session, request, &ttd_us) || (wait_us == 0 && ttd_us == 0 && !begin_key (session, request, &mark)))
    return;
  is_batch = content_type_is (request, "application/cloudevents-batch+json");
  if (is_batch || content_type_is (request, "application/cloudevents+json"))
    {
      g_autoptr (GPtrArray) messages = read_events (session, request, &terms, is_batch);

      if (messages != NULL && wait_us > 0 && is_batch)
        http_session_respond_error (session, HAWSER_ERROR_INVALID, "a batch cannot wait for a reply");
      else if (messages != NULL && wait_us > 0)
        ask (session, request, &terms, wait_us, messages->pdata[0]);
      else if (messages != NULL)
        publish_all (session, messages, 202, mark);
      else
        http_keys_end (http_session_get_adapter (session)->keys, mark, FALSE);
      return;
    }
  if (wait_us > 0)
    {
      ask (session, request, &terms, wait_us, NULL);
      return;
    }
  message = http_message_from_request (request, &terms, NULL, NULL, &detail);
  if (message != NULL && ttd_us > 0)
    listen (session, request, topic, message, ttd_us);
  else if (message != NULL)
    publish_one (session, message, 202, mark);
  else
    {
      http_keys_end (http_session_get_adapter (session)->keys, mark, FALSE);
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
    }
}

void
http_publish_post (HttpSession *session, HttpRequest *request, const char *rest)
{
  publish (session, request, rest, FALSE);
}

void
http_publish_put (HttpSession *session, HttpRequest *request, const char *rest)
{
  publish (session, request, rest, TRUE);
}

void
http_publish_delete (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *topic = read_topic (session, rest);
  HawserMessageInit init = { .qos = DEFAULT_QOS, .retain = TRUE };

  if (topic == NULL)
    return;
  init.topic = topic;
  init.topic_len = strlen (topic);
  if (init.topic_len > HAWSER_TOPIC_MAX_LEN)
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "the topic is too long");
  else
    publish_one (session, hawser_message_new_raw (&init), 204, 0);
}

void
http_publish_batch (HttpSession *session, HttpRequest *request, const char *rest)
{
  gboolean is_batch = content_type_is (request, "application/cloudevents-batch+json");
  g_autoptr (GPtrArray) messages = NULL;
  HawserCloudEventTerms terms;
  guint64 mark = 0;

  if (!is_batch && !content_type_is (request, "application/cloudevents+json"))
    {
      http_session_respond_problem (session, 415, HAWSER_ERROR_INVALID, "application/cloudevents+json or application/cloudevents-batch+json is taken here");
      return;
    }
  if (!read_terms (session, request, NULL, &terms) || !begin_key (session, request, &mark))
    return;
  messages = read_events (session, request, &terms, is_batch);
  if (messages != NULL)
    publish_all (session, messages, 202, mark);
  else
    http_keys_end (http_session_get_adapter (session)->keys, mark, FALSE);
}

static gboolean
take_first (HawserMessage *message, gpointer data)
{
  *(HawserMessage **) data = hawser_message_ref (message);
  return FALSE;
}

static void
respond_retained (HttpSession *session, HttpRequest *request, HawserMessage *message)
{
  const char *known = http_request_get_header (request, "If-None-Match");
  const char *accept = http_request_get_header (request, "Accept");
  g_autofree char *tag = g_strdup_printf ("\"%x-%" G_GINT64_MODIFIER "x\"", http_session_get_adapter (session)->epoch, hawser_message_get_sequence (message));

  http_session_add_header (session, "ETag", tag);
  http_session_add_header (session, "Cache-Control", "no-cache");
  if (known != NULL && (strstr (known, tag) != NULL || g_str_equal (known, "*")))
    {
      http_session_respond (session, 304, NULL, NULL, 0);
      return;
    }
  if (accept != NULL && strstr (accept, "application/cloudevents+json") != NULL)
    {
      g_autoptr (GString) json = g_string_new (NULL);

      hawser_cloud_event_append_as (json, message, TRUE);
      http_session_respond (session, 200, "application/cloudevents+json", json->str, json->len);
      return;
    }
  http_ask_respond_part (session, request, tag, message);
}

void
http_publish_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *topic = read_topic (session, rest);
  HawserBus *bus = http_session_get_adapter (session)->bus;
  HawserMessage *message = NULL;
  HawserPolicyContext context;
  int result;

  if (topic == NULL)
    return;
  if (strpbrk (topic, "+#") != NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "a topic name has no wildcards");
      return;
    }
  hawser_connection_fill_context (http_session_get_connection (session), &context);
  result = hawser_bus_check_subscribe (bus, &context, topic);
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (bus));
      return;
    }
  hawser_bus_foreach_retained (bus, &context, topic, take_first, &message);
  if (message == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "the topic has no retained value");
      return;
    }
  respond_retained (session, request, message);
  hawser_message_unref (message);
}
