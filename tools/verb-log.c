/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser log: what hawserd says goes to the journal where systemd runs it; journalctl(1) reads that, and we name the fields. */

#include "tool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int
tool_verb_log (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *level = NULL, *domain = NULL, *since = NULL, *unit = NULL;
  gboolean follow = FALSE;
  int lines = 0, code;
  const GOptionEntry entries[] = {
    { "follow", 'f', 0, G_OPTION_ARG_NONE, &follow, "Go on as more is said", NULL },
    { "level", 'l', 0, G_OPTION_ARG_STRING, &level, "error, warning, info or debug, and what is worse", "LEVEL" },
    { "domain", 'd', 0, G_OPTION_ARG_STRING, &domain, "Of one part only, such as hawser-mqtt", "DOMAIN" },
    { "since", 0, 0, G_OPTION_ARG_STRING, &since, "From then on, such as -1h or today", "TIME" },
    { "lines", 'n', 0, G_OPTION_ARG_INT, &lines, "The last ones only", "N" },
    { "unit", 0, 0, G_OPTION_ARG_STRING, &unit, "Unit of systemd (default hawserd)", "NAME" },
    { NULL }
  };
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  if (!tool_parse (tool, &argc, &argv, entries, "", "Shows what the daemon said, from the journal of this machine.",
                   "A daemon in a container or in a terminal says it on its stderr instead.\nExamples:\n  hawser log -f\n  hawser log -l warning --since today", 0, 0, &code))
    return code;
  if (level != NULL && strcmp (level, "error") != 0 && strcmp (level, "warning") != 0 && strcmp (level, "info") != 0 && strcmp (level, "debug") != 0)
    return tool_fail (tool, TOOL_USAGE, "--level=%s: error, warning, info or debug", level);
  g_ptr_array_add (words, g_strdup ("journalctl"));
  g_ptr_array_add (words, g_strdup_printf ("--unit=%s", unit != NULL ? unit : "hawserd"));
  g_ptr_array_add (words, g_strdup (tool->is_json ? "--output=json" : "--output=short-iso"));
  if (follow)
    g_ptr_array_add (words, g_strdup ("--follow"));
  if (level != NULL)
    g_ptr_array_add (words, g_strdup_printf ("--priority=%s", strcmp (level, "error") == 0 ? "err" : level));
  if (since != NULL)
    g_ptr_array_add (words, g_strdup_printf ("--since=%s", since));
  if (lines > 0)
    g_ptr_array_add (words, g_strdup_printf ("--lines=%d", lines));
  if (domain != NULL)
    g_ptr_array_add (words, g_strdup_printf ("GLIB_DOMAIN=%s", domain));
  g_ptr_array_add (words, NULL);
  execvp ("journalctl", (char **) words->pdata);
  return tool_fail (tool, errno == ENOENT ? TOOL_NOT_FOUND : TOOL_FAILED, "journalctl: %s: is the daemon run by systemd?", g_strerror (errno));
}
