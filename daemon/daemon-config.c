/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hawserd reads, in which order: the files it was given, else what the system has, else what is built in; --set last. */

#include "daemon.h"

#include <string.h>

/* With nothing configured: this machine only, anyone on it, memory only. */
const char daemon_builtin_config[] =
  "[policy anyone]\n"
  "allow=true\n"
  "[topic #]\n"
  "create=auto\n"
  "publish-policy=anyone\n"
  "subscribe-policy=anyone\n"
  "[listener mqtt]\n"
  "type=mqtt\n"
  "address=tcp:127.0.0.1:1883\n"
  "anonymous=allow\n"
  "[listener web]\n"
  "type=http\n"
  "address=tcp:127.0.0.1:8080\n"
  "anonymous=allow\n"
  "admin=true\n";

/* KIND.KEY=VALUE or KIND.NAME.KEY=VALUE; the name may hold dots. */
static gboolean
add_setting (HawserConfig  *config,
             const char    *setting,
             GError       **error)
{
  const char *equals = strchr (setting, '=');
  const char *first = strchr (setting, '.');
  g_autofree char *path = equals != NULL ? g_strndup (setting, (gsize) (equals - setting)) : NULL;
  char *last = path != NULL ? strrchr (path, '.') : NULL;
  g_autofree char *kind = NULL, *text = NULL, *label = NULL;

  if (last == NULL || first == NULL || first > equals || first == setting || last[1] == '\0' || strpbrk (setting, "\n\r[]") != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                   "--set %s: want KIND.NAME.KEY=VALUE, such as listener.mqtt.address=tcp:127.0.0.1:1884", setting);
      return FALSE;
    }
  *last = '\0';
  kind = g_strndup (setting, (gsize) (first - setting));
  if (last > path + (first - setting))
    text = g_strdup_printf ("[%s %s]\n%s=%s\n", kind, path + (first - setting) + 1, last + 1, equals + 1);
  else
    text = g_strdup_printf ("[%s]\n%s=%s\n", kind, last + 1, equals + 1);
  label = g_strdup_printf ("--set %s", setting);
  hawser_config_add_text (config, label, text, -1);
  return TRUE;
}

/* @files: NULL: what the system has; @builtin: what holds when that is nothing. Problems with files are in the result. */
HawserConfig *
daemon_config_read (char       **files,
                    char       **settings,
                    const char  *builtin,
                    GError     **error)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();

  if (files != NULL)
    for (guint i = 0; files[i] != NULL; i++)
      hawser_config_add_file (config, files[i], NULL);
  else if (hawser_config_add_layers (config, NULL) == 0)
    hawser_config_add_text (config, "built-in", builtin, -1);
  for (guint i = 0; settings != NULL && settings[i] != NULL; i++)
    if (!add_setting (config, settings[i], error))
      return NULL;
  return g_steal_pointer (&config);
}
