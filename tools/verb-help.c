/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser help, hawser version. */

#include "tool.h"

#include <string.h>

int
tool_verb_help (Tool  *tool,
                int    argc,
                char **argv)
{
  const ToolVerb *verbs;
  const char *family = "";
  guint n_verbs = 0;

  verbs = tool_get_verbs (&n_verbs);
  if (argc > 1)
    {
      for (guint i = 0; i < n_verbs; i++)
        if (strcmp (verbs[i].name, argv[1]) == 0)
          {
            char *help_argv[] = { argv[0], (char *) "--help", NULL };

            tool->program_verb = verbs[i].name;
            if (verbs[i].run == tool_verb_help)
              break;
            return verbs[i].run (tool, 2, help_argv);
          }
    }
  g_print ("hawser [OPTION…] VERB [ARGUMENT…]\n");
  for (guint i = 0; i < n_verbs; i++)
    {
      g_autofree char *usage = g_strdup_printf ("%s %s", verbs[i].name, verbs[i].usage);

      g_print ("%s%-11s%s%*s%s\n", strcmp (family, verbs[i].family) != 0 ? "\n" : "",
               strcmp (family, verbs[i].family) != 0 ? verbs[i].family : "", usage,
               MAX (1, 36 - (int) g_utf8_strlen (usage, -1)), "", verbs[i].summary);
      family = verbs[i].family;
    }
  g_print ("\nThe options of a verb: hawser VERB --help. Without -u URL the bus is looked for on this machine.\n"
           "Exit status: 0 done, 1 failed, 2 usage, 3 bad configuration, 4 cannot connect, 5 not authorized,\n"
           "6 not found, 7 timed out or no reply, 8 partly done, 130 interrupted.\n");
  return TOOL_DONE;
}

int
tool_verb_version (Tool  *tool,
                   int    argc,
                   char **argv)
{
  g_print ("hawser %s\n", HAWSER_VERSION_S);
  return TOOL_DONE;
}
