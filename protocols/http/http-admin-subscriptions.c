/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin/subscriptions: subscriptions as JSON, and durable ones made, changed and removed. On the lane. */

#include "http-admin.h"

#include <string.h>

/* What somebody may set, for durable ones. */
static void
append_terms (GString *out, const HawserSubscriptionInfo *info)
{
  static const char * const words[] = { "drop-oldest", "drop-newest", "reject", "block" };
  const HawserQueueLimits *limits = hawser_receiver_get_limits (info->handle);
  HawserSubscriptionTerms terms;
  g_autofree char *expires = NULL;
  char rate[G_ASCII_DTOSTR_BUF_SIZE];

  hawser_receiver_get_terms (info->handle, &terms);
  expires = hawser_date_format (terms.expires_us);
  http_json_string (out, "description", terms.description);
  http_json_string (out, "expires", expires);
  http_json_string (out, "attribute_filter", terms.attributes);
  http_json_boolean (out, "not_me", info->no_local);
  http_json_duration (out, "ttl", limits->max_age_us);
  http_json_duration (out, "max_age", limits->max_age_us);
  g_string_append_printf (out, ",\"spool_rate\":%s", terms.spool_rate > 0 ? g_ascii_dtostr (rate, sizeof rate, terms.spool_rate) : "null");
  if (limits->max_messages != G_MAXUINT32)
    http_json_number (out, "max_queued", limits->max_messages);
  else
    g_string_append (out, ",\"max_queued\":null");
  http_json_number (out, "max_queued_bytes", limits->max_bytes);
  http_json_string (out, "on_overflow", words[MIN (limits->overflow, G_N_ELEMENTS (words) - 1)]);
}

static char *
describe_subscription (const HawserSubscriptionInfo *info)
{
  GString *out = g_string_new ("{");

  http_json_string (out, "id", info->id);
  http_json_string (out, "filter", info->filter);
  http_json_boolean (out, "durable", info->is_durable);
  http_json_string (out, "identity", info->identity);
  http_json_string (out, "receiver", info->receiver);
  http_json_string (out, "group", info->group);
  http_json_boolean (out, "passive", info->is_passive);
  http_json_number (out, "qos", info->qos);
  if (info->connection_id != 0)
    http_json_number (out, "connection", info->connection_id);
  else
    http_json_string (out, "connection", NULL);
  http_json_number (out, "n_queued", info->n_queued);
  http_json_number (out, "queued_bytes", info->queued_bytes);
  http_json_number (out, "n_delivered", info->n_delivered);
  http_json_number (out, "n_dropped", info->n_dropped);
  if (info->is_durable)
    append_terms (out, info);
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

gboolean
http_admin_list_subscription (const HawserSubscriptionInfo *info, gpointer data)
{
  if (http_page_wants (data, info->id, info->filter))
    http_page_add (data, info->id, describe_subscription (info));
  return TRUE;
}

typedef struct {
  const char *id;
  char *json;
  HawserReceiver *receiver;
  gboolean is_durable;
  gboolean is_same;              /* as @filter */
  const char *filter;
} FindSubscription;

static gboolean
find_subscription (const HawserSubscriptionInfo *info, gpointer data)
{
  FindSubscription *find = data;

  if (!g_str_equal (info->id, find->id))
    return TRUE;
  g_free (find->json);
  find->json = describe_subscription (info);
  find->receiver = info->handle;
  find->is_durable = info->is_durable;
  find->is_same = find->filter != NULL && g_str_equal (find->filter, info->filter);
  return TRUE;
}

/* NULL: answered. */
static char *
read_subscription (HttpSession *session, const char *id)
{
  FindSubscription find = { .id = id };

  hawser_bus_foreach_subscription (http_session_get_adapter (session)->bus, find_subscription, &find);
  if (find.json == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such subscription");
  return find.json;
}

void
http_admin_get_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = http_admin_read_name (session, rest);

  g_autofree char *json = id != NULL ? read_subscription (session, id) : NULL;

  if (json != NULL)
    http_session_respond (session, 200, "application/json", json, strlen (json));
}

typedef struct {
  char *filter;
  char *identity;
  char *description;
  char *attributes;
  HawserQueueLimits limits;
  gint64 ttl_us, expires_us;
  double spool_rate;
  gboolean not_me;
  guint qos;
} Wanted;

static void
clear_wanted (Wanted *wanted)
{
  g_free (wanted->filter);
  g_free (wanted->identity);
  g_free (wanted->description);
  g_free (wanted->attributes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, clear_wanted)

/* A number is seconds. */
static gboolean
read_duration (const HawserJsonSlice *json, const char *text, gint64 *out_us)
{
  g_autofree char *seconds = json->type == HAWSER_JSON_STRING ? g_strdup (text) : g_strconcat (text, "s", NULL);

  return hawser_duration_parse (seconds, out_us, NULL);
}

/* What GET tells and nobody can set: a client may send back what it got. */
static gboolean
is_fact (const char *key)
{
  static const char * const facts[] = { "id", "receiver", "group", "passive", "connection", "n-queued", "queued-bytes", "n-delivered", "n-dropped", NULL };

  return g_strv_contains (facts, key);
}

/* NULL: fine. */
static const char *
read_wanted (const HawserJsonSlice *json, Wanted *out)
{
  HawserJsonIter iter;
  HawserJsonSlice name, value;
  guint64 number;

  hawser_json_iter_init (&iter, json);
  while (hawser_json_iter_next (&iter, &name, &value))
    {
      g_autofree char *text = hawser_json_slice_dup_scalar (&value);
      g_autofree char *key = hawser_json_slice_dup_string (&name);
      gboolean is_string = value.type == HAWSER_JSON_STRING;

      if (key != NULL)
        g_strdelimit (key, "_", '-');
      if (value.type == HAWSER_JSON_NULL)
        continue; /* null is the default */
      if (text == NULL || key == NULL)
        return "a value is not a string, number or boolean";
      if (g_str_equal (key, "filter") && out->filter == NULL)
        out->filter = g_steal_pointer (&text);
      else if (g_str_equal (key, "identity") && out->identity == NULL)
        out->identity = g_steal_pointer (&text);
      else if (g_str_equal (key, "durable"))
        {
          if (!g_str_equal (text, "true"))
            return "a subscription made here is durable: ephemeral ones live as long as their channel";
        }
      else if (g_str_equal (key, "qos") && g_ascii_string_to_unsigned (text, 10, 0, 2, &number, NULL))
        out->qos = (guint) number;
      else if ((g_str_equal (key, "max-queued") || g_str_equal (key, "max-messages")) && g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT32, &number, NULL))
        out->limits.max_messages = (guint32) number;
      else if ((g_str_equal (key, "max-queued-bytes") || g_str_equal (key, "max-bytes")) && hawser_size_parse (text, &number, NULL))
        out->limits.max_bytes = number;
      else if (g_str_equal (key, "max-age") && read_duration (&value, text, &out->limits.max_age_us))
        continue;
      else if (g_str_equal (key, "ttl") && read_duration (&value, text, &out->ttl_us))
        continue;
      else if (g_str_equal (key, "expires"))
        {
          if (!is_string || !hawser_date_parse (text, &out->expires_us, NULL))
            return "expires is a date such as 2027-01-31T12:00:00Z";
        }
      else if (g_str_equal (key, "spool-rate"))
        {
          char *end;

          out->spool_rate = g_ascii_strtod (text, &end);
          if (*text == '\0' || *end != '\0' || !(out->spool_rate >= 0.001 && out->spool_rate <= 1e9))
            return "spool-rate is a number of messages a second, from 0.001 to 1e9";
        }
      else if (g_str_equal (key, "not-me"))
        {
          if (value.type != HAWSER_JSON_BOOLEAN)
            return "not-me is true or false";
          out->not_me = *text == 't';
        }
      else if (g_str_equal (key, "description") && out->description == NULL && is_string)
        out->description = g_steal_pointer (&text);
      else if (g_str_equal (key, "attribute-filter") && out->attributes == NULL && is_string)
        out->attributes = g_steal_pointer (&text);
      else if (g_str_equal (key, "on-overflow") || g_str_equal (key, "overflow"))
        {
          static const char * const words[] = { "drop-oldest", "drop-newest", "reject", "block" };
          guint i;

          for (i = 0; i < G_N_ELEMENTS (words) && !g_str_equal (words[i], text); i++)
            ;
          if (i == G_N_ELEMENTS (words))
            return "overflow is drop-oldest, drop-newest, reject or block";
          out->limits.overflow = (HawserOverflow) i;
        }
      else if (!is_fact (key))
        return "settings are filter, identity, durable, qos, description, expires, attribute-filter, not-me, ttl, spool-rate, max-queued, max-queued-bytes, "
               "max-age, on-overflow, or a value does not fit";
    }
  if (out->ttl_us > 0 && (out->limits.max_age_us == 0 || out->ttl_us < out->limits.max_age_us))
    out->limits.max_age_us = out->ttl_us;
  return out->filter == NULL ? "filter is needed" : NULL;
}

void
http_admin_put_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  g_autofree char *id = http_admin_read_name (session, rest);
  g_auto (Wanted) wanted = { .qos = 2 };
  FindSubscription find = { .id = id };
  HawserSubscriptionTerms terms;
  g_autoptr (GError) error = NULL;
  HawserReceiver *receiver;
  const char *detail;
  gboolean is_new;
  char *json;
  HawserJsonSlice body;
  int result;

  if (id == NULL || !http_admin_read_object (session, request, &body))
    return;
  detail = read_wanted (&body, &wanted);
  if (detail != NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
      return;
    }

  receiver = hawser_bus_find_receiver (bus, id);
  is_new = receiver == NULL;
  find.filter = wanted.filter;
  hawser_bus_foreach_subscription (bus, find_subscription, &find);
  g_free (find.json);
  if (!is_new && find.receiver != receiver)
    {
      http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the id belongs to a subscription that its peer made");
      return;
    }
  if (!is_new && !find.is_same)
    {
      http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the subscription has another filter: delete it first, what it holds would be lost");
      return;
    }
  receiver = hawser_receiver_new (bus, id, HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED, &wanted.limits);
  if (wanted.identity != NULL)
    hawser_receiver_set_identity (receiver, wanted.identity);
  result = hawser_receiver_subscribe (receiver, wanted.filter, strlen (wanted.filter),
                                      &(HawserSubscribeOptions) { .qos = (guint8) wanted.qos, .no_local = wanted.not_me, .retain_handling = 2 });
  terms = (HawserSubscriptionTerms) { wanted.description, wanted.attributes, wanted.expires_us, wanted.spool_rate };
  if (result != HAWSER_RESULT_OK || !hawser_receiver_set_terms (receiver, &terms, &error))
    {
      if (is_new)
        hawser_receiver_remove (receiver);
      http_session_respond_error (session, error != NULL ? error->code : result, error != NULL ? error->message : hawser_bus_get_last_refusal (bus));
      return;
    }
  json = read_subscription (session, id);
  if (json != NULL)
    http_admin_respond_when_safe (session, is_new ? 201 : 200, json);
}

void
http_admin_delete_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = http_admin_read_name (session, rest);
  FindSubscription find = { .id = id };

  if (id == NULL)
    return;
  hawser_bus_foreach_subscription (http_session_get_adapter (session)->bus, find_subscription, &find);
  g_free (find.json);
  if (find.receiver == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such subscription");
  else if (!find.is_durable)
    http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the subscription is ephemeral: it ends with its channel");
  else
    {
      hawser_receiver_remove (find.receiver);
      http_admin_respond_when_safe (session, 204, NULL);
    }
}
