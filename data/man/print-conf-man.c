/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes hawser.conf(5) from what the library and its plugins declare: the same words as `hawser config explain`. Run by the
 * build. */

#include <hawser/hawser.h>

#include <stdio.h>
#include <string.h>

static const char head[] =
  ".\\\" SPDX-License-Identifier: LGPL-2.1-or-later\n"
  ".\\\" Made by the build from the declared keys.\n"
  ".TH HAWSER.CONF 5 \"\" \"Hawser\" \"File Formats\"\n"
  ".SH NAME\n"
  "hawser.conf \\- configuration of the Hawser message bus\n"
  ".SH DESCRIPTION\n"
  "Groups are \\fB[kind name]\\fR, one for each thing; keys are settings. Lists end in a semicolon. Durations have a unit: us ms s min h d.\n"
  "Sizes: B KiB MiB GiB. A comment stands on a line of its own and begins with # or ;.\n"
  "\\fB${VAR}\\fR and \\fB${VAR:\\-default}\\fR are replaced in values, after the file was read; \\fB$$\\fR is a dollar.\n"
  "No key holds a secret: \\fIKEY\\fR\\-credential= names a file in $CREDENTIALS_DIRECTORY or /run/secrets, \\fIKEY\\fR\\-file= a path.\n"
  ".PP\n"
  "Unknown groups and keys, and those given twice in one file, are errors; \\fBhawserd \\-\\-check\\-config\\fR finds all of them.\n";

static const char tail[] = ".SH SEE ALSO\n\\fBhawserd\\fR(8), \\fBhawser\\fR(1)\n";

static void
print_escaped (const char *text)
{
  if (*text == '.' || *text == '\'')
    fputs ("\\&", stdout);
  for (; *text != '\0'; text++)
    if (*text == '\\')
      fputs ("\\e", stdout);
    else if (*text == '-')
      fputs ("\\-", stdout);
    else
      putchar (*text);
}

/* A sample is: `# about the group`, `[kind]`, then for each key its meaning as a comment and `#key=default` or `key=`. */
static void
print_sample (const char *sample,
              const char *title)
{
  g_auto (GStrv) lines = g_strsplit (sample, "\n", -1);
  g_autoptr (GString) about = g_string_new (NULL);
  gboolean is_inside = FALSE;

  printf (".SH %s\n", title);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = lines[i];
      gboolean is_setting = line[0] != '\0' && !g_str_has_prefix (line, "# ") && strchr (line, '=') != NULL;

      if (line[0] == '[')
        {
          print_escaped (about->str);
          putchar ('\n');
          g_string_truncate (about, 0);
          is_inside = TRUE;
        }
      else if (is_inside && is_setting)
        {
          fputs (".TP\n\\fB", stdout);
          print_escaped (line[0] == '#' ? line + 1 : line);
          fputs ("\\fR\n", stdout);
          print_escaped (about->str);
          putchar ('\n');
          g_string_truncate (about, 0);
        }
      else if (g_str_has_prefix (line, "# "))
        {
          g_string_append_printf (about, "%s%s", about->len > 0 ? " " : "", line + 2);
        }
    }
}

static void
print_kind (HawserConfig *config,
            const char   *kind,
            const char   *type)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sample = hawser_config_sample (config, kind, type, &error);
  g_autofree char *upper = g_ascii_strup (kind, -1);
  g_autofree char *title = type != NULL ? g_strdup_printf ("[%s] TYPE %s", upper, type) : g_strdup_printf ("[%s]", upper);

  if (sample == NULL)
    g_error ("%s", error->message);
  print_sample (sample, title);
}

int
main (int    argc,
      char **argv)
{
  static const char * const kinds[] = { "hawser", "log", "admin", "tls", "identity", "policy", "listener", "topic", "subscription" };
  g_autoptr (HawserConfig) config = hawser_config_new ();
  HawserPluginRegistry *registry = hawser_plugin_registry_get_default ();

  fputs (head, stdout);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const char *role = hawser_config_kind_to_role (kinds[i]);
      g_auto (GStrv) types = role != NULL ? hawser_plugin_registry_list_types (registry, role) : NULL;

      if (types == NULL || types[0] == NULL)
        print_kind (config, kinds[i], NULL);
      for (guint t = 0; types != NULL && types[t] != NULL; t++)
        {
          g_autoptr (GError) error = NULL;

          if (!hawser_config_load_type (config, registry, kinds[i], types[t], &error))
            g_error ("%s", error->message);
          print_kind (config, kinds[i], types[t]);
        }
    }
  fputs (tail, stdout);
  return ferror (stdout) != 0;
}
