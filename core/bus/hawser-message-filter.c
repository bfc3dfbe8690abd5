/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The attribute filter of a subscription: a condition over parts of the payload (JSON Pointers), over what every message has
 * (topic, id, qos, content-type, source) and over user properties. The language is core/policy's; here is where the
 * values come from. Asked once for each message, by the router or a sink runner, on its lane. */

#include "hawser-message-filter.h"

#include "hawser-expression-private.h"
#include "hawser-json-pointer.h"

struct _HawserMessageFilter {
  HawserExpression *expression;
  HawserMessage *message;     /* under test */
  guint n_names;
  char **values;              /* of that message, read when first asked for */
  gboolean *is_read;
};

HawserMessageFilter *
hawser_message_filter_new (const char *expression, GError **error)
{
  HawserExpression *compiled = hawser_expression_new (expression, HAWSER_EXPRESSION_POINTERS, NULL, error);
  HawserMessageFilter *self;

  if (compiled == NULL)
    {
      g_prefix_error (error, "filter: ");
      return NULL;
    }
  self = g_new0 (HawserMessageFilter, 1);
  self->expression = compiled;
  self->n_names = hawser_expression_get_n_names (compiled);
  self->values = g_new0 (char *, self->n_names + 1);
  self->is_read = g_new0 (gboolean, self->n_names + 1);
  return self;
}

static void
forget (HawserMessageFilter *self)
{
  for (guint i = 0; i < self->n_names; i++)
    {
      g_clear_pointer (&self->values[i], g_free);
      self->is_read[i] = FALSE;
    }
  self->message = NULL;
}

void
hawser_message_filter_free (HawserMessageFilter *self)
{
  if (self == NULL)
    return;
  forget (self);
  hawser_expression_free (self->expression);
  g_free (self->values);
  g_free (self->is_read);
  g_free (self);
}

static char *
read_payload (HawserMessage *message, const char *pointer)
{
  gsize len;
  const char *payload = (const char *) hawser_message_get_data (message, &len);
  HawserJsonSlice slice;

  if (!hawser_json_pointer_get (pointer, payload, len, &slice) || slice.type == HAWSER_JSON_NULL)
    return NULL;
  if (slice.type == HAWSER_JSON_STRING)
    return hawser_json_slice_dup_string (&slice);
  return g_strndup (slice.text, slice.len);
}

static char *
read_value (HawserMessage *message, const char *name)
{
  if (*name == '/')
    return read_payload (message, name);
  if (g_str_equal (name, "topic"))
    return g_strdup (hawser_message_get_topic (message));
  if (g_str_equal (name, "source"))
    return g_strdup (hawser_message_get_source (message));
  if (g_str_equal (name, "id"))
    return hawser_message_dup_id (message);
  if (g_str_equal (name, "content-type"))
    return hawser_message_dup_content_type (message);
  if (g_str_equal (name, "qos"))
    return g_strdup_printf ("%d", hawser_message_get_qos (message));
  return hawser_message_dup_property (message, name);
}

static const char *
look_up (guint name, guint index, gpointer user_data)
{
  HawserMessageFilter *self = user_data;

  if (index > 0)
    return NULL;
  if (!self->is_read[name])
    {
      self->is_read[name] = TRUE;
      self->values[name] = read_value (self->message, hawser_expression_get_name (self->expression, name));
    }
  return self->values[name];
}

gboolean
hawser_message_filter_matches (HawserMessageFilter *self, HawserMessage *message)
{
  HawserTruth truth;

  self->message = message;
  truth = hawser_expression_evaluate (self->expression, look_up, self, NULL);
  forget (self);
  return truth == HAWSER_TRUTH_TRUE;
}
