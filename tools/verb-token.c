/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser token inspect: what a JWT says (RFC 7519). Nothing is sent anywhere, and nothing is verified: that is the daemon's matter. */

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

#define MAX_TOKEN_LEN 65536 /* bytes; ours: header fields of HTTP end there too */

/* (transfer full): base64url without padding (RFC 7515, 2); NULL: it is none, or no JSON object. */
static JsonNode *
read_part (const char *text,
           gsize       len)
{
  g_autoptr (GString) base64 = g_string_new_len (text, (gssize) len);
  g_autofree guchar *bytes = NULL;
  g_autofree char *json = NULL;
  JsonNode *root;
  gsize n = 0;

  g_strdelimit (base64->str, "-", '+');
  g_strdelimit (base64->str, "_", '/');
  while (base64->len % 4 != 0)
    g_string_append_c (base64, '=');
  bytes = g_base64_decode (base64->str, &n);
  if (n == 0 || !g_utf8_validate_len ((const char *) bytes, n, NULL))
    return NULL;
  json = g_strndup ((const char *) bytes, n);
  root = json_from_string (json, NULL);
  if (root != NULL && !JSON_NODE_HOLDS_OBJECT (root))
    g_clear_pointer (&root, json_node_unref);
  return root;
}

static void
note_time (Tool       *tool,
           JsonObject *claims,
           const char *name,
           const char *words)
{
  gint64 at = json_object_get_int_member_with_default (claims, name, 0);
  g_autoptr (GDateTime) time = at > 0 ? g_date_time_new_from_unix_utc (at) : NULL;
  g_autofree char *text = time != NULL ? g_date_time_format_iso8601 (time) : NULL;
  gint64 left = at - g_get_real_time () / G_USEC_PER_SEC;

  if (text != NULL)
    tool_note (tool, "%s %s (%s%" G_GINT64_FORMAT " s%s)", words, text, left > 0 ? "in " : "", left > 0 ? left : -left, left > 0 ? "" : " ago");
}

static int
inspect (Tool  *tool,
         int    argc,
         char **argv)
{
  g_autoptr (GString) token = g_string_new (NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) header = NULL, claims = NULL, both = NULL;
  g_autoptr (JsonObject) object = json_object_new ();
  const char *dot, *end;
  int code, byte;

  if (!tool_parse (tool, &argc, &argv, NULL, "[FILE]", "Prints the header and the claims of a JWT: from a file, or from stdin.",
                   "It is not verified, and sent nowhere. A token is a secret: it is not taken as an argument.\n"
                   "Example:\n  hawser token inspect < token", 0, 1, &code))
    return code;
  if (argc > 1)
    {
      text = tool_read_secret (tool, argv[1], &code);
      if (text == NULL)
        return code;
      g_string_assign (token, text);
    }
  else
    while (token->len < MAX_TOKEN_LEN && (byte = getchar ()) != EOF && byte != '\n')
      g_string_append_c (token, (char) byte);
  g_strstrip (token->str);
  dot = strchr (token->str, '.');
  end = dot != NULL ? strchr (dot + 1, '.') : NULL;
  header = dot != NULL ? read_part (token->str, (gsize) (dot - token->str)) : NULL;
  claims = end != NULL ? read_part (dot + 1, (gsize) (end - dot - 1)) : NULL;
  if (header == NULL || claims == NULL)
    return tool_fail (tool, TOOL_FAILED, "that is no JWT: three parts with dots between them, the first two JSON in base64url");
  note_time (tool, json_node_get_object (claims), "exp", "expires");
  json_object_set_member (object, "header", json_node_copy (header));
  json_object_set_member (object, "claims", json_node_copy (claims));
  both = json_node_init_object (json_node_alloc (), object);
  g_free (text);
  text = json_to_string (both, tool->is_terminal || !tool->is_json);
  g_print ("%s\n", text);
  return TOOL_DONE;
}

int
tool_verb_token (Tool  *tool,
                 int    argc,
                 char **argv)
{
  static const ToolVerb verbs[] = { { "inspect", NULL, "[FILE]", "Prints the header and the claims of a JWT", inspect } };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
