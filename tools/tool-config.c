/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files, makes plugin types known, checks: the same three steps as hawserd. */

#include "tool-config.h"

HawserConfig *
tool_config_load (Tool  *tool,
                  char **files)
{
  HawserConfig *config = hawser_config_new ();

  if (files == NULL || files[0] == NULL)
    hawser_config_add_layers (config, NULL);
  else
    for (guint i = 0; files[i] != NULL; i++)
      hawser_config_add_file (config, files[i], NULL);
  hawser_config_load_types (config, hawser_plugin_registry_get_default ());
  hawser_config_check (config);
  return config;
}
