/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugins that are linked into the program: none, unless a program defines its own list (sanitizer, coverage and
 * fuzz builds do: the build generates one). */

#include "hawser-plugin.h"

static const HawserBuiltinPlugin *builtin_plugins;

void
hawser_set_builtin_plugins (const HawserBuiltinPlugin *plugins)
{
  builtin_plugins = plugins;
}

const HawserBuiltinPlugin *
hawser_get_builtin_plugins (void)
{
  return builtin_plugins;
}
