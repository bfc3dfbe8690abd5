/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin/policies: rules as JSON, listed, read, asked, made, changed and removed. Those of the configuration are changed there. On the lane. */

#include "http-admin.h"

#include <string.h>

#define MAX_CLAIMS 64

static char *
describe (HawserPolicy *policy, gboolean is_kept)
{
  GString *out = g_string_new ("{");

  http_json_string (out, "name", hawser_policy_get_name (policy));
  http_json_string (out, "allow", hawser_policy_get_expression (policy));
  http_json_boolean (out, "configured", !is_kept);
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

static void
list_policy (HawserPolicy *policy, gboolean is_kept, gpointer data)
{
  const char *name = hawser_policy_get_name (policy);

  if (http_page_wants (data, name, name))
    http_page_add (data, name, describe (policy, is_kept));
}

void
http_admin_list_policies (HawserBus *bus, HttpPage *page)
{
  hawser_bus_foreach_policy (bus, list_policy, page);
}

typedef struct {
  const char *name;
  HawserPolicy *policy;
  char *json;
} Find;

static void
find_policy (HawserPolicy *policy, gboolean is_kept, gpointer data)
{
  Find *find = data;

  if (!g_str_equal (hawser_policy_get_name (policy), find->name))
    return;
  find->policy = policy;
  find->json = describe (policy, is_kept);
}

void
http_admin_get_policy (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);
  Find find = { name, NULL, NULL };
  g_autofree char *json = NULL;

  if (name == NULL)
    return;
  hawser_bus_foreach_policy (http_session_get_adapter (session)->bus, find_policy, &find);
  json = find.json;
  if (json == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such policy");
  else
    http_session_respond (session, 200, "application/json", json, strlen (json));
}

/* (transfer full) (nullable): the text of the one member that @body may have. */
static char *
read_rule (const HawserJsonSlice *body)
{
  HawserJsonIter iter;
  HawserJsonSlice name, value;
  char *rule = NULL;

  hawser_json_iter_init (&iter, body);
  while (hawser_json_iter_next (&iter, &name, &value))
    if (hawser_json_slice_is_string (&name, "allow", 5) && rule == NULL)
      rule = hawser_json_slice_dup_string (&value);
    else if (!hawser_json_slice_is_string (&name, "name", 4) && !hawser_json_slice_is_string (&name, "configured", 10))
      {
        g_free (rule);
        return NULL;
      }
  return rule;
}

void
http_admin_put_policy (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  g_autofree char *name = http_admin_read_name (session, rest);
  g_autoptr (HawserPolicy) policy = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *rule = NULL;
  Find find = { name, NULL, NULL };
  HawserJsonSlice body;

  if (name == NULL || !http_admin_read_object (session, request, &body))
    return;
  rule = read_rule (&body);
  if (rule == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the body is {\"allow\": \"RULE\"}");
      return;
    }
  hawser_bus_foreach_policy (bus, find_policy, &find);
  g_free (find.json);
  policy = hawser_policy_new (name, rule, &error);
  if (policy == NULL || !hawser_bus_put_policy (bus, policy, &error))
    http_session_respond_error (session, error->code, error->message);
  else
    http_admin_respond_when_safe (session, find.policy != NULL ? 200 : 201, describe (policy, TRUE));
}

void
http_admin_delete_policy (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);
  g_autoptr (GError) error = NULL;

  if (name == NULL)
    return;
  if (hawser_bus_drop_policy (http_session_get_adapter (session)->bus, name, &error))
    http_admin_respond_when_safe (session, 204, NULL);
  else
    http_session_respond_error (session, error->code, error->message);
}

/* ---- Would it? ---- */

/* What the bus would know; every other member of the body is a claim. */
static const char * const known_facts[] = { "listener", "protocol", "client-id", "topic", "address", "tls", NULL };

/* FALSE: a claim is no text, number or truth value, or there are too many. */
static gboolean
read_claims (const HawserJsonSlice *body, GHashTable *facts, GPtrArray *claims)
{
  HawserJsonIter iter;
  HawserJsonSlice name, value;

  hawser_json_iter_init (&iter, body);
  while (hawser_json_iter_next (&iter, &name, &value))
    {
      g_autofree char *text = hawser_json_slice_dup_scalar (&value), *key = hawser_json_slice_dup_string (&name);

      if (text == NULL || key == NULL || strchr (key, '=') != NULL || claims->len + g_hash_table_size (facts) >= MAX_CLAIMS)
        return FALSE;
      if (g_strv_contains (known_facts, key))
        g_hash_table_replace (facts, g_steal_pointer (&key), g_steal_pointer (&text));
      else
        g_ptr_array_add (claims, g_strconcat (key, "=", text, NULL));
    }
  g_ptr_array_add (claims, NULL);
  return TRUE;
}

void
http_admin_test_policy (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *escaped = g_str_has_suffix (rest, "/test") ? g_strndup (rest, strlen (rest) - strlen ("/test")) : NULL;
  g_autofree char *name = escaped != NULL ? http_admin_read_name (session, escaped) : NULL, *why = NULL;
  g_autoptr (GString) json = g_string_new ("{");
  g_autoptr (GHashTable) facts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPtrArray) claims = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (HawserPrincipal) principal = NULL;
  Find find = { name, NULL, NULL };
  HawserJsonSlice body;
  gboolean is_allowed;

  if (escaped == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "a policy can be asked to test");
  if (name == NULL || !http_admin_read_object (session, request, &body))
    return;
  hawser_bus_foreach_policy (http_session_get_adapter (session)->bus, find_policy, &find);
  g_free (find.json);
  if (find.policy == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such policy");
      return;
    }
  if (!read_claims (&body, facts, claims))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the body is an object of at most 64 claims, each a text, number or truth value");
      return;
    }
  principal = hawser_principal_new_from_strings ("", (const char * const *) claims->pdata);
  is_allowed = hawser_policy_test (find.policy, principal, facts, &why);
  http_json_boolean (json, "allowed", is_allowed);
  http_json_string (json, "because", why);
  g_string_append_c (json, '}');
  http_admin_respond_json (session, 200, json);
}
