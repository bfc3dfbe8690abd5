/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/topics/{topic}: POST publishes, PUT publishes retained, DELETE takes the retained value away, GET reads it; with
 * `wait` a POST is a request that is answered with the reply. POST /v1/events takes CloudEvents whose subject is the
 * topic. An answer is given when what it promises has happened: at QoS 1 after the commit. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-cloud-event.h"
#include "http-idempotency.h"

#define MAX_BATCH 10000                          /* events of one request */
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
is_true (const char *text)
{
  return text != NULL && (*text == '\0' || g_str_equal (text, "1") || g_str_equal (text, "true") || g_str_equal (text, "yes"));
}

/* FALSE: answered. */
static gboolean
read_options (HttpSession *session, HttpRequest *request, HttpPublishOptions *out, gboolean *out_given)
{
  const char *qos = http_request_get_query (request, "qos");
  const char *retain = http_request_get_query (request, "retain");
  gint64 expiry_us = 0;

  *out = (HttpPublishOptions) { .qos = DEFAULT_QOS };
  *out_given = qos != NULL || retain != NULL;
  if (qos != NULL)
    {
      if (strlen (qos) != 1 || *qos < '0' || *qos > '2')
        {
          http_session_respond_error (session, HAWSER_ERROR_INVALID, "qos is not 0, 1 or 2");
          return FALSE;
        }
      out->qos = (guint8) (*qos - '0');
    }
  out->retain = is_true (retain);
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
read_events (HttpSession *session, HttpRequest *request, const char *topic, const HttpPublishOptions *options, gboolean options_win, gboolean is_batch)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func (unref_message);
  GString *text = http_json_check (request->body, request->body_len);
  HttpJsonCursor cursor = { 0 };
  HttpJson all, name, event;
  const char *detail = NULL;

  if (text == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_MALFORMED, "the body is not JSON");
      return NULL;
    }
  all = event = (HttpJson) { text->str, text->len };
  if (is_batch && all.text[0] != '[')
    detail = "a batch is a JSON array";
  while (detail == NULL && (!is_batch || http_json_next (all, &cursor, &name, &event)))
    {
      HawserMessage *message = http_message_from_json (event, topic, options, options_win, &detail);

      if (message != NULL)
        g_ptr_array_add (messages, message);
      if (messages->len > MAX_BATCH)
        detail = "the batch has too many events";
      if (!is_batch)
        break;
    }
  if (detail != NULL)
    {
      g_autofree char *numbered = is_batch ? g_strdup_printf ("event %u: %s", messages->len, detail) : g_strdup (detail);

      http_session_respond_error (session, HAWSER_ERROR_INVALID, numbered);
    }
  g_string_free (text, TRUE);
  return detail == NULL ? g_steal_pointer (&messages) : NULL;
}

/* ---- Request and reply ---- */

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;                          /* NULL: over */
  HawserReceiver *receiver;
  HawserMessage *reply;
  GBytes *correlation;
  char *reply_to;
  guint ref_count;
} Question;

static void
unref_question (Question *self)
{
  if (--self->ref_count > 0)
    return;
  if (self->reply != NULL)
    hawser_message_unref (self->reply);
  g_bytes_unref (self->correlation);
  g_free (self->reply_to);
  g_free (self);
}

static void
free_question (HttpExchange *exchange)
{
  Question *self = (Question *) exchange;
  HawserBus *bus = http_session_get_adapter (self->session)->bus;

  self->session = NULL;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  hawser_bus_remove_topic (bus, self->reply_to); /* nobody else has it */
  unref_question (self);
}

/* With what a page of a publisher must not do on our origin, whatever its content type. */
static void
add_ce_headers (HttpSession *session, HawserMessage *message)
{
  http_session_add_header (session, "Content-Security-Policy", "sandbox; default-src 'none'");
  http_append_ce_headers (http_session_get_extra (session), message);
}

static void
answer_reply (gpointer data)
{
  Question *self = data;
  HttpSession *session = self->session;

  if (session != NULL)
    {
      g_autofree char *content_type = hawser_message_dup_content_type (self->reply);

      add_ce_headers (session, self->reply);
      http_session_respond_payload (session, 200, content_type != NULL && http_is_header_value (content_type) ? content_type : "application/octet-stream", self->reply);
    }
  unref_question (self);
}

static HawserDeliverResult
deliver_reply (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Question *self = data;
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (delivery->message);

  if (self->session == NULL || self->reply != NULL || (correlation != NULL && !g_bytes_equal (correlation, self->correlation)))
    return HAWSER_DELIVER_DONE;
  self->reply = hawser_message_ref (delivery->message);
  self->ref_count++;
  hawser_lane_post (http_session_get_adapter (self->session)->lane, answer_reply, self); /* not while the bus is routing */
  return HAWSER_DELIVER_DONE;
}

static void
on_question_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((Question *) data)->receiver = NULL;
}

static const HawserReceiverFuncs question_funcs = { deliver_reply, NULL, on_question_ended };

static void
on_no_reply (HawserTimer *timer)
{
  Question *self = (Question *) ((char *) timer - G_STRUCT_OFFSET (Question, timer));

  if (self->reply == NULL)
    http_session_respond_error (self->session, HAWSER_ERROR_TIMEOUT, "no reply came in time");
}

static void
ask (HttpSession *session, HttpRequest *request, const char *topic, const HttpPublishOptions *options, gint64 wait_us)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *id = g_uuid_string_random ();
  char *reply_to = g_strconcat ("reply/http/", id, NULL);
  Question *self = g_new0 (Question, 1);
  HawserMessage *message;
  const char *detail;
  int result;

  self->base.free = free_question;
  self->ref_count = 1;
  self->session = session;
  self->correlation = g_bytes_new (id, strlen (id));
  self->reply_to = reply_to;
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (self->receiver, NULL, &question_funcs, self);
  result = hawser_receiver_subscribe (self->receiver, reply_to, strlen (reply_to), &(HawserSubscribeOptions) { .qos = 2, .retain_handling = 2 });
  if (result != HAWSER_RESULT_OK)
    {
      answer_refused (session, result, -1);
      return;
    }
  message = http_message_from_request (request, topic, options, reply_to, self->correlation, &detail);
  if (message == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
      return;
    }
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + wait_us, on_no_reply);
  result = hawser_connection_publish (http_session_get_connection (session), message, options->qos > 0 ? on_published : NULL, 0);
  if (result != HAWSER_RESULT_OK && result != HAWSER_RESULT_PENDING)
    answer_refused (session, result, -1);
}

/* ---- Handlers ---- */

static void
publish (HttpSession *session, HttpRequest *request, const char *rest, gboolean retain)
{
  g_autofree char *topic = read_topic (session, rest);
  HttpPublishOptions options;
  HawserMessage *message;
  const char *detail;
  gint64 wait_us = 0;
  guint64 mark = 0;
  gboolean given, is_batch;

  if (topic == NULL || !read_options (session, request, &options, &given))
    return;
  options.retain |= retain;
  if (!http_request_get_duration (request, "wait", 0, MAX_WAIT_US, &wait_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "wait is not a duration up to 10min");
      return;
    }
  if (wait_us == 0 && !begin_key (session, request, &mark))
    return;
  is_batch = content_type_is (request, "application/cloudevents-batch+json");
  if (is_batch || content_type_is (request, "application/cloudevents+json"))
    {
      g_autoptr (GPtrArray) messages = read_events (session, request, topic, &options, given || retain, is_batch);

      if (messages != NULL)
        publish_all (session, messages, 202, mark);
      else
        http_keys_end (http_session_get_adapter (session)->keys, mark, FALSE);
      return;
    }
  if (wait_us > 0)
    {
      ask (session, request, topic, &options, wait_us);
      return;
    }
  message = http_message_from_request (request, topic, &options, NULL, NULL, &detail);
  if (message != NULL)
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
  HttpPublishOptions options;
  guint64 mark = 0;
  gboolean given;

  if (!is_batch && !content_type_is (request, "application/cloudevents+json"))
    {
      http_session_respond_problem (session, 415, HAWSER_ERROR_INVALID, "application/cloudevents+json or application/cloudevents-batch+json is taken here");
      return;
    }
  if (!read_options (session, request, &options, &given) || !begin_key (session, request, &mark))
    return;
  messages = read_events (session, request, NULL, &options, given, is_batch);
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
  g_autofree char *content_type = hawser_message_dup_content_type (message);
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
  add_ce_headers (session, message);
  http_session_respond_payload (session, 200, content_type != NULL && http_is_header_value (content_type) ? content_type : "application/octet-stream", message);
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
