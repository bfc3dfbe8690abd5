/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Saved connections in $XDG_CONFIG_HOME/hawser/contexts.conf. A context names files with secrets; it holds none. */

#include "tool-contexts.h"

#include <glib/gstdio.h>
#include <string.h>

char *
tool_contexts_dup_file (void)
{
  return g_build_filename (g_get_user_config_dir (), "hawser", "contexts.conf", NULL);
}

/* (transfer full): empty when there is no file; NULL: it cannot be read. */
GKeyFile *
tool_contexts_load (Tool *tool,
                    int  *out_code)
{
  g_autoptr (GKeyFile) contexts = g_key_file_new ();
  g_autofree char *file = tool_contexts_dup_file ();
  g_autoptr (GError) error = NULL;

  if (!g_key_file_load_from_file (contexts, file, G_KEY_FILE_KEEP_COMMENTS, &error) &&
      !g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      *out_code = tool_fail (tool, TOOL_BAD_CONFIG, "%s: %s", file, error->message);
      return NULL;
    }
  return g_steal_pointer (&contexts);
}

gboolean
tool_contexts_save (Tool     *tool,
                    GKeyFile *contexts,
                    int      *out_code)
{
  g_autofree char *file = tool_contexts_dup_file ();
  g_autofree char *directory = g_path_get_dirname (file);
  g_autofree char *text = g_key_file_to_data (contexts, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (directory, 0700);
  if (g_file_set_contents_full (file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    return TRUE;
  *out_code = tool_fail (tool, TOOL_FAILED, "%s", error->message);
  return FALSE;
}

/* The one that is used without -c; NULL: none. */
char *
tool_contexts_dup_selected (GKeyFile *contexts)
{
  const char *environment = g_getenv ("HAWSER_CONTEXT");

  if (environment != NULL && environment[0] != '\0')
    return g_strdup (environment);
  return g_key_file_get_string (contexts, "contexts", "selected", NULL);
}

static void
take_default (GKeyFile    *contexts,
              const char  *group,
              const char  *key,
              char       **value)
{
  if (*value == NULL)
    *value = g_key_file_get_string (contexts, group, key, NULL);
}

/* Fills what the command line left open. *out_url stays NULL where no context is chosen. FALSE: said so, exit status set. */
gboolean
tool_contexts_apply (Tool  *tool,
                     char **out_url,
                     int   *out_code)
{
  g_autoptr (GKeyFile) contexts = tool_contexts_load (tool, out_code);
  g_autofree char *name = NULL;
  g_autofree char *group = NULL;

  if (contexts == NULL)
    return FALSE;
  name = tool->context != NULL ? g_strdup (tool->context) : tool_contexts_dup_selected (contexts);
  if (name == NULL)
    return TRUE;
  group = g_strdup_printf ("context %s", name);
  if (!g_key_file_has_group (contexts, group))
    {
      *out_code = tool_fail (tool, TOOL_NOT_FOUND, "there is no context '%s'. See: hawser context list", name);
      return FALSE;
    }
  take_default (contexts, group, "url", out_url);
  take_default (contexts, group, "user", &tool->user);
  take_default (contexts, group, "password-file", &tool->password_file);
  take_default (contexts, group, "token-file", &tool->token_file);
  take_default (contexts, group, "ca-file", &tool->ca_file);
  take_default (contexts, group, "certificate-file", &tool->certificate_file);
  take_default (contexts, group, "private-key-file", &tool->private_key_file);
  return TRUE;
}
