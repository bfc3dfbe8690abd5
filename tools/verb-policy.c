/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser policy test: would this principal be let in, and if not, which term is false. Reads the configuration; asks no daemon. */

#include "tool-config.h"
#include "tool-http.h"
#include "tool-table.h"

#include <string.h>

/* Level by level from the left: a name beats `+`, and `+` beats `#`. The same order as the bus has. */
static gboolean
is_more_specific (const char *a,
                  const char *b)
{
  while (*a != '\0' && *b != '\0')
    {
      gsize a_len = strcspn (a, "/"), b_len = strcspn (b, "/");
      int a_rank = *a == '#' ? 0 : *a == '+' ? 1 : 2, b_rank = *b == '#' ? 0 : *b == '+' ? 1 : 2;

      if (a_rank != b_rank)
        return a_rank > b_rank;
      a += a_len + (a[a_len] == '/');
      b += b_len + (b[b_len] == '/');
    }
  return *a != '\0' && *a != '#';
}

/* The topic group that rules. */
static HawserConfigGroup *
find_topic_group (HawserConfig *config,
                  const char   *topic)
{
  g_autoptr (GPtrArray) groups = hawser_config_list_groups (config, "topic");
  HawserConfigGroup *best = NULL;

  for (guint i = 0; i < groups->len; i++)
    {
      HawserConfigGroup *group = groups->pdata[i];
      const char *name = hawser_config_group_get_name (group);
      g_autoptr (HawserTopicFilter) filter = hawser_topic_filter_new (name, NULL);

      if (filter != NULL && hawser_topic_filter_matches (filter, topic) &&
          (best == NULL || is_more_specific (name, hawser_config_group_get_name (best))))
        best = group;
    }
  return best != NULL ? hawser_config_group_ref (best) : NULL;
}

static gboolean
take_claims (Tool        *tool,
             char       **claims,
             GHashTable  *facts,
             GPtrArray   *pairs)
{
  static const char * const known_facts[] = { "listener", "protocol", "client-id", "topic", "address", "tls", "principal", NULL };

  for (guint i = 0; claims != NULL && claims[i] != NULL; i++)
    {
      char *equals = strchr (claims[i], '=');

      if (equals == NULL || equals == claims[i])
        {
          tool_fail (tool, TOOL_USAGE, "--claim %s: want NAME=VALUE", claims[i]);
          return FALSE;
        }
      *equals = '\0';
      if (g_strv_contains (known_facts, claims[i]))
        g_hash_table_replace (facts, g_strdup (claims[i]), g_strdup (equals + 1));
      else
        g_ptr_array_add (pairs, g_strdup_printf ("%s=%s", claims[i], equals + 1));
    }
  g_ptr_array_add (pairs, NULL);
  return TRUE;
}

static int
judge (Tool              *tool,
       HawserConfig      *config,
       HawserConfigGroup *group,
       const char        *action,
       HawserPrincipal   *principal,
       GHashTable        *facts)
{
  g_autofree char *key = g_strdup_printf ("%s-policy", action);
  const char *name = hawser_config_group_get_string (group, key);
  HawserConfigGroup *rule = name != NULL ? hawser_config_get_group (config, "policy", name) : NULL;
  g_autoptr (HawserPolicy) policy = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *explanation = NULL;

  if (rule == NULL)
    {
      g_print ("denied  [%s] has no %s\n", hawser_config_group_get_title (group), key);
      return TOOL_NOT_AUTHORIZED;
    }
  policy = hawser_policy_new (name, hawser_config_group_get_string (rule, "allow"), &error);
  if (policy == NULL)
    return tool_fail_error (tool, error);
  if (hawser_policy_test (policy, principal, facts, &explanation))
    {
      g_print ("allowed  policy %s of [%s]\n", name, hawser_config_group_get_title (group));
      return TOOL_DONE;
    }
  g_print ("denied  %s\n", explanation != NULL ? explanation : hawser_policy_get_expression (policy));
  return TOOL_NOT_AUTHORIZED;
}

static int
test (Tool  *tool,
      int    argc,
      char **argv)
{
  g_auto (GStrv) files = NULL, claims = NULL;
  g_autofree char *name = NULL;
  const GOptionEntry entries[] = {
    { "claim", 0, 0, G_OPTION_ARG_STRING_ARRAY, &claims, "A claim of the principal, or a fact such as protocol=mqtt (repeatable)", "NAME=VALUE" },
    { "principal", 0, 0, G_OPTION_ARG_STRING, &name, "Its name (default: nobody)", "NAME" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, "Configuration, instead of what the system has (repeatable)", "FILE" },
    { NULL }
  };
  g_autoptr (HawserConfig) config = NULL;
  g_autoptr (HawserConfigGroup) group = NULL;
  g_autoptr (HawserPrincipal) principal = NULL;
  g_autoptr (GHashTable) facts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (g_free);
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "TOPIC publish|subscribe", "Says whether a principal may do it, and which term says no.",
                   "Exit status: 0 allowed, 3 bad configuration, 5 denied.", 2, 2, &code))
    return code;
  if (strcmp (argv[2], "publish") != 0 && strcmp (argv[2], "subscribe") != 0)
    return tool_fail (tool, TOOL_USAGE, "'%s': publish or subscribe", argv[2]);
  if (!take_claims (tool, claims, facts, pairs))
    return TOOL_USAGE;
  config = tool_config_load (tool, files);
  if (hawser_config_get_n_errors (config) > 0)
    {
      g_autofree char *report = hawser_config_report (config);

      g_printerr ("%s", report);
      return TOOL_BAD_CONFIG;
    }
  g_hash_table_replace (facts, g_strdup ("topic"), g_strdup (argv[1]));
  group = find_topic_group (config, argv[1]);
  if (group == NULL)
    {
      g_print ("denied  no [topic] group matches %s\n", argv[1]);
      return TOOL_NOT_AUTHORIZED;
    }
  principal = hawser_principal_new_from_strings (name != NULL ? name : "", (const char * const *) pairs->pdata);
  return judge (tool, config, group, argv[2], principal, facts);
}

/* ---- The rules of a running daemon ---- */

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "CONFIGURED", "configured", FALSE },
  { "ALLOW", "allow", FALSE },
};

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the rules of a running daemon.", NULL, 0, 0, &code))
    return code;
  code = tool_http_list (tool, "/v1/admin/policies", &rows);
  return code == TOOL_DONE ? tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows) : code;
}

static char *
policy_path (const char *name)
{
  g_autofree char *escaped = tool_http_escape (name, FALSE);

  return g_strdup_printf ("/v1/admin/policies/%s", escaped);
}

static int
show (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Shows one rule of a running daemon.", NULL, 1, 1, &code))
    return code;
  path = policy_path (argv[1]);
  code = tool_http_get_json (tool, path, &root);
  return code == TOOL_DONE ? tool_object_print (tool, root) : code;
}

static int
set (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autoptr (JsonObject) wanted = json_object_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *path = NULL, *body = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME RULE", "Makes or changes a rule of a running daemon.",
                   "It survives a restart where there is a state-dir. Those of the configuration are changed there.\n"
                   "Example:\n  hawser policy set night-crew 'role == \"crew\" and shift == \"night\"'", 2, 2, &code))
    return code;
  json_object_set_string_member (wanted, "allow", argv[2]);
  root = json_node_init_object (json_node_alloc (), wanted);
  body = json_to_string (root, FALSE);
  path = policy_path (argv[1]);
  code = tool_http_request (tool, "PUT", path, body, NULL);
  if (code == TOOL_DONE)
    tool_note (tool, "policy %s is there", argv[1]);
  return code;
}

static int
remove_policy (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *path = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Removes a rule that hawser policy set made; topics that name it are denied to everybody.", NULL, 1, 1, &code))
    return code;
  path = policy_path (argv[1]);
  return tool_http_request (tool, "DELETE", path, NULL, NULL);
}

int
tool_verb_policy (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists the rules of a running daemon", list },
    { "show", NULL, "NAME", "Shows one of them", show },
    { "set", NULL, "NAME RULE", "Makes or changes one", set },
    { "remove", NULL, "NAME", "Removes one that was made while it runs", remove_policy },
    { "test", NULL, "[--claim NAME=VALUE…] TOPIC publish|subscribe", "Who may do what, and why not", test },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
