/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of twin behaviours: reads the table, tells the state as the twin host tells it, compares the answer. */

#include "contract-twin-behavior.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#define SMALL 1e-9   /* shares are quotients */

/* ---- The table ---- */

static JsonArray *
load (const char *path, JsonParser *parser, GError **error)
{
  JsonNode *root;

  if (!json_parser_load_from_file (parser, path, error))
    return NULL;
  root = json_parser_get_root (parser);
  if (root != NULL && JSON_NODE_HOLDS_ARRAY (root))
    return json_node_get_array (root);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: is no array of cases", path);
  return NULL;
}

static JsonObject *
find (JsonArray *cases, const char *name, GError **error)
{
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);

      if (strcmp (json_object_get_string_member (one, "name"), name) == 0)
        return one;
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no case '%s'", name);
  return NULL;
}

static char *
print_node (JsonNode *node)
{
  return node != NULL ? json_to_string (node, FALSE) : g_strdup ("nothing");
}

/* ---- The state, as the host tells it: reported numbers are of type d, children aa{sv} ---- */

static GVariant *
make_reported (JsonObject *reported)
{
  GVariantBuilder builder;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  json_object_iter_init (&iter, reported);
  while (json_object_iter_next (&iter, &key, &value))
    g_variant_builder_add (&builder, "{sv}", key, json_node_get_value_type (value) == G_TYPE_INT64
                           ? g_variant_new_double (json_node_get_double (value)) : json_gvariant_deserialize (value, NULL, NULL));
  return g_variant_builder_end (&builder);
}

static GVariant *
make_state (JsonObject *state)
{
  GVariantBuilder builder;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  json_object_iter_init (&iter, state);
  while (json_object_iter_next (&iter, &key, &value))
    if (strcmp (key, "reported") == 0)
      g_variant_builder_add (&builder, "{sv}", key, make_reported (json_node_get_object (value)));
    else if (strcmp (key, "children") == 0)
      {
        JsonArray *children = json_node_get_array (value);
        GVariantBuilder list;

        g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
        for (guint i = 0; i < json_array_get_length (children); i++)
          g_variant_builder_add_value (&list, make_state (json_array_get_object_element (children, i)));
        g_variant_builder_add (&builder, "{sv}", key, g_variant_builder_end (&list));
      }
    else
      g_variant_builder_add (&builder, "{sv}", key, json_gvariant_deserialize (value, NULL, NULL));
  return g_variant_builder_end (&builder);
}

static HawserMessage *
make_message (JsonObject *one)
{
  const char *topic = json_object_get_string_member_with_default (one, "topic", "thing/1/telemetry");
  g_autofree char *payload = json_object_has_member (one, "payload") ? json_to_string (json_object_get_member (one, "payload"), FALSE)
    : g_strdup (json_object_get_string_member_with_default (one, "text", "{}"));

  return hawser_message_new_text (topic, payload);
}

/* ---- The answer ---- */

static gboolean
is_number (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && (json_node_get_value_type (node) == G_TYPE_INT64 || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

/* Numbers are numbers, however a language writes them. */
static gboolean
is_same (JsonNode *a, JsonNode *b)
{
  if (a == NULL || b == NULL)
    return a == b;
  if (is_number (a) && is_number (b))
    return fabs (json_node_get_double (a) - json_node_get_double (b)) <= SMALL * MAX (1, fabs (json_node_get_double (b)));
  if (JSON_NODE_TYPE (a) != JSON_NODE_TYPE (b))
    return FALSE;
  if (JSON_NODE_HOLDS_OBJECT (a))
    {
      JsonObject *left = json_node_get_object (a), *right = json_node_get_object (b);
      JsonObjectIter iter;
      const char *key;
      JsonNode *value;

      json_object_iter_init (&iter, left);
      while (json_object_iter_next (&iter, &key, &value))
        if (!is_same (value, json_object_get_member (right, key)))
          return FALSE;
      return json_object_get_size (left) == json_object_get_size (right);
    }
  return json_node_equal (a, b);
}

static gboolean
expect (const char *what, JsonNode *is, JsonNode *wanted, GError **error)
{
  g_autofree char *is_text = NULL, *wanted_text = NULL;

  if (is_same (is, wanted))
    return TRUE;
  is_text = print_node (is);
  wanted_text = print_node (wanted);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: is %s and not %s", what, is_text, wanted_text);
  return FALSE;
}

static gboolean
expect_failure (const char *nick, GError *failure, GError **error)
{
  if (failure == NULL)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "it did not fail");
  else if (failure->domain != HAWSER_ERROR || strcmp (hawser_error_to_nick ((HawserError) failure->code), nick) != 0)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "failed, and not with %s: %s", nick, failure->message);
  else
    return TRUE;
  return FALSE;
}

static gboolean
expect_messages (JsonObject *one, HawserBatch *out, GError **error)
{
  JsonArray *wanted = json_object_has_member (one, "out") ? json_object_get_array_member (one, "out") : NULL;
  guint n_wanted = wanted != NULL ? json_array_get_length (wanted) : 0;

  if (hawser_batch_get_size (out) != n_wanted)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "sends %u messages and not %u", hawser_batch_get_size (out), n_wanted);
      return FALSE;
    }
  for (guint i = 0; i < n_wanted; i++)
    {
      JsonObject *message = json_array_get_object_element (wanted, i);
      g_autofree char *text = hawser_message_dup_text (hawser_batch_get_message (out, i));
      const char *topic = hawser_message_get_topic (hawser_batch_get_message (out, i));
      g_autoptr (JsonNode) payload = json_from_string (text, NULL);

      if (strcmp (topic, json_object_get_string_member (message, "topic")) != 0)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "message %u goes to %s and not to %s", i, topic, json_object_get_string_member (message, "topic"));
          return FALSE;
        }
      if (!expect (topic, payload, json_object_get_member (message, "payload"), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_once (JsonObject *one, HawserTwinBehavior *behavior, GVariant *state, GError **error)
{
  const char *nick = json_object_get_string_member_with_default (one, "error", NULL);
  g_autoptr (HawserMessage) message = make_message (one);
  g_autoptr (HawserBatch) out = hawser_batch_new ();
  g_autoptr (GError) failure = NULL;
  g_autoptr (GVariant) changes = NULL;
  g_autoptr (JsonNode) node = NULL;

  changes = hawser_twin_behavior_handle (behavior, json_object_get_string_member_with_default (one, "id", "thing/1"), state, message, out, &failure);
  if (changes != NULL && g_variant_is_floating (changes))
    g_variant_ref_sink (changes);
  if (nick != NULL)
    return expect_failure (nick, failure, error);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  node = changes != NULL ? json_gvariant_serialize (changes) : NULL;
  return expect ("changes", node, json_object_get_member (one, "changes"), error) && expect_messages (one, out, error);
}

/**
 * contract_twin_behavior_list_cases:
 * @path: (type filename): a table
 * @error: return location
 *
 * Returns: (transfer full) (array zero-terminated=1): names of its cases
 */
char **
contract_twin_behavior_list_cases (const char *path, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *cases = load (path, parser, error);
  char **names;

  if (cases == NULL)
    return NULL;
  names = g_new0 (char *, json_array_get_length (cases) + 1);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    names[i] = g_strdup (json_object_get_string_member (json_array_get_object_element (cases, i), "name"));
  return names;
}

/**
 * contract_twin_behavior_check:
 * @path: (type filename): a table
 * @name: one of its cases
 * @behavior: a behaviour
 * @error: return location
 *
 * Returns: whether @behavior answers it as the table says, and once more the same
 */
gboolean
contract_twin_behavior_check (const char *path, const char *name, HawserTwinBehavior *behavior, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *cases = load (path, parser, error);
  JsonObject *one = cases != NULL ? find (cases, name, error) : NULL;
  g_autoptr (GVariant) state = NULL;

  if (one == NULL)
    return FALSE;
  state = g_variant_ref_sink (make_state (json_object_get_object_member (one, "state")));
  for (guint i = 0; i < 2; i++)
    if (!check_once (one, behavior, state, error))
      {
        g_prefix_error (error, "%s%s: ", name, i == 0 ? "" : ", the second time");
        return FALSE;
      }
  return TRUE;
}

/* ---- For C ---- */

typedef struct {
  GType type;
  char *path, *name;
} Case;

static void
free_case (gpointer data)
{
  Case *one = data;

  g_free (one->path);
  g_free (one->name);
  g_free (one);
}

static void
run_case (gconstpointer data)
{
  const Case *one = data;
  g_autoptr (HawserTwinBehavior) behavior = g_object_new (one->type, NULL);
  g_autoptr (GError) error = NULL;

  contract_twin_behavior_check (one->path, one->name, behavior, &error);
  g_assert_no_error (error);
}

void
contract_twin_behavior_add (const char *name, GType type, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = contract_twin_behavior_list_cases (path, &error);

  g_assert_no_error (error);
  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *test = g_strconcat ("/twin-behavior/", name, "/", names[i], NULL);
      Case *one = g_new (Case, 1);

      *one = (Case) { type, g_strdup (path), g_strdup (names[i]) };
      g_test_add_data_func_full (test, one, run_case, free_case);
    }
}
